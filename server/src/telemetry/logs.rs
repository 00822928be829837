//! Logs on standard error, one event a line: JSON for machines, text for people. A line that belongs to a request carries its
//! identifier and its place in a trace.

pub(super) mod line;

use std::io::{IsTerminal, Write};
use std::str::FromStr;
use std::time::SystemTime;

use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use line::Line;

use super::reports::Reports;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Words.
    Text,
    /// Words on a terminal, else JSON.
    Auto,
}

impl FromStr for LogFormat {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "json" => Ok(Self::Json),
            "text" => Ok(Self::Text),
            "auto" => Ok(Self::Auto),
            _ => Err("must be json, text or auto".to_owned()),
        }
    }
}

/// Starts logging for the whole process, and the reports of errors if there are to be any. Called once; a second call changes
/// nothing.
///
/// # Errors
/// A filter that cannot be read.
pub fn start(filter: &str, format: LogFormat, reports: Option<Reports>) -> Result<(), String> {
    let filter = EnvFilter::builder()
        .parse(filter)
        .map_err(|error| format!("log.filter {filter:?} cannot be read: {error}; use for example info"))?;
    let text = match format {
        LogFormat::Json => false,
        LogFormat::Text => true,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    // An error says that logging has started already.
    let _ = tracing_subscriber::registry().with(filter).with(Lines { text }).with(reports).try_init();
    Ok(())
}

/// Writes events.
struct Lines {
    text: bool,
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let line = Line::of(event);
        let mut written = if self.text { line.text(SystemTime::now()) } else { line.json(SystemTime::now()) };
        written.push('\n');
        // Where the log cannot be written, there is nowhere to say so.
        let _ = std::io::stderr().lock().write_all(written.as_bytes());
    }
}
