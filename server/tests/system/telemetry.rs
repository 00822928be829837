//! What the server says about itself: names of requests, traces, slow requests, metrics; and what it keeps to itself.

mod exported;
mod receivers;
mod reported;
mod secrets;
mod traced;

use std::path::Path;
use std::time::{Duration, Instant};

use forecast::BundleDigest;
use serde_json::Value;
use tonic::Request;
use tonic::metadata::MetadataMap;

use crate::harness::{PATIENCE, Server};

/// A trace that a caller records.
pub(crate) const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
/// The caller's span in it.
pub(crate) const SPAN: &str = "b7ad6b7169203331";

/// The header that says so.
pub(crate) fn traceparent() -> String {
    format!("00-{TRACE}-{SPAN}-01")
}

/// A request with these metadata.
pub(crate) fn with<T>(message: T, metadata: &[(&'static str, &str)]) -> Request<T> {
    let mut request = Request::new(message);
    for (name, value) in metadata {
        request.metadata_mut().insert(*name, value.parse().expect("a value"));
    }
    request
}

/// The identifier that an answer carries.
pub(crate) fn identifier(metadata: &MetadataMap) -> String {
    let value = metadata.get("x-request-id").expect("every answer has one");
    value.to_str().expect("a text").to_owned()
}

/// The lines of a server's log, each JSON.
pub(crate) fn lines(server: &Server) -> Vec<Value> {
    let log = server.log();
    log.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}"))).collect()
}

/// Changes a file of a bundle that was published.
pub(crate) fn damage(home: &Path, bundle: BundleDigest) {
    let path = home.join("bundles").join(bundle.to_string()).join("boosters/return_1step.lightgbm.txt");
    let text = std::fs::read_to_string(&path).expect("the booster is there");
    std::fs::write(&path, text.replacen("leaf_value=", "leaf_value=1", 1)).expect("changed");
}

/// Waits until something is there, and says what it is.
pub(crate) async fn wait_for<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "{what} does not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
