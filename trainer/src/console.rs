//! What a run shows: progress bars and tables for people, one JSON line a stage for programs.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use serde_json::{Value, json};

/// Where reports go. Progress and warnings go to standard error, reports to standard output.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    json: bool,
    quiet: bool,
}

/// A progress bar; it vanishes when it is dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Console {
    /// Tables and bars, or JSON lines.
    #[must_use]
    pub const fn new(json: bool) -> Self {
        Self { json, quiet: false }
    }

    /// Shows nothing at all: for tests.
    #[must_use]
    pub const fn silent() -> Self {
        Self { json: false, quiet: true }
    }

    fn target(self) -> ProgressDrawTarget {
        if self.json || self.quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() }
    }

    /// A bar of known length.
    #[must_use]
    pub fn bar(self, length: usize, label: &str) -> Bar {
        let bar = ProgressBar::with_draw_target(Some(length as u64), self.target());
        let style = ProgressStyle::with_template("  {msg:<44} [{bar:28}] {pos}/{len} {elapsed} {prefix}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_message(label.to_owned());
        Bar(bar)
    }

    /// A sign of life while something of unknown length goes on.
    #[must_use]
    pub fn spinner(self, label: &str) -> Bar {
        let bar = ProgressBar::with_draw_target(None, self.target());
        bar.set_message(label.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Bar(bar)
    }

    /// Reports the end of a stage.
    pub fn report<T: Serialize>(
        self,
        stage: &str,
        started: Instant,
        report: &T,
        table: impl FnOnce() -> String,
    ) {
        if self.quiet {
            return;
        }
        let seconds = started.elapsed().as_secs_f64();
        if self.json {
            let mut line = json!({ "stage": stage, "seconds": (seconds * 1000.0).round() / 1000.0 });
            match serde_json::to_value(report) {
                Ok(Value::Object(fields)) => {
                    if let Some(object) = line.as_object_mut() {
                        object.extend(fields);
                    }
                }
                Ok(other) => line["report"] = other,
                Err(error) => line["error"] = Value::String(error.to_string()),
            }
            print(&format!("{line}\n"));
        } else {
            let style = anstyle::Style::new().bold();
            let table = table();
            print(&format!("{style}{stage}{style:#} ({seconds:.1} s)\n{table}\n"));
        }
    }

    /// Shows a text as it is.
    pub fn show(self, text: &str) {
        if !self.quiet {
            print(text);
        }
    }

    /// Tells on standard error what is going on.
    pub fn note(self, text: &str) {
        if !self.quiet && !self.json {
            // Nothing is to be done when standard error is closed.
            let _ = writeln!(anstream::stderr(), "{text}");
        }
    }

    /// Tells something that a person should look at.
    pub fn warn(self, text: &str) {
        if self.quiet {
            return;
        }
        if self.json {
            print(&format!("{}\n", json!({ "warning": text })));
        } else {
            let style = anstyle::AnsiColor::Yellow.on_default().bold();
            // Nothing is to be done when standard error is closed.
            let _ = writeln!(anstream::stderr(), "{style}warning{style:#}: {text}");
        }
    }
}

/// Writes to standard output; a reader that went away is no fault of ours.
fn print(text: &str) {
    let mut out = anstream::stdout();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

impl Bar {
    /// One step further; `note` is shown behind the bar unless it is NaN.
    pub fn advance(&self, note: f64) {
        if !note.is_nan() {
            self.0.set_prefix(format!("{note:.6}"));
        }
        self.0.inc(1);
    }

    /// Goes to a position.
    pub fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Takes the bar away.
    pub fn finish_and_clear(self) {
        drop(self);
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// A table with a header; columns after the first are aligned to the right.
#[must_use]
pub fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_HORIZONTAL_ONLY).set_header(header.to_vec());
    // Piped output is not wrapped to some default width.
    let arrangement = if std::io::stdout().is_terminal() {
        ContentArrangement::Dynamic
    } else {
        ContentArrangement::Disabled
    };
    table.set_content_arrangement(arrangement);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table.to_string()
}
