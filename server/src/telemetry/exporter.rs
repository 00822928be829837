//! The page that Prometheus reads, on an address of its own.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

use super::catalogue::{Kind, METRICS, names};
use super::process;
use crate::clock::wall_time;

/// Buckets from 10 microseconds to 10 seconds: an answer from memory is far below the usual first bucket.
const BUCKETS_SECONDS: [f64; 19] = [
    1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0,
    10.0,
];

/// Makes the process's recorder. Called once.
///
/// # Errors
/// If there is one already.
pub fn install() -> Result<PrometheusHandle, String> {
    let builder = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &BUCKETS_SECONDS)
        .map_err(|error| error.to_string())?;
    let handle = builder.install_recorder().map_err(|error| error.to_string())?;
    for metric in &METRICS {
        match metric.kind {
            Kind::Counter => describe_counter!(metric.name, Unit::Count, metric.help),
            Kind::Gauge => describe_gauge!(metric.name, metric.help),
            Kind::Histogram => describe_histogram!(metric.name, Unit::Seconds, metric.help),
        }
    }
    // What is counted without labels is there before it happens for the first time: a rate sees the first one too.
    for metric in METRICS.iter().filter(|metric| metric.kind == Kind::Counter && metric.labels.is_empty()) {
        counter!(metric.name).increment(0);
    }
    gauge!(names::JOURNAL_HELD).set(0.0);
    gauge!(names::BUILD_INFO, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    gauge!(names::PROCESS_START).set(wall_time() as f64 / 1_000.0);
    Ok(handle)
}

/// The route `/metrics`; `show` sets the gauges that depend on the moment of looking.
pub fn routes(handle: PrometheusHandle, show: impl Fn() + Clone + Send + Sync + 'static) -> Router {
    let page = move || {
        show();
        process::observe();
        let text = handle.render();
        async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text) }
    };
    Router::new().route("/metrics", get(page))
}

/// Lets the recorder fold its observations now and then, so that it does not grow when nobody reads.
pub async fn upkeep(handle: PrometheusHandle) {
    let mut ticks = tokio::time::interval(std::time::Duration::from_secs(5));
    loop {
        ticks.tick().await;
        handle.run_upkeep();
    }
}
