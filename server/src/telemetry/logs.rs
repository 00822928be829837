//! Structured logs: one JSON object a line, on standard error.

use tracing_subscriber::EnvFilter;

/// Starts logging for the whole process. Called once; a second call changes nothing.
///
/// # Errors
/// A filter that cannot be read.
pub fn start(filter: &str) -> Result<(), String> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| format!("log.filter {filter:?} cannot be read: {error}; use for example info"))?;
    let logger = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // An error says that logging has started already.
    let _ = logger.try_init();
    Ok(())
}
