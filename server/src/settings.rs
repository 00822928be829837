//! The settings: one strict tree. A flag goes over the environment, the environment over its file
//! `.env.<environment>`, that over the TOML file, that over the default.
//!
//! Reading has no side effect, and every fault is reported at once.

mod access;
mod keys;
mod limits;
mod places;
mod resolve;
mod sources;
mod telemetry;
mod web;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use forecast::Forecaster;
use kline::{Interval, Symbol};
use market::{ExchangeLimits, ExchangeSettings};
use store::Places;

use crate::access::AccessSettings;
use crate::overload::LoadLimits;
use crate::web::WebSettings;

pub use access::ListenSettings;
pub use keys::{KEYS, Key};
pub use resolve::{Origin, Resolved, Value, resolve};
pub use sources::{Arguments, Sources, command};
pub use telemetry::TelemetrySettings;

/// Everything that the server can be told, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Base address of the exchange's REST interface.
    pub rest_url: String,
    /// Base address of the exchange's websocket interface.
    pub websocket_url: String,
    /// The markets, sorted by name, without doubles, at least one.
    pub symbols: Vec<Symbol>,
    /// The length of one step.
    pub interval: Interval,
    /// The exchange's limits, and how patient we are with it.
    pub limits: ExchangeLimits,
    /// Renamed symbols and what they are called now.
    pub successors: BTreeMap<Symbol, Symbol>,
    /// How often the exchange is asked which symbols it trades.
    pub listings_every: Duration,
    /// How often live answers are compared with a batch run; zero is never.
    pub parity_every: Duration,
    /// How many bars of history each symbol is warmed up with.
    pub history_bars: usize,
    /// How long after its end a bar waits for late symbols, in milliseconds of the exchange's clock.
    pub max_lateness_ms: i64,
    /// The folder of the store.
    pub home: PathBuf,
    /// So many whole days of the journal are kept before the newest one; 0 keeps all.
    pub keep_days: u32,
    /// Whether old days of the journal are dropped even if they were not exported.
    pub drop_unexported: bool,
    /// What is kept elsewhere than in the folder.
    pub places: Places,
    /// Where gRPC listens.
    pub grpc_address: SocketAddr,
    /// Where HTTP listens.
    pub http_address: SocketAddr,
    /// Where the metrics are served.
    pub metrics_address: SocketAddr,
    /// How connections are taken in.
    pub listen: ListenSettings,
    /// Who may do what, and how much of it.
    pub access: AccessSettings,
    /// Which web pages may ask.
    pub web: WebSettings,
    /// How often the registry is asked for a new champion.
    pub registry_poll: Duration,
    /// How many predictions a subscriber may be behind before it loses the oldest.
    pub subscriber_queue: usize,
    /// How busy the server may be.
    pub load: LoadLimits,
    /// How many subscriptions may be open.
    pub subscribers_max: usize,
    /// A subscription with nothing to say says so this often.
    pub heartbeat: Duration,
    /// How long a stop may take.
    pub grace: Duration,
    /// Logs, traces and error reports.
    pub telemetry: TelemetrySettings,
    /// A file to write the bound addresses to when the server listens.
    pub ready_file: Option<PathBuf>,
}

/// Everything that is wrong with the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", list(.0))]
pub struct SettingsError(pub Vec<String>);

fn list(faults: &[String]) -> String {
    let mut text = format!("{} of the settings cannot be used", faults.len());
    for fault in faults {
        let _ = write!(text, "\n  {fault}");
    }
    text
}

impl Settings {
    /// Checks resolved values.
    ///
    /// # Errors
    /// Every value that cannot be used, with the place that it came from.
    pub fn from_resolved(resolved: &Resolved) -> Result<Self, SettingsError> {
        let mut reader = Reader { resolved, faults: Vec::new() };
        let settings = Self {
            rest_url: reader.text("exchange.rest_url"),
            websocket_url: reader.text("exchange.websocket_url"),
            symbols: reader.symbols("exchange.symbols"),
            interval: reader.parse("exchange.interval").unwrap_or(Interval::M15),
            limits: limits::read(&mut reader),
            successors: reader.successors("exchange.successors"),
            listings_every: reader.seconds("exchange.listings_seconds", 0.1),
            parity_every: reader.seconds("forecast.parity_audit_seconds", 0.0),
            history_bars: reader.history_bars("forecast.history_bars"),
            max_lateness_ms: reader.bounded("forecast.max_lateness_ms", 0, 3_600_000),
            home: PathBuf::from(reader.text("store.home")),
            keep_days: u32::try_from(reader.bounded("journal.keep_days", 0, 36_600)).unwrap_or(0),
            drop_unexported: reader.parse("journal.drop_unexported").unwrap_or(false),
            places: places::read(&mut reader),
            grpc_address: reader.address("grpc.address"),
            http_address: reader.address("http.address"),
            metrics_address: reader.address("metrics.address"),
            listen: access::listen(&mut reader),
            access: access::access(&mut reader),
            web: web::read(&mut reader),
            registry_poll: reader.seconds("registry.poll_seconds", 0.05),
            subscriber_queue: reader.count("subscribers.queue_predictions", 1, 1 << 20),
            subscribers_max: reader.count("subscribers.max_open", 1, 1 << 20),
            heartbeat: reader.seconds("subscribers.heartbeat_seconds", 0.05),
            load: LoadLimits {
                calls_max: reader.count("server.calls_max", 1, 1 << 24),
                lag_max: Duration::from_millis(reader.count("server.lag_ms_max", 1, 1 << 20) as u64),
            },
            grace: reader.seconds("server.grace_seconds", 0.0),
            telemetry: telemetry::read(&mut reader),
            ready_file: Some(reader.text("server.ready_file"))
                .filter(|text| !text.is_empty())
                .map(Into::into),
        };
        reader.check_urls(&settings);
        if reader.faults.is_empty() { Ok(settings) } else { Err(SettingsError(reader.faults)) }
    }
}

