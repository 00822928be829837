//! What the server tells about itself, and to whom.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Reader;
use crate::telemetry::logs::LogFormat;
use crate::telemetry::reports::ReportSettings;
use crate::telemetry::traces::TraceSettings;

/// Logs, traces and error reports.
#[derive(Debug, Clone, PartialEq)]
pub struct TelemetrySettings {
    /// What is logged, in the form of `tracing`'s filter.
    pub log_filter: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// Requests that take longer are logged; `None` logs none for it.
    pub slow: Option<Duration>,
    /// Where traces go; `None` makes none.
    pub traces: Option<TraceSettings>,
    /// Where reports of errors go; `None` makes none.
    pub reports: Option<ReportSettings>,
}

/// Reads them.
pub(super) fn read(reader: &mut Reader<'_>) -> TelemetrySettings {
    let slow_ms = u64::try_from(reader.bounded("log.slow_ms", 0, 3_600_000)).unwrap_or(0);
    let environment = reader.text("telemetry.environment");
    let ratio = reader.parse::<Ratio>("telemetry.sample_ratio").unwrap_or(Ratio(0.0)).0;
    let endpoint = reader.given::<Endpoint>("telemetry.otlp_endpoint");
    let dsn = reader.given("telemetry.sentry_dsn");
    TelemetrySettings {
        log_filter: reader.text("log.filter"),
        log_format: reader.parse("log.format").unwrap_or(LogFormat::Auto),
        slow: (slow_ms > 0).then(|| Duration::from_millis(slow_ms)),
        traces: endpoint.map(|Endpoint(endpoint)| TraceSettings {
            endpoint,
            ratio,
            environment: environment.clone(),
        }),
        reports: dsn.map(|dsn| ReportSettings { dsn, environment }),
    }
}

impl Reader<'_> {
    /// The value at a place, if one is given.
    fn given<T: FromStr<Err: fmt::Display>>(&mut self, path: &str) -> Option<T> {
        if self.text(path).trim().is_empty() { None } else { self.parse(path) }
    }
}

/// A number from 0 to 1.
struct Ratio(f64);

impl FromStr for Ratio {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.parse::<f64>() {
            Ok(ratio) if (0.0..=1.0).contains(&ratio) => Ok(Self(ratio)),
            _ => Err("must be a number from 0 to 1, for example 0.01"),
        }
    }
}

/// The address of a receiver of OTLP over gRPC.
struct Endpoint(String);

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let remedy = "must be an address of a receiver of OTLP over gRPC, for example http://127.0.0.1:4317";
        let uri: axum::http::Uri = text.parse().map_err(|_| remedy)?;
        let known = matches!(uri.scheme_str(), Some("http" | "https"));
        let plain = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        if known && plain { Ok(Self(text.to_owned())) } else { Err(remedy) }
    }
}

/// An address without what stands before its host: a key, or a user and a password.
pub(super) fn masked(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(host)) if scheme < host => format!("{}***{}", &text[..scheme + 3], &text[host..]),
        (Some(_), None) => text.to_owned(),
        _ => "***".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, SettingsError, Sources, resolve};

    fn settings(flags: &[(&str, &str)]) -> Result<TelemetrySettings, SettingsError> {
        let flags = flags.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        let resolved = resolve(&Sources { flags, ..Sources::default() })?;
        Settings::from_resolved(&resolved).map(|settings| settings.telemetry)
    }

    #[test]
    fn nothing_is_sent_anywhere_unless_it_is_asked_for() -> Result<(), SettingsError> {
        let settings = settings(&[])?;
        assert_eq!((settings.traces, settings.reports), (None, None));
        assert_eq!(settings.slow, Some(Duration::from_millis(250)));
        Ok(())
    }

    #[test]
    fn what_is_asked_for_is_read() -> Result<(), SettingsError> {
        let settings = settings(&[
            ("telemetry.otlp_endpoint", "http://collector:4317"),
            ("telemetry.sample_ratio", "0.5"),
            ("telemetry.sentry_dsn", "https://public@errors.example.com/7"),
            ("telemetry.environment", "staging"),
            ("log.slow_ms", "0"),
            ("log.format", "text"),
        ])?;
        assert_eq!(settings.slow, None);
        assert_eq!(settings.log_format, LogFormat::Text);
        let traces = settings.traces.map(|traces| (traces.endpoint, traces.ratio, traces.environment));
        assert_eq!(traces, Some(("http://collector:4317".to_owned(), 0.5, "staging".to_owned())));
        assert_eq!(settings.reports.map(|reports| reports.environment), Some("staging".to_owned()));
        Ok(())
    }

    #[test]
    fn what_cannot_be_used_is_named_and_no_key_is_shown() {
        let told = settings(&[
            ("telemetry.otlp_endpoint", "http://user:s3cret@collector:4317"),
            ("telemetry.sample_ratio", "2"),
            ("telemetry.sentry_dsn", "ftp://s3cret@errors.example.com/7"),
            ("log.format", "xml"),
        ]);
        let told = told.map_or_else(|error| error.to_string(), |_| String::new());
        for name in
            ["telemetry.otlp_endpoint", "telemetry.sample_ratio", "telemetry.sentry_dsn", "log.format"]
        {
            assert!(told.contains(name), "{name} is not in {told}");
        }
        assert!(!told.contains("s3cret"), "{told}");
    }

    #[test]
    fn a_key_is_masked_wherever_it_stands() -> Result<(), SettingsError> {
        assert_eq!(masked("https://s3cret@errors.example.com/7"), "https://***@errors.example.com/7");
        assert_eq!(masked("https://a:s3cret@x@errors/7"), "https://***@errors/7");
        assert_eq!(masked("http://collector:4317"), "http://collector:4317");
        assert_eq!(masked("s3cret"), "***");
        let flag = ("telemetry.sentry_dsn".to_owned(), "https://s3cret@errors.example.com/7".to_owned());
        let printed = resolve(&Sources { flags: [flag].into(), ..Sources::default() })?.to_string();
        assert!(printed.contains("sentry_dsn = \"https://***@errors.example.com/7\""), "{printed}");
        Ok(())
    }
}
