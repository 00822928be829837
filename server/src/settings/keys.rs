//! Every setting there is: its place in the file, its environment variable, its flag, its default.

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its place in the TOML file, `section.name`.
    pub path: &'static str,
    /// Its environment variable.
    pub environment: &'static str,
    /// Its flag, without the dashes.
    pub flag: &'static str,
    /// Its value when nobody says anything.
    pub default: &'static str,
    /// What it is, for `--help`.
    pub help: &'static str,
    /// How a value is shown that has a secret in it; `None` if it has none.
    pub mask: Option<fn(&str) -> String>,
}

impl Key {
    /// A value as it may be shown.
    #[must_use]
    pub fn shown(&self, text: &str) -> String {
        match self.mask {
            Some(mask) if !text.is_empty() => mask(text),
            _ => text.to_owned(),
        }
    }
}

const fn key(
    path: &'static str,
    environment: &'static str,
    flag: &'static str,
    default: &'static str,
    help: &'static str,
) -> Key {
    Key { path, environment, flag, default, help, mask: None }
}

const fn secret(
    path: &'static str,
    environment: &'static str,
    flag: &'static str,
    help: &'static str,
    mask: fn(&str) -> String,
) -> Key {
    Key { mask: Some(mask), ..key(path, environment, flag, "", help) }
}

/// The settings, in the order in which they are shown.
pub const KEYS: [Key; 22] = [
    key(
        "exchange.rest_url",
        "BINANCE_REST_URL",
        "rest-url",
        market::BINANCE_REST_URL,
        "base address of the exchange's REST interface",
    ),
    key(
        "exchange.websocket_url",
        "BINANCE_WEBSOCKET_URL",
        "websocket-url",
        market::BINANCE_WEBSOCKET_URL,
        "base address of the exchange's websocket interface",
    ),
    key(
        "exchange.symbols",
        "BINANCE_SYMBOLS",
        "symbols",
        "ADAUSDT,AVAXUSDT,BNBUSDT,BTCUSDT,DOTUSDT,ETHUSDT,LINKUSDT,POLUSDT,SOLUSDT,XRPUSDT",
        "markets to follow, separated by commas",
    ),
    key("exchange.interval", "BINANCE_INTERVAL", "interval", "15m", "length of one step"),
    key(
        "forecast.history_bars",
        "KLINECAST_HISTORY_BARS",
        "history-bars",
        "auto",
        "bars of history that each symbol is warmed up with; auto takes what the features and tasks need",
    ),
    key(
        "forecast.max_lateness_ms",
        "KLINECAST_MAX_LATENESS_MS",
        "max-lateness-ms",
        "30000",
        "how long after its end a bar waits for late symbols, in milliseconds of the exchange's clock",
    ),
    key("store.home", "KLINECAST_HOME", "home", ".klinecast", "folder of the store"),
    secret(
        "database.url",
        "DB_URL",
        "database-url",
        "PostgreSQL in place of the database in the store's folder: postgresql://user:password@host:port/database",
        store::DatabaseUrl::masked,
    ),
    key("database.host", "DB_HOST", "database-host", "", "PostgreSQL's host, where no database-url is given"),
    key("database.port", "DB_PORT", "database-port", "", "PostgreSQL's port; 5432 if nothing is said"),
    key("database.user", "DB_USER", "database-user", "", "PostgreSQL's user"),
    secret(
        "database.password",
        "DB_PASSWORD",
        "database-password",
        "PostgreSQL's password; better by the environment, flags are seen by others",
        |_| "***".to_owned(),
    ),
    key(
        "database.name",
        "DB_NAME",
        "database-name",
        "",
        "PostgreSQL's database; klinecast if nothing is said",
    ),
    key("grpc.address", "API_GRPC_ADDRESS", "grpc-address", "127.0.0.1:50051", "where gRPC listens"),
    key("http.address", "API_HTTP_ADDRESS", "http-address", "127.0.0.1:8000", "where HTTP listens"),
    key(
        "metrics.address",
        "MONITORING_METRICS_ADDRESS",
        "metrics-address",
        "127.0.0.1:9464",
        "where Prometheus finds /metrics",
    ),
    key(
        "registry.poll_seconds",
        "KLINECAST_REGISTRY_POLL_SECONDS",
        "registry-poll-seconds",
        "5",
        "how often the registry is asked for a new champion",
    ),
    key(
        "subscribers.queue_predictions",
        "API_SUBSCRIBER_QUEUE_PREDICTIONS",
        "subscriber-queue-predictions",
        "4096",
        "how many predictions a subscriber may be behind before it loses the oldest and is told so",
    ),
    key(
        "subscribers.heartbeat_seconds",
        "API_SUBSCRIBER_HEARTBEAT_SECONDS",
        "subscriber-heartbeat-seconds",
        "15",
        "how often a subscription with nothing to say says so",
    ),
    key("server.grace_seconds", "API_GRACE_SECONDS", "grace-seconds", "10", "how long a stop may take"),
    key(
        "server.ready_file",
        "KLINECAST_READY_FILE",
        "ready-file",
        "",
        "file to write the bound addresses to, as JSON, when the server listens",
    ),
    key(
        "log.filter",
        "MONITORING_LOG_FILTER",
        "log-filter",
        "info",
        "what is logged, for example info or klinecast_server=debug",
    ),
];

/// The setting at a place in the file.
#[must_use]
pub(super) fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// A value as it may be shown.
#[must_use]
pub(super) fn shown(path: &str, text: &str) -> String {
    find(path).map_or_else(|| text.to_owned(), |key| key.shown(text))
}

/// The known place most like `path`.
#[must_use]
pub(super) fn nearest(path: &str) -> &'static str {
    let likeness = |key: &Key| strsim::jaro_winkler(path, key.path).max(last_part_likeness(path, key.path));
    KEYS.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b))).map_or("", |key| key.path)
}

/// How alike the names are when the sections differ.
fn last_part_likeness(a: &str, b: &str) -> f64 {
    let last = |text: &str| text.rsplit('.').next().unwrap_or_default().to_owned();
    strsim::jaro_winkler(&last(a), &last(b)) * 0.98
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_name_is_used_twice() {
        for name in [|key: &Key| key.path, |key: &Key| key.environment, |key: &Key| key.flag] {
            assert_eq!(KEYS.iter().map(name).collect::<BTreeSet<_>>().len(), KEYS.len());
        }
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_key() {
        assert_eq!(nearest("grpc.adress"), "grpc.address");
        assert_eq!(nearest("server.hme"), "store.home");
        assert_eq!(nearest("exchange.symbol"), "exchange.symbols");
    }
}
