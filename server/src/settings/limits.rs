//! The exchange's limits, and how patient we are with it.

use market::ExchangeLimits;
use market::backoff::BackoffPolicy;

use super::Reader;

/// Reads every limit; what is wrong is collected.
pub(super) fn read(reader: &mut Reader<'_>) -> ExchangeLimits {
    let count = |reader: &mut Reader<'_>, path: &str, least, most| {
        u32::try_from(reader.count(path, least, most)).unwrap_or(u32::MAX)
    };
    let defaults = ExchangeLimits::default();
    ExchangeLimits {
        lines: reader.count("exchange.lines", 1, 8),
        connection_lifetime: reader.seconds("exchange.connection_lifetime_seconds", 1.0),
        streams_per_connection: reader.count("exchange.streams_per_connection", 1, 1_024),
        message_pause: reader.seconds("exchange.message_pause_seconds", 0.0),
        request_weight_per_minute: count(reader, "exchange.request_weight_per_minute", 1, 1_000_000),
        request_attempts: count(reader, "exchange.request_attempts", 1, 100),
        connect_timeout: reader.seconds("exchange.connect_timeout_seconds", 0.1),
        request_timeout: reader.seconds("exchange.request_timeout_seconds", 0.1),
        backoff: BackoffPolicy {
            first: reader.seconds("exchange.backoff_first_seconds", 0.001),
            longest: reader.seconds("exchange.backoff_longest_seconds", 0.001),
            ..defaults.backoff
        },
        silent_socket: reader.seconds("exchange.silent_socket_seconds", 0.1),
        deaf_socket: reader.seconds("exchange.deaf_socket_seconds", 0.1),
        quiet_socket: reader.seconds("exchange.quiet_socket_seconds", 0.1),
        clock_check: reader.seconds("exchange.clock_check_seconds", 0.1),
        overdue_close: reader.seconds("exchange.overdue_close_seconds", 0.0),
        trades: reader.parse("exchange.trades").unwrap_or(defaults.trades),
        hold: reader.seconds("exchange.hold_seconds", 0.0),
        audit_bars: count(reader, "exchange.audit_bars", 0, 500),
        audit_every: reader.seconds("exchange.audit_seconds", 0.1),
        audits_per_minute: count(reader, "exchange.audits_per_minute", 1, 100_000),
        buffered_frames: defaults.buffered_frames,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Settings, Sources, resolve};

    #[test]
    fn the_defaults_are_those_of_the_exchange() {
        let settings = resolve(&Sources::default()).map(|resolved| Settings::from_resolved(&resolved));
        assert_eq!(
            settings.ok().and_then(Result::ok).map(|settings| settings.limits),
            Some(ExchangeLimits::default())
        );
    }

    #[test]
    fn a_limit_that_cannot_be_kept_is_refused_by_name() {
        let mut sources = Sources::default();
        sources.flags.insert("exchange.lines".to_owned(), "0".to_owned());
        sources.flags.insert("exchange.audit_bars".to_owned(), "501".to_owned());
        sources.flags.insert("exchange.trades".to_owned(), "always".to_owned());
        let settings = resolve(&sources).map(|resolved| Settings::from_resolved(&resolved));
        let problem = settings.ok().and_then(Result::err).map(|error| error.to_string()).unwrap_or_default();
        for name in ["exchange.lines", "exchange.audit_bars", "exchange.trades"] {
            assert!(problem.contains(name), "{problem}");
        }
        assert!(problem.contains("fallback or never"), "{problem}");
    }
}
