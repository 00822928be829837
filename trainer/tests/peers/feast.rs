//! Feast applies the generated repository, and joins our rows point in time.

use crate::support::{START, execute, market};
use crate::{home, run};

#[test]
fn feast_applies_the_repository_and_answers_our_bits() {
    let mut klines = market(60);
    // A hole: there Feast must have nothing to say.
    let day = |kline: &kline::Kline| (kline.open_time - START) / 86_400_000;
    klines.values_mut().next().expect("a series").retain(|kline| day(kline) != 55);
    let (folder, home) = home(&klines);
    let (repository, rows) = (folder.path().join("feast"), folder.path().join("rows.parquet"));
    let (to, parquet) = (repository.to_string_lossy(), rows.to_string_lossy());
    let files = ["--home", &home, "features", "--feast", &to, "--parquet", &parquet];
    // The days around the hole.
    let windows = ["--train-from", "2025-02-22", "--train-until", "2025-02-23", "--tune-until", "2025-02-24"];
    let words = [&files[..], &windows].concat();
    execute(&words).expect("rows");
    // Once more over what is there.
    execute(&words).expect("rows");
    let told = run("feast", "feast_peer.py", &[&repository, &rows]);
    assert!(told.contains("feature views") && told.contains("rows to the bit"), "{told}");
}
