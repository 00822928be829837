//! What people and programs see. Everything for them goes to standard output, complaints go to standard error.

use std::io::Write as _;

use anstyle::{AnsiColor, Style};
use anyhow::Result;

use self::table::Report;

pub(crate) mod explanation;
pub(crate) mod forecast;
pub(crate) mod history;
pub(crate) mod scorecard;
pub(crate) mod table;

/// Prints one JSON document on a line of its own.
pub(crate) fn line(value: &serde_json::Value) -> Result<()> {
    sentence(&value.to_string())
}

/// Prints one line.
pub(crate) fn sentence(text: &str) -> Result<()> {
    let mut output = anstream::stdout().lock();
    writeln!(output, "{text}")?;
    Ok(output.flush()?)
}

/// Prints a report; in colour when standard output is a terminal and `NO_COLOR` is not set.
pub(crate) fn print(report: &Report) -> Result<()> {
    let mut output = anstream::stdout().lock();
    write!(output, "{}", report.text())?;
    Ok(output.flush()?)
}

/// Prints a report over the one drawn before, which had `drawn_lines`; answers how many lines it has. Only for a terminal.
pub(crate) fn draw_over(report: &Report, drawn_lines: usize) -> Result<usize> {
    // The cursor's movements must not be stripped together with the colours.
    let mut raw = std::io::stdout().lock();
    if drawn_lines > 0 {
        write!(raw, "\x1b[{drawn_lines}A\r\x1b[J")?;
    }
    raw.flush()?;
    drop(raw);
    print(report)?;
    Ok(report.lines_at(table::terminal_columns().unwrap_or(usize::MAX)))
}

/// Says on standard error what went wrong.
pub(crate) fn complaint(text: &str) {
    let style = Style::new().fg_color(Some(AnsiColor::Yellow.into()));
    anstream::eprintln!("{style}{text}{style:#}");
}

/// Says on standard error why the command failed.
pub(crate) fn error(error: &anyhow::Error) {
    let style = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    anstream::eprintln!("{style}error:{style:#} {error}");
}

/// A time for people, in UTC to the second; `-` for none. A bar's last millisecond is shown as the full second after it.
pub(crate) fn time(milliseconds: i64) -> String {
    if milliseconds <= 0 {
        return "-".to_owned();
    }
    match jiff::Timestamp::from_millisecond(milliseconds.saturating_add(1) / 1_000 * 1_000) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => milliseconds.to_string(),
    }
}

/// A span of time for people.
pub(crate) fn duration(milliseconds: i64) -> String {
    match milliseconds {
        ..1_000 => format!("{milliseconds} ms"),
        1_000..120_000 => format!("{} s", milliseconds / 1_000),
        120_000..7_200_000 => format!("{} min", milliseconds / 60_000),
        _ => format!("{} h", milliseconds / 3_600_000),
    }
}

/// The first twelve characters of a digest.
pub(crate) fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bars_close_reads_as_the_full_quarter() {
        assert_eq!(time(1_748_736_899_999), "2025-06-01 00:15:00");
        assert_eq!(time(0), "-");
        assert_eq!(time(i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn spans_are_short() {
        assert_eq!([40, 61_000, 900_000, 7_200_000].map(duration), ["40 ms", "61 s", "15 min", "2 h"]);
    }

    #[test]
    fn a_digest_is_cut_and_what_is_shorter_stays() {
        assert_eq!(short("0123456789abcdef"), "0123456789ab");
        assert_eq!(short("ä"), "ä");
    }
}
