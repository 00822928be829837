//! What was really injected.

use kline::{Milliseconds, Symbol};

use super::FaultKind;
use crate::LineId;

/// The most entries that are kept. No episode begins beyond it, so that the log stays whole.
const MOST_ENTRIES: usize = 4_000_000;

/// One fault that was injected: it has changed at least one frame, connection, answer or kline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultEntry {
    /// What happened.
    pub kind: FaultKind,
    /// Whose klines it struck; `None` if those of all.
    pub symbol: Option<Symbol>,
    /// Which connection it struck; `None` if all, or requests.
    pub line: Option<LineId>,
    /// When it began to show, in the exchange's true time.
    pub start: Milliseconds,
    /// When it was over at the latest; [`Milliseconds::MAX`] for a half-open socket, which never speaks again.
    pub end: Milliseconds,
}

impl FaultEntry {
    /// One object of JSON: `kind`, `symbol`, `line`, `start`, `end`, `null` for what there is not.
    #[must_use]
    pub fn to_json(&self) -> String {
        let end = (self.end != Milliseconds::MAX).then_some(self.end);
        serde_json::json!({
            "kind": self.kind.as_str(),
            "symbol": self.symbol.map(|symbol| symbol.to_string()),
            "line": self.line.map(LineId::number),
            "start": self.start,
            "end": end,
        })
        .to_string()
    }
}

/// All entries, in the order in which the faults began to show.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<FaultEntry>,
}

impl Log {
    pub(crate) fn entries(&self) -> &[FaultEntry] {
        &self.entries
    }

    /// Whether no more episodes may begin.
    pub(crate) fn full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES
    }

    pub(crate) fn add(&mut self, entry: FaultEntry) {
        self.entries.push(entry);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_one_line_of_json() {
        let entry = FaultEntry {
            kind: FaultKind::HalfOpen,
            symbol: "BTCUSDT".parse().ok(),
            line: None,
            start: 5,
            end: Milliseconds::MAX,
        };
        let expected = r#"{"kind":"half-open","symbol":"BTCUSDT","line":null,"start":5,"end":null}"#;
        assert_eq!(entry.to_json(), expected);
    }
}
