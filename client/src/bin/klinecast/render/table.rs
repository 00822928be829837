//! Tables: cells with a meaning, and the meaning's colour.

use anstyle::{AnsiColor, Style};
use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement};

/// One cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
    right: bool,
}

/// What a cell's colour means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Good,
    Bad,
    Faint,
}

impl Cell {
    /// Words.
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain, right: false }
    }

    /// A number, on the right.
    pub(crate) fn number(text: impl Into<String>) -> Self {
        Self { right: true, ..Self::plain(text) }
    }

    /// Good news.
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self { tone: Tone::Good, ..Self::plain(text) }
    }

    /// Bad news.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self { tone: Tone::Bad, ..Self::plain(text) }
    }

    /// What matters less.
    pub(crate) fn faint(text: impl Into<String>) -> Self {
        Self { tone: Tone::Faint, ..Self::plain(text) }
    }

    /// A number whose sign is the news.
    pub(crate) fn signed(value: f64, text: impl Into<String>) -> Self {
        let tone = match value {
            value if value > 0.0 => Tone::Good,
            value if value < 0.0 => Tone::Bad,
            _ => Tone::Plain,
        };
        Self { tone, ..Self::number(text) }
    }

    /// A bar whose direction is the news, of a fixed width.
    pub(crate) fn signed_bar(value: f64, bar: impl Into<String>) -> Self {
        Self { right: false, ..Self::signed(value, bar) }
    }

    fn drawn(&self) -> comfy_table::Cell {
        let alignment = if self.right { CellAlignment::Right } else { CellAlignment::Left };
        let cell = comfy_table::Cell::new(&self.text).set_alignment(alignment);
        match self.tone {
            Tone::Plain => cell,
            Tone::Good => cell.fg(comfy_table::Color::Green),
            Tone::Bad => cell.fg(comfy_table::Color::Red),
            Tone::Faint => cell.fg(comfy_table::Color::DarkGrey),
        }
    }
}

/// Rows under headings.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(headings: &[&'static str]) -> Self {
        Self { headings: headings.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: Vec<Cell>) {
        self.rows.push(cells);
    }

    fn text(&self) -> String {
        let mut table = comfy_table::Table::new();
        // Colours are always put in; the stream takes them out where they are not wanted.
        table
            .load_style(UTF8_FULL_CONDENSED)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .enforce_styling();
        table.set_header(self.headings.iter().copied());
        for row in &self.rows {
            table.add_row(row.iter().map(Cell::drawn).collect::<Vec<_>>());
        }
        table.to_string()
    }
}

/// The columns of the terminal that standard output is; `None` when it is none.
pub(crate) fn terminal_columns() -> Option<usize> {
    comfy_table::Table::new().width().map(usize::from)
}

/// A title, tables, and notes below them.
#[derive(Debug, Clone)]
pub(crate) struct Report {
    title: String,
    tables: Vec<Table>,
    notes: Vec<String>,
}

impl Report {
    /// A report with a title alone.
    pub(crate) fn new(title: String) -> Self {
        Self { title, tables: Vec::new(), notes: Vec::new() }
    }

    /// Adds a table; one without rows is left out.
    pub(crate) fn table(mut self, table: Table) -> Self {
        if !table.rows.is_empty() {
            self.tables.push(table);
        }
        self
    }

    /// Adds a line below the tables.
    pub(crate) fn note(mut self, note: String) -> Self {
        self.notes.push(note);
        self
    }

    /// How many lines of a terminal the text takes, whose columns wrap what is longer.
    pub(crate) fn lines_at(&self, columns: usize) -> usize {
        let text = anstream::adapter::strip_str(&self.text()).to_string();
        text.lines().map(|line| line.chars().count().div_ceil(columns.max(1)).max(1)).sum()
    }

    /// The whole text with its colours, each line ended. At a terminal, tables fit its width.
    pub(crate) fn text(&self) -> String {
        let bold = Style::new().bold();
        let faint = Style::new().fg_color(Some(AnsiColor::BrightBlack.into()));
        let mut text = format!("{bold}{}{bold:#}\n", self.title);
        for table in &self.tables {
            text.push_str(&table.text());
            text.push('\n');
        }
        for note in &self.notes {
            text.push_str(&format!("{faint}{note}{faint:#}\n"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(report: &Report) -> String {
        anstream::adapter::strip_str(&report.text()).to_string()
    }

    #[test]
    fn a_report_reads_the_same_without_colours() {
        let mut table = Table::new(&["pair", "return"]);
        table.row(vec![Cell::plain("BTCUSDT"), Cell::signed(-0.01, "-1.00 %")]);
        let report = Report::new("title".to_owned()).table(table).note("note".to_owned());
        assert!(report.text().contains("\x1b["), "colours are put in");
        let text = plain(&report);
        assert!(!text.contains('\x1b'));
        assert!(text.starts_with("title\n"));
        assert!(text.contains("│ BTCUSDT ┆ -1.00 % │"), "{text}");
        assert!(text.ends_with("note\n"));
    }

    #[test]
    fn a_line_longer_than_the_terminal_takes_two_of_its_lines() {
        let report = Report::new("12345678901".to_owned()).note("1234567890".to_owned()).note(String::new());
        assert_eq!((report.lines_at(10), report.lines_at(11)), (4, 3));
    }

    #[test]
    fn a_table_without_rows_is_left_out() {
        assert_eq!(plain(&Report::new("title".to_owned()).table(Table::new(&["pair"]))), "title\n");
    }
}
