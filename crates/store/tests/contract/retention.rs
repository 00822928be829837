//! What both databases do when the journal's first days leave it.

use std::error::Error;
use std::sync::Arc;

use forecast::{JournalRecord, Task};
use store::{ChainFaultKind, Exported, JournalQuery, JournalRetention, StoreError};

use crate::suite::{Outcome, bar, prediction, resolution};

const DAY_MS: i64 = 86_400_000;

fn made(at: i64) -> JournalRecord {
    JournalRecord::Prediction(Arc::new(prediction(at, 1, 0.5)))
}

fn came(at: i64) -> JournalRecord {
    JournalRecord::Resolution(resolution(at, Task::Return1Step, 0.25))
}

/// Three days of bars; each outcome follows the next bar's prediction, so the days interlock.
fn three_days(journal: &dyn JournalRetention) -> Outcome {
    let records = [
        made(94),
        made(95),
        came(94),
        made(96),
        came(95),
        made(97),
        came(96),
        made(192),
        came(97),
        made(193),
    ];
    assert_eq!(journal.append(&records)?, records.len());
    Ok(())
}

/// Drops the first day of [`three_days`]: three records, the outcome of its last bar stays.
fn without_the_first(journal: &dyn JournalRetention) -> Outcome {
    assert_eq!(journal.drop_before(DAY_MS, 2)?, 2, "as many as are allowed at once");
    assert_eq!(journal.drop_before(DAY_MS, 2)?, 1, "up to the first record of another day");
    assert_eq!(journal.drop_before(DAY_MS, 2)?, 0);
    Ok(())
}

pub(crate) fn days_are_read_and_dropped_from_the_start(journal: &dyn JournalRetention) -> Outcome {
    assert_eq!((journal.place(None)?, journal.dropped()?, journal.exported()?), (None, None, None));
    three_days(journal)?;
    let days = journal.days(0, i64::MAX)?;
    let counts: Vec<_> = days
        .iter()
        .map(|day| (day.day, day.predictions, day.last_prediction, day.outcomes, day.last_outcome))
        .collect();
    assert_eq!(counts, [(0, 2, 2, 2, 5), (1, 2, 6, 2, 9), (2, 2, 10, 0, 0)]);
    assert_eq!(journal.days(DAY_MS, 2 * DAY_MS)?, days[1..2]);
    assert_eq!(journal.bars(0, DAY_MS)?, [94, 95].map(|at| bar(at).milliseconds()));
    let of_bar = journal.chained(bar(95).milliseconds())?;
    assert_eq!(of_bar.iter().map(|one| one.place.number).collect::<Vec<_>>(), [2, 5]);
    assert!(
        matches!(&of_bar[0].record, JournalRecord::Prediction(one) if one.same_bits(&prediction(95, 1, 0.5)))
    );
    assert_eq!(of_bar[1].record, came(95));
    assert_eq!(journal.first_outside(0, 0, DAY_MS)?, Some(4));
    assert_eq!(journal.first_outside(4, 0, 2 * DAY_MS)?, Some(8));
    assert_eq!(journal.first_outside(0, 0, i64::MAX)?, None);

    let last = journal.place(Some(5))?.expect("there");
    let exported = Exported { last, to: "/somewhere".to_owned() };
    journal.note_exported(&exported)?;
    let earlier = journal.place(Some(3))?.expect("there");
    journal.note_exported(&Exported { last: earlier, to: "/elsewhere".to_owned() })?;
    assert_eq!(journal.exported()?, Some(exported), "only ever further");

    let before = journal.verify(&mut |_, _| {})?;
    without_the_first(journal)?;
    let dropped = journal.dropped()?.expect("a day");
    assert_eq!((dropped.last, dropped.before_ms), (earlier, DAY_MS));
    let kept = |journal: &dyn JournalRetention| -> Result<(Vec<_>, Vec<_>), StoreError> {
        let all = JournalQuery::default();
        let predictions = journal.predictions(&all)?.iter().map(|made| made.bar_time).collect();
        Ok((predictions, journal.resolutions(&all)?.iter().map(|came| came.bar_time).collect()))
    };
    assert_eq!(kept(journal)?, ([96, 97, 192, 193].map(bar).to_vec(), [95, 96, 97].map(bar).to_vec()));
    let found = journal.verify(&mut |_, _| {})?;
    assert_eq!((found.dropped, found.records, found.fault_count), (Some(dropped), 7, 0));
    assert_eq!(found.head, before.head);
    assert_eq!(journal.append(&[made(95), came(94), made(96)])?, 0, "nothing is written again");
    assert_eq!(journal.append(&[made(194)])?, 1);
    assert_eq!(
        journal.chained(bar(96).milliseconds())?[0].place.number,
        4,
        "checked against what was dropped"
    );

    assert_eq!(journal.drop_before(2 * DAY_MS, 100)?, 4);
    assert_eq!(kept(journal)?, ([192, 193, 194].map(bar).to_vec(), [97].map(bar).to_vec()));
    assert_eq!(journal.drop_before(3 * DAY_MS, 100)?, 4);
    let found = journal.verify(&mut |_, _| {})?;
    assert_eq!((found.records, found.fault_count), (0, 0));
    assert_eq!(journal.append(&[made(300)])?, 1);
    let found = journal.verify(&mut |_, _| {})?;
    assert_eq!(
        (found.records, found.fault_count, journal.place(None)?.map(|last| last.number)),
        (1, 0, Some(12))
    );
    Ok(())
}

/// A change from outside after the first day was dropped, and the first fault that is found; `?` is 32 zero bytes, `BAR` the
/// first bar that is left.
const CHANGES: [(&str, i64, ChainFaultKind); 5] = [
    ("UPDATE predictions SET record = record || ' ' WHERE bar_time = BAR", 4, ChainFaultKind::Changed),
    ("DELETE FROM predictions WHERE bar_time = BAR", 4, ChainFaultKind::Missing),
    ("DELETE FROM journal_chain WHERE number = 4", 5, ChainFaultKind::Hole),
    ("UPDATE journal_marks SET hash = ? WHERE mark = 'dropped'", 4, ChainFaultKind::Changed),
    ("UPDATE journal_marks SET number = 2 WHERE mark = 'dropped'", 4, ChainFaultKind::Hole),
];

/// For each change a journal is made by `open` and changed by `execute`, which answers how many rows that hit.
pub(crate) fn changes_after_dropping_are_found<S: JournalRetention>(
    mut open: impl FnMut() -> Result<S, Box<dyn Error>>,
    mut execute: impl FnMut(&S, &str) -> Result<u64, Box<dyn Error>>,
) -> Outcome {
    let first = bar(96).milliseconds();
    for (change, number, kind) in CHANGES {
        let store = open()?;
        three_days(&store)?;
        without_the_first(&store)?;
        let change = change.replace("BAR", &first.to_string());
        assert!(execute(&store, &change)? > 0, "{change}");
        let found = store.verify(&mut |_, _| {})?;
        let fault = found.faults.first().expect("a fault");
        assert_eq!((fault.number, fault.kind), (number, kind), "{change}: {found:?}");
        let told = store.chained(if number == 4 { first } else { bar(95).milliseconds() });
        assert!(matches!(told, Err(StoreError::BrokenChain { .. })), "{change}: {told:?}");
    }
    Ok(())
}
