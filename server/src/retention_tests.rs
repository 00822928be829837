use forecast::JournalRecord;
use store::Exported;

use super::*;
use crate::reason::Reason;
use crate::testing::prediction;

/// One prediction on each of twenty days.
fn retention(keep_days: u32, drop_unexported: bool) -> (tempfile::TempDir, Retention) {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(folder.path()).expect("opens");
    let record = |day: i64| JournalRecord::Prediction(Arc::new(prediction("A", day * 96 + 95, 1)));
    let records: Vec<_> = (0..20).map(record).collect();
    home.journal().append(&records).expect("kept");
    let shared = Arc::new(Shared::new(&[], 1));
    (folder, Retention { home, shared, interval: Interval::M15, keep_days, drop_unexported })
}

fn pass(retention: &Retention) -> (usize, Option<i64>) {
    let pass = retention.pass(&CancellationToken::new()).expect("readable");
    (pass.records, pass.held_back)
}

fn days(retention: &Retention) -> Vec<i64> {
    let kept = retention.home.journal().predictions(&JournalQuery::default()).expect("readable");
    kept.iter().map(|made| day_of(made.bar_time)).collect()
}

#[test]
fn whole_days_go_when_they_are_old_and_exported() {
    let (_folder, retention) = retention(8, false);
    assert_eq!(pass(&retention), (0, Some(0)), "nothing is exported");
    assert_eq!(retention.shared.dropped.load_full(), None);
    let journal = retention.home.retention();
    let export = |number| {
        let last = journal.place(Some(number)).expect("readable").expect("there");
        journal.note_exported(&Exported { last, to: "/files".to_owned() }).expect("noted");
    };
    export(5);
    assert_eq!(pass(&retention), (5, Some(5)));
    assert_eq!(days(&retention), (5..20).collect::<Vec<_>>());
    let told = retention.shared.dropped.load_full().expect("told").refusal(&"prediction X");
    assert_eq!(told.reason, Reason::Dropped);
    assert_eq!(
        told.message,
        "prediction X was dropped by retention, as all before 1970-01-06 UTC was; exported to /files"
    );
    export(20);
    // The newest day and eight before it stay.
    assert_eq!(pass(&retention), (6, None));
    assert_eq!(days(&retention), (11..20).collect::<Vec<_>>());
    assert_eq!(pass(&retention), (0, None));
    assert_eq!(retention.home.journal().verify(&mut |_, _| {}).expect("readable").fault_count, 0);
}

#[test]
fn what_was_not_exported_goes_only_if_that_is_asked_for() {
    let (_folder, retention) = retention(12, true);
    assert_eq!(pass(&retention), (7, None));
    let told = retention.shared.dropped.load_full().expect("told").refusal(&"it");
    assert!(told.message.ends_with("; not exported"), "{told}");
}

#[test]
fn what_a_restart_needs_stays_and_without_the_setting_all_does() {
    let (_folder, short) = retention(1, true);
    // 512 bars that may be amended and 16 whose outcomes are open: five days and a half before the last bar.
    assert_eq!(pass(&short), (14, None));
    assert_eq!(days(&short).first(), Some(&14));
    let (_folder, all) = retention(0, true);
    assert_eq!((pass(&all), days(&all).len()), ((0, None), 20));
}
