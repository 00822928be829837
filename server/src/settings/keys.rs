//! Every setting there is: its place in the file, its environment variable, its flag, its default.

mod door;
mod elsewhere;
mod watching;

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// Its place in the TOML file, `section.name`.
    pub path: &'static str,
    /// Its environment variable.
    pub environment: &'static str,
    /// Other names of that variable, looked at in this order when it is not set.
    pub also: &'static [&'static str],
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
    Key { path, environment, also: &[], flag, default, help, mask: None }
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

/// A setting whose variable has other names too.
const fn aliased(also: &'static [&'static str], key: Key) -> Key {
    Key { also, ..key }
}

/// The settings, in the order in which they are shown.
pub const KEYS: [Key; 100] = joined(&[&FIRST, &elsewhere::KEYS, &door::KEYS, &watching::KEYS]);

/// Several lists as one.
const fn joined<const COUNT: usize>(lists: &[&[Key]]) -> [Key; COUNT] {
    let mut all = [FIRST[0]; COUNT];
    let (mut list, mut done) = (0, 0);
    while list < lists.len() {
        let mut at = 0;
        while at < lists[list].len() {
            all[done] = lists[list][at];
            (at, done) = (at + 1, done + 1);
        }
        list += 1;
    }
    all
}

/// The first settings.
const FIRST: [Key; 47] = [
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
        "exchange.successors",
        "BINANCE_SUCCESSORS",
        "successors",
        "MATICUSDT=POLUSDT",
        "renamed markets and what they are called now, as OLD=NEW, separated by commas",
    ),
    key(
        "exchange.listings_seconds",
        "BINANCE_LISTINGS_SECONDS",
        "listings-seconds",
        "300",
        "how often the exchange is asked which markets it trades",
    ),
    key(
        "exchange.lines",
        "BINANCE_LINES",
        "lines",
        "2",
        "websocket connections that follow the same streams; what one misses the other brings",
    ),
    key(
        "exchange.connection_lifetime_seconds",
        "BINANCE_CONNECTION_LIFETIME_SECONDS",
        "connection-lifetime-seconds",
        "82800",
        "after so long a connection is renewed, one after the other; the exchange closes it after 86400",
    ),
    key(
        "exchange.streams_per_connection",
        "BINANCE_STREAMS_PER_CONNECTION",
        "streams-per-connection",
        "1024",
        "streams on one connection, by the exchange's limit",
    ),
    key(
        "exchange.message_pause_seconds",
        "BINANCE_MESSAGE_PAUSE_SECONDS",
        "message-pause-seconds",
        "0.25",
        "pause between two messages on one connection; the exchange allows five a second",
    ),
    key(
        "exchange.request_weight_per_minute",
        "BINANCE_REQUEST_WEIGHT_PER_MINUTE",
        "request-weight-per-minute",
        "6000",
        "request weight that one address may use a minute, by the exchange's limit",
    ),
    key(
        "exchange.request_attempts",
        "BINANCE_REQUEST_ATTEMPTS",
        "request-attempts",
        "5",
        "tries of one REST request before it fails",
    ),
    key(
        "exchange.connect_timeout_seconds",
        "BINANCE_CONNECT_TIMEOUT_SECONDS",
        "connect-timeout-seconds",
        "10",
        "longest wait for a connection",
    ),
    key(
        "exchange.request_timeout_seconds",
        "BINANCE_REQUEST_TIMEOUT_SECONDS",
        "request-timeout-seconds",
        "20",
        "longest wait for a whole REST answer",
    ),
    key(
        "exchange.backoff_first_seconds",
        "BINANCE_BACKOFF_FIRST_SECONDS",
        "backoff-first-seconds",
        "0.25",
        "first wait after a failure; waits double",
    ),
    key(
        "exchange.backoff_longest_seconds",
        "BINANCE_BACKOFF_LONGEST_SECONDS",
        "backoff-longest-seconds",
        "30",
        "longest wait after failures",
    ),
    key(
        "exchange.silent_socket_seconds",
        "BINANCE_SILENT_SOCKET_SECONDS",
        "silent-socket-seconds",
        "60",
        "a connection without any message for so long is taken for dead; the exchange pings every 20",
    ),
    key(
        "exchange.deaf_socket_seconds",
        "BINANCE_DEAF_SOCKET_SECONDS",
        "deaf-socket-seconds",
        "60",
        "a connection without a kline for so much longer than another is taken for deaf",
    ),
    key(
        "exchange.quiet_socket_seconds",
        "BINANCE_QUIET_SOCKET_SECONDS",
        "quiet-socket-seconds",
        "3",
        "after so long without a kline the exchange's clock is asked",
    ),
    key(
        "exchange.clock_check_seconds",
        "BINANCE_CLOCK_CHECK_SECONDS",
        "clock-check-seconds",
        "60",
        "the exchange's clock is asked at least so often",
    ),
    key(
        "exchange.overdue_close_seconds",
        "BINANCE_OVERDUE_CLOSE_SECONDS",
        "overdue-close-seconds",
        "2",
        "after so long a closing frame that does not come is fetched by REST",
    ),
    key(
        "exchange.trades",
        "BINANCE_TRADES",
        "trades",
        "fallback",
        "when klines are made of trades: fallback, for an overdue bar that REST does not tell either; or never",
    ),
    key(
        "exchange.hold_seconds",
        "BINANCE_HOLD_SECONDS",
        "hold-seconds",
        "20",
        "frames are held back so long at most while what was missed is fetched",
    ),
    key(
        "exchange.audit_bars",
        "BINANCE_AUDIT_BARS",
        "audit-bars",
        "480",
        "how many of each symbol's last bars are asked for again and compared; 0 for none",
    ),
    key(
        "exchange.audit_seconds",
        "BINANCE_AUDIT_SECONDS",
        "audit-seconds",
        "600",
        "how often each symbol is audited, if audits-per-minute allows",
    ),
    key(
        "exchange.audits_per_minute",
        "BINANCE_AUDITS_PER_MINUTE",
        "audits-per-minute",
        "300",
        "most audits in a minute over all symbols; each takes a request weight of 2",
    ),
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
    key(
        "forecast.parity_audit_seconds",
        "KLINECAST_PARITY_AUDIT_SECONDS",
        "parity-audit-seconds",
        "1800",
        "how often the last day's answers are compared bit for bit with a batch run over klines fetched anew; 0 for never",
    ),
    key("store.home", "KLINECAST_HOME", "home", ".klinecast", "folder of the store"),
    key(
        "journal.keep_days",
        "KLINECAST_JOURNAL_KEEP_DAYS",
        "journal-keep-days",
        "0",
        "whole days of the journal that are kept before the newest one; older ones are dropped once they are exported; 0 keeps all",
    ),
    key(
        "journal.drop_unexported",
        "KLINECAST_JOURNAL_DROP_UNEXPORTED",
        "journal-drop-unexported",
        "false",
        "whether old days of the journal are dropped even if they were not exported: true or false",
    ),
    secret(
        "database.url",
        "DB_URL",
        "database-url",
        "PostgreSQL in place of the database in the store's folder: postgresql://user:password@host:port/database?sslmode=verify-full&sslrootcert=FILE",
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
        "http.allowed_origins",
        "API_ALLOWED_ORIGINS",
        "allowed-origins",
        "",
        "origins whose web pages may ask HTTP and gRPC-Web, for example https://board.example, separated by commas; * for all; pages of the server itself always may",
    ),
    key(
        "http.allowed_hosts",
        "API_ALLOWED_HOSTS",
        "allowed-hosts",
        "",
        "names by which a server on loopback may be asked beside localhost, 127.0.0.1 and [::1], separated by commas",
    ),
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
        "subscribers.max_open",
        "API_SUBSCRIBERS_MAX_OPEN",
        "subscribers-max-open",
        "20000",
        "how many subscriptions may be open; one more is refused",
    ),
    key(
        "subscribers.heartbeat_seconds",
        "API_SUBSCRIBER_HEARTBEAT_SECONDS",
        "subscriber-heartbeat-seconds",
        "15",
        "how often a subscription with nothing to say says so",
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
    fn no_other_name_is_a_name_too() {
        let names: Vec<&str> =
            KEYS.iter().flat_map(|key| key.also.iter().copied().chain([key.environment])).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn a_slip_of_the_pen_finds_its_key() {
        assert_eq!(nearest("grpc.adress"), "grpc.address");
        assert_eq!(nearest("server.hme"), "store.home");
        assert_eq!(nearest("exchange.symbol"), "exchange.symbols");
    }
}
