//! Every metric that the server exports.

/// What a metric counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Spreads observations over buckets.
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it counts.
    pub kind: Kind,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// The names.
pub mod names {
    /// gRPC calls begun.
    pub const GRPC_STARTED: &str = "grpc_server_started_total";
    /// gRPC calls ended.
    pub const GRPC_HANDLED: &str = "grpc_server_handled_total";
    /// How long gRPC calls took.
    pub const GRPC_SECONDS: &str = "grpc_server_handling_seconds";
    /// HTTP requests ended.
    pub const HTTP_REQUESTS: &str = "klinecast_http_requests_total";
    /// How long HTTP requests took.
    pub const HTTP_SECONDS: &str = "klinecast_http_request_seconds";
    /// Open connections.
    pub const CONNECTIONS: &str = "klinecast_connections";
    /// Connections that were not served.
    pub const CONNECTIONS_REFUSED: &str = "klinecast_connections_refused_total";
    /// Requests that were refused by who asked or how often.
    pub const ACCESS_REFUSED: &str = "klinecast_access_refused_total";
    /// Files of keys and certificates that have changed.
    pub const ACCESS_RELOADS: &str = "klinecast_access_reloads_total";
    /// Lines of the audit file.
    pub const AUDIT_LINES: &str = "klinecast_audit_lines_total";
    /// Explanations that were looked for.
    pub const EXPLANATIONS: &str = "klinecast_explanation_lookups_total";
    /// Whether limits are shared over Redis.
    pub const LIMITS_SHARED: &str = "klinecast_limits_shared";
    /// Calls that this server counted alone.
    pub const LIMITS_FALLBACKS: &str = "klinecast_limits_fallbacks_total";
    /// Requests that took long.
    pub const SLOW: &str = "klinecast_slow_requests_total";
    /// Parts of traces made.
    pub const SPANS: &str = "klinecast_trace_spans_total";
    /// Reports of errors made.
    pub const REPORTS: &str = "klinecast_error_reports_total";
    /// Klines taken in.
    pub const KLINES: &str = "klinecast_klines_total";
    /// Klines back-filled.
    pub const BACKFILLED: &str = "klinecast_backfilled_klines_total";
    /// Predictions published.
    pub const PREDICTIONS: &str = "klinecast_predictions_total";
    /// Outcomes resolved.
    pub const RESOLUTIONS: &str = "klinecast_resolutions_total";
    /// Time of one event in the engine.
    pub const ENGINE_SECONDS: &str = "klinecast_engine_event_seconds";
    /// Things that a person should know.
    pub const ALARMS: &str = "klinecast_alarms_total";
    /// The last sealed bar.
    pub const WATERMARK: &str = "klinecast_watermark_timestamp_seconds";
    /// Age of a symbol's last bar.
    pub const STALENESS: &str = "klinecast_staleness_seconds";
    /// Warm features of a symbol.
    pub const WARM_FEATURES: &str = "klinecast_warm_features";
    /// Features of a symbol; a name of the earlier pipeline.
    pub const FEATURE_COUNT: &str = "feature_count";
    /// Live loss of a task.
    pub const TASK_LOSS: &str = "klinecast_task_loss";
    /// Live skill of a task.
    pub const TASK_SKILL: &str = "klinecast_task_skill_ratio";
    /// Live root mean squared error of a task; a name of the earlier pipeline.
    pub const MODEL_RMSE: &str = "model_performance_rmse";
    /// Skill over a window, of the journal.
    pub const SKILL: &str = "klinecast_skill";
    /// Mean loss over a window, of the journal.
    pub const LOSS: &str = "klinecast_loss";
    /// Mean loss of the best baseline over a window, of the journal.
    pub const BASELINE_LOSS: &str = "klinecast_baseline_loss";
    /// Outcomes in a window, of the journal.
    pub const SCORED: &str = "klinecast_scored_outcomes";
    /// Bundles loaded or refused.
    pub const BUNDLE_LOADS: &str = "klinecast_bundle_loads_total";
    /// Blocks whose bands were renewed.
    pub const BANDS_RENEWED: &str = "klinecast_bands_renewed_total";
    /// Failures to renew bands.
    pub const BANDS_FAILURES: &str = "klinecast_bands_failures_total";
    /// Blocks with renewed bands that are to come.
    pub const BANDS_AHEAD: &str = "klinecast_bands_blocks_ahead";
    /// States of the Forecaster saved or taken up.
    pub const SNAPSHOTS: &str = "klinecast_snapshots_total";
    /// The bundle that answers.
    pub const BUNDLE_INFO: &str = "klinecast_bundle_info";
    /// Open subscriptions.
    pub const SUBSCRIBERS: &str = "klinecast_subscribers";
    /// Predictions that slow subscribers lost.
    pub const LAGGED: &str = "klinecast_lagged_predictions_total";
    /// Items written to the store.
    pub const WRITTEN: &str = "klinecast_written_items_total";
    /// Items lost because the store failed.
    pub const LOST: &str = "klinecast_lost_items_total";
    /// Records dropped from the journal.
    pub const JOURNAL_DROPPED: &str = "klinecast_journal_dropped_records_total";
    /// Records that the store does not take now.
    pub const JOURNAL_HELD: &str = "klinecast_journal_held_records";
    /// The oldest prediction in the journal.
    pub const JOURNAL_OLDEST: &str = "klinecast_journal_oldest_bar_timestamp_seconds";
    /// Whether the exchange is followed live.
    pub const EXCHANGE_LIVE: &str = "klinecast_exchange_live";
    /// Numbers of live answers that a batch run did not give.
    pub const PARITY_MISMATCHES: &str = "feature_parity_mismatches_total";
    /// Audits of live answers.
    pub const PARITY_AUDITS: &str = "klinecast_parity_audits_total";
    /// Whether the exchange trades a symbol.
    pub const TRADED: &str = "klinecast_symbol_traded";
    /// The exchange's clock against this machine's.
    pub const CLOCK_OFFSET: &str = "klinecast_exchange_clock_offset_seconds";
    /// Open sockets to the exchange.
    pub const EXCHANGE_LINES: &str = "klinecast_exchange_lines";
    /// Bars that were compared with what the exchange says now.
    pub const AUDITED: &str = "klinecast_audited_bars_total";
    /// Those of them that were different.
    pub const AUDIT_DIFFERING: &str = "klinecast_audit_differing_bars_total";
    /// Bars that were found missing.
    pub const MISSING_BARS: &str = "klinecast_missing_bars_total";
    /// Missing bars that came.
    pub const FILLED_BARS: &str = "klinecast_filled_bars_total";
    /// Bars that are missing now.
    pub const GAPS: &str = "klinecast_gap_bars";
    /// Tries to reach the exchange again.
    pub const RECONNECTS: &str = "klinecast_exchange_reconnects_total";
    /// How late tasks run.
    pub const LAG: &str = "klinecast_task_lag_seconds";
    /// Calls under way.
    pub const CALLS: &str = "klinecast_calls_in_flight";
    /// Calls refused because the server did not keep up.
    pub const SHED: &str = "klinecast_shed_calls_total";
    /// Whether something outside is left alone because it fails.
    pub const BREAKER: &str = "klinecast_breaker_open";
    /// Whether the server serves.
    pub const SERVING: &str = "klinecast_serving";
    /// The build.
    pub const BUILD_INFO: &str = "klinecast_build_info";
    /// CPU time.
    pub const PROCESS_CPU: &str = "process_cpu_seconds_total";
    /// Resident memory.
    pub const PROCESS_MEMORY: &str = "process_resident_memory_bytes";
    /// Address space.
    pub const PROCESS_VIRTUAL: &str = "process_virtual_memory_bytes";
    /// Threads.
    pub const PROCESS_THREADS: &str = "process_threads";
    /// Limit of open files.
    pub const PROCESS_FILES_MAX: &str = "process_max_fds";
    /// Open files.
    pub const PROCESS_FILES: &str = "process_open_fds";
    /// Start of the process.
    pub const PROCESS_START: &str = "process_start_time_seconds";
}

