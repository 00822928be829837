//! Nothing looks forward but outcomes, and outcomes look nowhere else.

use forecast::{Comparison, DatasetRow, OffenceKind, Task};
use kline::Interval;

use super::change::{self, Future, Past};
use super::cuts::Cut;
use super::findings::Findings;
use super::record::{self, Key, Record};
use super::{Klines, RowMaker};
use crate::time::readable;

/// One cut's klines and what the machine made of them.
pub(super) struct Cutting<'a> {
    pub(super) maker: &'a dyn RowMaker,
    pub(super) interval: Interval,
    pub(super) seed: u64,
    pub(super) cut: Cut,
    pub(super) klines: &'a Klines,
    pub(super) record: &'a Record,
}

impl Cutting<'_> {
    /// Changes everything after the cut: what was known up to it, and what had come true by it, must stay to the
    /// bit.
    pub(super) fn look_ahead(&self, future: Future, compared: &mut Comparison, findings: &mut Findings) {
        let Self { interval, cut, record, .. } = *self;
        let changed = change::after(self.klines, interval, cut.bar, future, self.seed);
        let mut place = 0;
        let mut known = Vec::new();
        compared.copies += 1;
        self.maker.rows(&changed, interval, &mut |row| {
            if row.bar > cut.bar {
                return;
            }
            if record.key(place) != Some(Key::of(&row)) {
                findings.note(OffenceKind::LooksAhead, "rows".to_owned(), || {
                    self.sighting(&row, future.describe())
                });
                return;
            }
            known.clear();
            record::known(&row, &mut known);
            self.compare_known(&row, (record.known(place), &known), future, findings);
            let outcomes = record::outcomes(&row);
            let mut numbers = known.len();
            for task in Task::ALL {
                if row.bar.plus(i64::from(task.horizon_steps()), interval) > cut.bar {
                    continue;
                }
                numbers += 1;
                if record.outcomes(place)[task.index()] != outcomes[task.index()] {
                    let name = format!("outcome {task}");
                    findings.note(OffenceKind::LooksAhead, name, || self.sighting(&row, future.describe()));
                }
            }
            record::count(compared, numbers);
            place += 1;
        });
        let expected = record.until(cut.bar);
        if place != expected {
            findings.note(OffenceKind::LooksAhead, "rows".to_owned(), || {
                format!("{place} instead of {expected} up to {}", readable(cut.bar.milliseconds()))
            });
        }
    }

    fn compare_known(
        &self,
        row: &DatasetRow<'_>,
        (before, now): (&[u64], &[u64]),
        future: Future,
        findings: &mut Findings,
    ) {
        if before == now {
            return;
        }
        for (column, _) in before.iter().zip(now).enumerate().filter(|(_, (before, now))| before != now) {
            let name = record::name_of(self.maker, column);
            findings.note(OffenceKind::LooksAhead, name, || self.sighting(row, future.describe()));
        }
        if before.len() != now.len() {
            findings
                .note(OffenceKind::LooksAhead, "rows".to_owned(), || self.sighting(row, future.describe()));
        }
    }

    /// Changes everything before the cut, and at the cut all but the close: outcomes from there on must stay to the
    /// bit, those with a declared scale unless the scale moved.
    pub(super) fn look_back(&self, past: Past, compared: &mut Comparison, findings: &mut Findings) {
        let Self { interval, cut, record, .. } = *self;
        let changed = change::before(self.klines, interval, cut.bar, past, self.seed);
        let mut place = record.before(cut.bar);
        let mut known = Vec::new();
        compared.copies += 1;
        self.maker.rows(&changed, interval, &mut |row| {
            if row.bar < cut.bar {
                return;
            }
            if record.key(place) != Some(Key::of(&row)) {
                findings
                    .note(OffenceKind::LooksBack, "rows".to_owned(), || self.sighting(&row, past.describe()));
                return;
            }
            known.clear();
            record::known(&row, &mut known);
            let outcomes = record::outcomes(&row);
            let mut numbers = 0;
            for task in Task::ALL {
                let scale = record::scale_of(&known, row.values.len(), task);
                if scale != record.scale(place, task) {
                    continue;
                }
                numbers += 1;
                if outcomes[task.index()] != record.outcomes(place)[task.index()] {
                    let name = format!("outcome {task}");
                    findings.note(OffenceKind::LooksBack, name, || self.sighting(&row, past.describe()));
                }
            }
            record::count(compared, numbers);
            place += 1;
        });
    }

    fn sighting(&self, row: &DatasetRow<'_>, what: &str) -> String {
        let [row_bar, cut] = [row.bar, self.cut.bar].map(|bar| readable(bar.milliseconds()));
        format!("{} at {row_bar}, {what} from {cut}", row.symbol)
    }
}