impl Settings {
    /// Which exchange is followed, and how.
    #[must_use]
    pub fn exchange(&self) -> ExchangeSettings {
        ExchangeSettings {
            rest_url: self.rest_url.clone(),
            websocket_url: self.websocket_url.clone(),
            symbols: self.symbols.clone(),
            interval: self.interval,
            limits: self.limits.clone(),
        }
    }
}

/// Reads typed values and collects what is wrong with them.
struct Reader<'a> {
    resolved: &'a Resolved,
    faults: Vec<String>,
}

impl Reader<'_> {
    fn text(&self, path: &str) -> String {
        self.resolved.get(path).map(|value| value.text.clone()).unwrap_or_default()
    }

    fn refuse(&mut self, path: &str, problem: &dyn std::fmt::Display) {
        let (text, origin) = self
            .resolved
            .get(path)
            .map(|value| (keys::shown(path, &value.text), value.origin.to_string()))
            .unwrap_or_default();
        self.faults.push(format!("{path} = {text:?} ({origin}): {problem}"));
    }

    pub(super) fn parse<T: FromStr<Err: std::fmt::Display>>(&mut self, path: &str) -> Option<T> {
        match self.text(path).trim().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.refuse(path, &error);
                None
            }
        }
    }

    fn bounded(&mut self, path: &str, least: i64, most: i64) -> i64 {
        match self.parse::<i64>(path) {
            Some(value) if (least..=most).contains(&value) => value,
            Some(_) => {
                self.refuse(path, &format!("must lie from {least} to {most}"));
                least
            }
            None => least,
        }
    }

    pub(super) fn count(&mut self, path: &str, least: i64, most: i64) -> usize {
        usize::try_from(self.bounded(path, least, most)).unwrap_or(usize::MAX)
    }

    fn amount(&mut self, path: &str) -> f64 {
        match self.parse::<f64>(path) {
            Some(value) if (0.0..=1e9).contains(&value) => value,
            Some(_) => {
                self.refuse(path, &"must lie from 0 (no limit) to 1000000000");
                0.0
            }
            None => 0.0,
        }
    }

    fn history_bars(&mut self, path: &str) -> usize {
        if self.text(path) == "auto" {
            return Forecaster::HISTORY_BARS;
        }
        self.count(path, 1, 1_000_000)
    }

    pub(super) fn seconds(&mut self, path: &str, least: f64) -> Duration {
        match self.parse::<f64>(path) {
            Some(value) if value >= least && value <= 86_400.0 => Duration::from_secs_f64(value),
            Some(_) => {
                self.refuse(path, &format!("must lie from {least} to 86400 seconds"));
                Duration::ZERO
            }
            None => Duration::ZERO,
        }
    }

    fn address(&mut self, path: &str) -> SocketAddr {
        self.parse(path).unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    fn symbols(&mut self, path: &str) -> Vec<Symbol> {
        let mut symbols = Vec::new();
        for name in self.text(path).split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.parse() {
                Ok(symbol) => symbols.push(symbol),
                Err(error) => self.refuse(path, &error),
            }
        }
        symbols.sort();
        symbols.dedup();
        if symbols.is_empty() {
            self.refuse(path, &"name at least one symbol");
        }
        symbols
    }

    fn successors(&mut self, path: &str) -> BTreeMap<Symbol, Symbol> {
        let mut successors = BTreeMap::new();
        for pair in self.text(path).split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (old, new) = pair.split_once('=').unwrap_or((pair, ""));
            match (old.trim().parse(), new.trim().parse()) {
                (Ok(old), Ok(new)) => drop(successors.insert(old, new)),
                _ => self.refuse(path, &"write pairs as OLDUSDT=NEWUSDT, separated by commas"),
            }
        }
        successors
    }

    fn check_urls(&mut self, settings: &Settings) {
        if let Err(error) = settings.exchange().validate() {
            self.faults.push(error.to_string());
        }
    }
}

#[cfg(test)]
mod deployed_tests;
#[cfg(test)]
mod tests {
    use super::*;

    fn settings(flags: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut sources = Sources::default();
        for (path, text) in flags {
            sources.flags.insert((*path).to_owned(), (*text).to_owned());
        }
        Settings::from_resolved(&resolve(&sources)?)
    }

    #[test]
    fn the_defaults_serve_ten_pairs_on_loopback() -> Result<(), SettingsError> {
        let settings = settings(&[])?;
        assert_eq!(settings.symbols.len(), 10);
        assert!(settings.symbols.is_sorted());
        assert_eq!(settings.interval, Interval::M15);
        for address in [settings.grpc_address, settings.http_address, settings.metrics_address] {
            assert!(address.ip().is_loopback());
        }
        assert_eq!(settings.history_bars, Forecaster::HISTORY_BARS);
        Ok(())
    }

    #[test]
    fn every_fault_is_named_at_once_with_its_place() {
        let error = settings(&[
            ("grpc.address", "localhost"),
            ("exchange.interval", "7m"),
            ("exchange.symbols", "BTC/USDT"),
            ("server.grace_seconds", "-1"),
            ("exchange.rest_url", "ftp://x"),
        ])
        .map_or_else(|error| error.to_string(), |_| String::new());
        for part in ["grpc.address", "--grpc-address", "7m", "BTC/USDT", "grace_seconds", "ftp://x"] {
            assert!(error.contains(part), "{part} is not in:\n{error}");
        }
    }
}