const GRPC_LABELS: &[&str] = &["grpc_type", "grpc_service", "grpc_method"];
const GRPC_CODE_LABELS: &[&str] = &["grpc_type", "grpc_service", "grpc_method", "grpc_code"];

const fn metric(
    name: &'static str,
    kind: Kind,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind, labels, help }
}

/// Every metric there is.
#[rustfmt::skip]
pub const METRICS: [Metric; 71] = [
    metric(names::GRPC_STARTED, Kind::Counter, GRPC_LABELS, "gRPC calls begun"),
    metric(names::GRPC_HANDLED, Kind::Counter, GRPC_CODE_LABELS, "gRPC calls ended, by code"),
    metric(names::GRPC_SECONDS, Kind::Histogram, GRPC_LABELS, "time from a gRPC call's start to its end, in seconds"),
    metric(names::HTTP_REQUESTS, Kind::Counter, &["route", "method", "status"], "HTTP requests ended"),
    metric(names::HTTP_SECONDS, Kind::Histogram, &["route", "method"], "time of an HTTP request, in seconds"),
    metric(names::CONNECTIONS, Kind::Gauge, &["face"], "open connections, handshakes included; face is grpc or http"),
    metric(names::CONNECTIONS_REFUSED, Kind::Counter, &["face", "why"], "connections that were closed unserved: full, handshake, silent, or exhausted (no more open files)"),
    metric(names::ACCESS_REFUSED, Kind::Counter, &["reason"], "requests refused by who asked (UNAUTHENTICATED, PERMISSION_DENIED) or how often (RATE_LIMITED, QUOTA_EXCEEDED)"),
    metric(names::ACCESS_RELOADS, Kind::Counter, &["what", "result"], "changed files of keys or certificates, taken up or refused"),
    metric(names::AUDIT_LINES, Kind::Counter, &["result"], "lines of the audit file, written or lost"),
    metric(names::EXPLANATIONS, Kind::Counter, &["kept", "result"], "explanations looked for in memory and over Redis, there (hit) or made anew (miss)"),
    metric(names::LIMITS_SHARED, Kind::Gauge, &[], "1 while limits are shared over Redis, 0 while it does not answer"),
    metric(names::LIMITS_FALLBACKS, Kind::Counter, &[], "calls counted by this server alone because Redis did not answer"),
    metric(names::SLOW, Kind::Counter, &["face"], "requests that took longer than log.slow_ms, over gRPC or HTTP"),
    metric(names::SPANS, Kind::Counter, &["result"], "spans of traces: exported; dropped, because too many waited; failed, because the receiver did not take them"),
    metric(names::REPORTS, Kind::Counter, &["result"], "reports of errors: sent; failed; dropped, because too many waited; withheld, because there were too many in a minute or the server has asked for a pause"),
    metric(names::KLINES, Kind::Counter, &["source", "state"], "klines taken in, forming or closed"),
    metric(names::BACKFILLED, Kind::Counter, &[], "klines fetched by REST"),
    metric(names::PREDICTIONS, Kind::Counter, &["revision"], "predictions published, first or amended"),
    metric(names::RESOLUTIONS, Kind::Counter, &["task"], "outcomes resolved"),
    metric(names::ENGINE_SECONDS, Kind::Histogram, &[], "time that one event took in the engine, in seconds"),
    metric(names::ALARMS, Kind::Counter, &["alarm"], "things that a person should know"),
    metric(names::WATERMARK, Kind::Gauge, &[], "close time of the last sealed bar, Unix seconds"),
    metric(names::STALENESS, Kind::Gauge, &["symbol"], "age of the symbol's last bar by the exchange's clock, in seconds"),
    metric(names::WARM_FEATURES, Kind::Gauge, &["symbol"], "features of the symbol that are warm"),
    metric(names::FEATURE_COUNT, Kind::Gauge, &["symbol"], "features of the symbol"),
    metric(names::TASK_LOSS, Kind::Gauge, &["task", "model"], "mean live loss of the ensemble and of the best baseline"),
    metric(names::TASK_SKILL, Kind::Gauge, &["task"], "1 - loss / baseline loss since the start"),
    metric(names::MODEL_RMSE, Kind::Gauge, &["task"], "root of the mean live squared error of a regression task"),
    metric(names::SKILL, Kind::Gauge, &["task", "window"], "1 - loss / baseline loss over all pairs; window is 1d, 7d, 30d or all, in whole UTC days of event time"),
    metric(names::LOSS, Kind::Gauge, &["task", "window"], "mean loss of the ensemble over the window, all pairs"),
    metric(names::BASELINE_LOSS, Kind::Gauge, &["task", "window"], "mean loss of the best baseline on the same outcomes"),
    metric(names::SCORED, Kind::Gauge, &["task", "window"], "outcomes in the window, all pairs"),
    metric(names::BUNDLE_LOADS, Kind::Counter, &["result"], "bundles taken up or refused"),
    metric(names::BANDS_RENEWED, Kind::Counter, &[], "blocks of 96 bars whose bands and confidence were renewed from what has come true"),
    metric(names::BANDS_FAILURES, Kind::Counter, &[], "failures to renew bands, or to read those that were kept; it is tried again"),
    metric(names::BANDS_AHEAD, Kind::Gauge, &[], "blocks for which renewed bands are ready, that of the next bar included; 0 while answers have the bands that the bundle ships"),
    metric(names::SNAPSHOTS, Kind::Counter, &["result"], "states of the engine saved, resumed at the start, or refused there"),
    metric(names::BUNDLE_INFO, Kind::Gauge, &["digest"], "1 for the bundle that answers"),
    metric(names::SUBSCRIBERS, Kind::Gauge, &[], "open subscriptions"),
    metric(names::LAGGED, Kind::Counter, &[], "predictions that slow subscribers lost"),
    metric(names::WRITTEN, Kind::Counter, &["kind"], "klines, journal records and snapshots written"),
    metric(names::LOST, Kind::Counter, &["kind"], "klines, journal records and snapshots lost because the store failed"),
    metric(names::JOURNAL_DROPPED, Kind::Counter, &[], "old records that were dropped from the journal, by journal.keep_days"),
    metric(names::JOURNAL_HELD, Kind::Gauge, &[], "journal records that the store does not take now, a full disk for example; their predictions are not told to subscribers before it does"),
    metric(names::JOURNAL_OLDEST, Kind::Gauge, &[], "close time of the oldest bar that the journal has a prediction of, Unix seconds; looked at once a day"),
    metric(names::EXCHANGE_LIVE, Kind::Gauge, &[], "1 while the exchange is followed live"),
    metric(names::PARITY_MISMATCHES, Kind::Counter, &[], "numbers of live answers that a batch run over the exchange's klines did not give, to the bit; 0 for ever"),
    metric(names::PARITY_AUDITS, Kind::Counter, &["result"], "audits of live answers: same, differs, or unclear"),
    metric(names::TRADED, Kind::Gauge, &["symbol"], "1 while the exchange trades the symbol"),
    metric(names::CLOCK_OFFSET, Kind::Gauge, &[], "the exchange's clock minus this machine's when it was last asked, the way of the answer included"),
    metric(names::EXCHANGE_LINES, Kind::Gauge, &[], "open sockets to the exchange"),
    metric(names::AUDITED, Kind::Counter, &[], "closed bars that were compared with what the exchange says now"),
    metric(names::AUDIT_DIFFERING, Kind::Counter, &[], "audited bars of which the exchange said something else; they were corrected"),
    metric(names::MISSING_BARS, Kind::Counter, &[], "bars that were found missing"),
    metric(names::FILLED_BARS, Kind::Counter, &["source"], "missing bars that came later, by where from"),
    metric(names::GAPS, Kind::Gauge, &["state"], "bars that are missing: open, or lacking at the exchange too"),
    metric(names::RECONNECTS, Kind::Counter, &[], "tries to reach the exchange again"),
    metric(names::LAG, Kind::Gauge, &[], "how late tasks run, in seconds: above server.lag_ms_max calls are refused"),
    metric(names::CALLS, Kind::Gauge, &[], "calls under way on both faces, streams that have begun excepted"),
    metric(names::SHED, Kind::Counter, &[], "calls refused because the server did not keep up"),
    metric(names::BREAKER, Kind::Gauge, &["system"], "1 while requests to a system that fails again and again are refused without asking it"),
    metric(names::SERVING, Kind::Gauge, &[], "1 while the server serves"),
    metric(names::BUILD_INFO, Kind::Gauge, &["version"], "1, with the version of the build"),
    metric(names::PROCESS_CPU, Kind::Counter, &[], "CPU time used, in seconds"),
    metric(names::PROCESS_MEMORY, Kind::Gauge, &[], "resident memory, in bytes"),
    metric(names::PROCESS_VIRTUAL, Kind::Gauge, &[], "address space, in bytes"),
    metric(names::PROCESS_THREADS, Kind::Gauge, &[], "threads"),
    metric(names::PROCESS_FILES_MAX, Kind::Gauge, &[], "how many file descriptors may be open"),
    metric(names::PROCESS_FILES, Kind::Gauge, &[], "open file descriptors"),
    metric(names::PROCESS_START, Kind::Gauge, &[], "start of the process, Unix seconds"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_say_their_unit() {
        let unique: BTreeSet<_> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(unique.len(), METRICS.len());
        for metric in &METRICS {
            let counts = metric.name.ends_with("_total");
            assert_eq!(counts, metric.kind == Kind::Counter, "{}", metric.name);
            let timed = metric.name.ends_with("_seconds");
            assert!(timed || metric.kind != Kind::Histogram, "{}", metric.name);
        }
    }
}
