//! `METRICS.md` in the repository's root is what the catalogue says. Remake it with
//! `KLINECAST_REGENERATE=1 cargo test -p klinecast-server document`.

use std::fmt::Write as _;
use std::path::Path;

use super::catalogue::{Kind, METRICS, Metric};

/// The parts of the page: a title, and how the names of its metrics begin. The last takes what is left.
const PARTS: [(&str, &[&str]); 6] = [
    (
        "Requests",
        &["grpc_server_", "klinecast_http_", "klinecast_slow_", "klinecast_subscribers", "klinecast_lagged_"],
    ),
    (
        "Skill",
        &[
            "klinecast_task_",
            "model_performance_",
            "klinecast_skill",
            "klinecast_loss",
            "klinecast_baseline_",
            "klinecast_scored_",
        ],
    ),
    (
        "Journal and store",
        &[
            "klinecast_journal_",
            "klinecast_written_",
            "klinecast_lost_",
            "klinecast_snapshots_",
            "klinecast_breaker_",
        ],
    ),
    ("Telemetry", &["klinecast_trace_", "klinecast_error_"]),
    ("Process", &["process_", "klinecast_build_", "klinecast_serving"]),
    ("Market, features and forecasts", &[""]),
];

fn part_of(metric: &Metric) -> &'static str {
    let begins = |(_, starts): &&(&str, &[&str])| starts.iter().any(|start| metric.name.starts_with(start));
    PARTS.iter().find(begins).map_or("", |(title, _)| title)
}

/// What the trainer writes (`trainer/src/metrics_file.rs`).
const TRAINER: &str = "
## The trainer
`klinecast-trainer --metrics-file FILE` (`MONITORING_METRICS_FILE`) writes these as text for a textfile collector, `--push-metrics URL` (`MONITORING_PUSH_URL`) pushes them to a push gateway, `schedule --metrics-address HOST:PORT` answers them; each stage replaces its own.

| name | kind | labels | meaning |
|---|---|---|---|
| `data_quality_score` | gauge | symbol | share of the symbol's bars that are there and without a fault, from 0 to 1 |
| `feature_count` | gauge | symbol | features of the symbol |
| `validation_failures` | gauge |  | failed expectations that forbid training, by the last validation |
| `model_training_duration` | gauge | task, library | time that the booster's training took, in seconds |
| `model_performance_rmse` | gauge | task, model | root of the mean squared error on the test window |
";

fn document() -> String {
    let mut text = format!(
        "# The metrics\n\n\
         Made from `server/src/telemetry/catalogue.rs` by `KLINECAST_REGENERATE=1 cargo test -p klinecast-server document`; a change by \
         hand fails that crate's tests. A system test compares this list with what a running server exports.\n\n\
         {} metrics of `klinecast-server`, at `/metrics` of `metrics.address`. Units stand in the names. A histogram has the series \
         `_bucket`, `_sum` and `_count`; its buckets go from 10 microseconds to 10 seconds. A counter or gauge with labels appears \
         with its first value.\n",
        METRICS.len()
    );
    for (title, _) in PARTS {
        let _ = write!(text, "\n## {title}\n\n| name | kind | labels | meaning |\n|---|---|---|---|\n");
        for metric in METRICS.iter().filter(|metric| part_of(metric) == title) {
            let kind = match metric.kind {
                Kind::Counter => "counter",
                Kind::Gauge => "gauge",
                Kind::Histogram => "histogram",
            };
            let (labels, help) = (metric.labels.join(", "), metric.help.replace('|', "\\|"));
            let _ = writeln!(text, "| `{}` | {kind} | {labels} | {help} |", metric.name);
        }
    }
    text + TRAINER
}

#[test]
fn the_list_of_metrics_is_what_the_catalogue_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../METRICS.md");
    let now = document();
    if std::env::var_os("KLINECAST_REGENERATE").is_some() {
        std::fs::write(&path, now).expect("the root can be written");
        return;
    }
    let before = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        now == before,
        "METRICS.md is stale: run KLINECAST_REGENERATE=1 cargo test -p klinecast-server document, then commit"
    );
}

#[test]
fn every_part_has_metrics() {
    for (title, _) in PARTS {
        assert!(METRICS.iter().any(|metric| part_of(metric) == title), "{title}");
    }
}
