//! Evidently reads both windows, and finds the drift that was planted, as far as we say that it is.

use kline::{Interval, Kline, KlineFields};

use crate::support::{START, execute, market};
use crate::{home, run};

#[test]
fn evidently_finds_the_planted_drift_at_our_distances() {
    let mut klines = market(72);
    for series in klines.values_mut() {
        for kline in series.iter_mut().filter(|kline| kline.open_time >= START + 60 * 86_400_000) {
            // From the sixtieth day on takers only buy: the features of the flow drift, prices do not.
            let fields = *kline.fields();
            let bought =
                KlineFields { taker_base: Some(fields.volume), taker_quote: fields.quote_volume, ..fields };
            *kline = Kline::new(Interval::M15, bought).expect("valid");
        }
    }
    let (folder, home) = home(&klines);
    let reports = folder.path().join("drift");
    let to = reports.to_string_lossy();
    let reference = ["--reference-from", "2025-02-10", "--reference-until", "2025-02-25"];
    let words = ["--home", &home, "drift", "--days", "8", "--to", &to];
    execute(&[&words[..], &reference].concat()).expect("a report");
    let told = run("evidently", "evidently_peer.py", &[&reports]);
    assert!(told.contains("columns at our distances"), "{told}");
    let told = execute(&words).expect_err("there is no champion to compare with");
    assert!(told.contains("there is no champion"), "{told}");
}
