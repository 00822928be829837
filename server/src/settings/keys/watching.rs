//! The settings of how much may be under way, and of what is told about it.

use super::{Key, aliased, key, secret};
use crate::settings::telemetry::masked;

/// In the order in which they are shown: the last ones.
pub(super) const KEYS: [Key; 11] = [
    key(
        "server.calls_max",
        "API_CALLS_MAX",
        "calls-max",
        "20000",
        "how many calls may be under way, streams that have begun excepted; one more is refused",
    ),
    key(
        "server.lag_ms_max",
        "API_LAG_MS_MAX",
        "lag-ms-max",
        "500",
        "how late tasks may run before calls are refused, health excepted, until the server keeps up again",
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
    key(
        "log.format",
        "MONITORING_LOG_FORMAT",
        "log-format",
        "auto",
        "how log lines look: json, text, or auto for text on a terminal and json elsewhere",
    ),
    key(
        "log.slow_ms",
        "MONITORING_LOG_SLOW_MS",
        "log-slow-ms",
        "250",
        "requests that take longer are logged, streams excepted; 0 for none",
    ),
    aliased(
        &["MONITORING_OTLP_ENDPOINT"],
        secret(
            "telemetry.otlp_endpoint",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "otlp-endpoint",
            "address of a receiver of OTLP over gRPC for traces, for example http://127.0.0.1:4317; none are made without",
            masked,
        ),
    ),
    aliased(
        &["MONITORING_TRACE_SAMPLE_RATIO"],
        key(
            "telemetry.sample_ratio",
            "OTEL_TRACES_SAMPLER_ARG",
            "trace-sample-ratio",
            "0.01",
            "share of the requests that is traced where the caller has not decided, from 0 to 1",
        ),
    ),
    aliased(
        &["MONITORING_SENTRY_DSN"],
        secret(
            "telemetry.sentry_dsn",
            "SENTRY_DSN",
            "sentry-dsn",
            "address of a server of Sentry's protocol for reports of panics and logged errors; none are made without",
            masked,
        ),
    ),
    aliased(
        &["MONITORING_ENVIRONMENT", "ENVIRONMENT"],
        key(
            "telemetry.environment",
            "SENTRY_ENVIRONMENT",
            "telemetry-environment",
            "development",
            "what traces and reports say of where they come from",
        ),
    ),
];
