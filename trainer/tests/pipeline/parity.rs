//! The audit of parity: a bundle carries its certificate, which the audit makes again; a booster that is not what its
//! library reads is named.

use std::collections::BTreeMap;

use forecast::{Bundle, GoldenLibrary, ParityRowKind, Task};
use klinecast_trainer::audit::audit_parity;
use klinecast_trainer::console::Console;
use klinecast_trainer::trained::BoosterFile;
use store::Home;

use crate::support::execute;

type Files = BTreeMap<String, Vec<u8>>;

const LIGHTGBM: &str = "boosters/direction_4step.lightgbm.txt";
const XGBOOST: &str = "boosters/vol_regime_4step.xgboost.ubj";

/// What a run has left in a bundle.
pub(crate) fn bundles_carry_a_certificate(bundle: &Bundle) {
    let found = bundle.parity();
    assert!(found.passed && bundle.files().contains_key("parity.json"), "{:?}", found.differences);
    assert_eq!(found.boosters.len(), 2 * Task::COUNT);
    for one in &found.boosters {
        assert!(one.splits > 0 && one.thresholds > 0 && one.thresholds <= one.splits, "{one:?}");
        assert_eq!((one.splits_stood_on, one.splits_out_of_reach), (one.splits, 0), "{one:?}");
        assert!(one.rows >= 3 * one.splits + found.mixed_rows, "{one:?}");
        assert!(one.cells >= 2 * one.rows, "{one:?}");
    }
    assert!(found.infinite_rows > 0 && found.libraries.len() == 2, "{:?}", found.libraries);
    for kind in [ParityRowKind::Mixed, ParityRowKind::Infinite, ParityRowKind::Split] {
        assert!(found.sample.rows.iter().any(|row| row.kind == kind), "{kind:?}");
    }
    let none_of_infinite = found.sample.margins.iter().filter(|one| one.file.ends_with(".ubj"));
    let count = |one: &forecast::ParityMargins| one.margins.iter().filter(|row| row.0.is_empty()).count();
    let expected = found.sample.rows.iter().filter(|row| row.kind == ParityRowKind::Infinite).count();
    assert!(none_of_infinite.map(count).all(|count| count == expected));
    the_audit_again_and_changed_boosters(bundle);
}

/// What forest and library read, each.
fn audit(bundle: &Bundle, served: &Files) -> forecast::ParityCertificate {
    let mut files = Vec::new();
    for task in Task::ALL {
        for library in [GoldenLibrary::LightGbm, GoldenLibrary::XgBoost] {
            let original = &bundle.files()[&forecast::booster_file(task, library)];
            let mut file = BoosterFile::new(task, library, original);
            if let Some(served) = served.get(&file.name) {
                file.served = served;
            }
            files.push(file);
        }
    }
    audit_parity(&files, bundle.parity().seed, Console::silent()).expect("both libraries")
}

fn the_audit_again_and_changed_boosters(bundle: &Bundle) {
    assert_eq!(&audit(bundle, &Files::new()), bundle.parity(), "the same boosters, the same certificate");

    let text = std::str::from_utf8(&bundle.files()[LIGHTGBM]).expect("text");
    let changed = move_last_threshold(text);
    assert_ne!(text, changed);
    let leaf = move_last_leaf(&bundle.files()[XGBOOST]);
    let served = Files::from([(LIGHTGBM.to_owned(), changed.into_bytes()), (XGBOOST.to_owned(), leaf)]);
    let found = audit(bundle, &served);
    assert!(!found.passed);
    let named: Vec<&str> = found.differences.iter().map(|one| one.file.as_str()).collect();
    assert_eq!(named, [LIGHTGBM, XGBOOST]);
    for (one, library) in found.differences.iter().zip(["LightGBM", "XGBoost"]) {
        let told = one.to_string();
        for part in [library, "Model::margin answers", "bits", "of row", "stands on", " = "] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }
    let sums = bundle.manifest().files.iter().map(|(name, entry)| (name.clone(), entry.sha256.clone()));
    let sums = sums.filter(|(name, _)| name.starts_with("boosters/")).collect();
    assert!(found.problem(&sums).is_some_and(|problem| problem.contains("names 2 differences")));
    assert_eq!(bundle.parity().problem(&sums), None);
}

/// The last threshold of the last tree, one step up; it hangs deep below its root.
fn move_last_threshold(text: &str) -> String {
    let start = text.rfind("\nthreshold=").expect("a tree") + "\nthreshold=".len();
    let end = start + text[start..].find('\n').expect("a line");
    let from = text[start..end].rfind(' ').map_or(start, |space| start + space + 1);
    let threshold: f64 = text[from..end].parse().expect("a number");
    format!("{}{:?}{}", &text[..from], threshold.next_up(), &text[end..])
}

/// The last leaf of the last tree, one bit of its mantissa turned.
fn move_last_leaf(file: &[u8]) -> Vec<u8> {
    let key = b"split_conditions[$d#L";
    let at = file.windows(key.len()).rposition(|window| window == key).expect("a tree") + key.len();
    let length: [u8; 8] = file[at..at + 8].try_into().expect("eight bytes");
    let last = at + 8 + 4 * (u64::from_be_bytes(length) as usize - 1);
    let mut changed = file.to_vec();
    changed[last + 1] ^= 0x20;
    changed
}

/// None, or one of other boosters, is refused with the command that makes one.
pub(crate) fn publishing_needs_a_certificate(home: &Home, at: &[&str]) {
    let file = home.folder().join("training/parity.json");
    let refused = || execute(&[at, &["publish"]].concat()).expect_err("no valid certificate");
    let valid = std::fs::read_to_string(&file).expect("a certificate");
    let stale = valid.replacen("\"sha256\": \"", "\"sha256\": \"00", 1);
    let failed = valid.replace("\"passed\": true", "\"passed\": false");
    for (text, named) in [(&stale, "with SHA-256 00"), (&failed, "did not pass")] {
        assert_ne!(text, &valid);
        std::fs::write(&file, text).expect("written");
        let told = refused();
        assert!(told.contains(named) && told.contains("audit parity --trained"), "{told}");
    }
    std::fs::remove_file(&file).expect("removed");
    let told = refused();
    assert!(told.contains("parity.json") && told.contains("audit parity --trained"), "{told}");
    execute(&[at, &["audit", "parity", "--trained"]].concat()).expect("parity");
    assert_eq!(std::fs::read_to_string(&file).expect("a certificate"), valid);
}

/// The champion, or whichever bundle is named by the beginning of its digest.
pub(crate) fn kept_bundles_are_audited(home: &Home, bundle: &Bundle) {
    let folder = home.folder().to_string_lossy();
    let audit = |words: &[&str]| execute(&[&["--home", &folder, "audit", "parity"], words].concat());
    audit(&[]).expect("the champion");
    audit(&[&bundle.digest().short()]).expect("the bundle by its name");
    let told = audit(&["zz"]).expect_err("no such bundle");
    assert!(told.contains("0 bundles") && told.contains("\"zz\""), "{told}");
    let empty = tempfile::tempdir().expect("a folder");
    let told = execute(&["--home", &empty.path().to_string_lossy(), "audit", "parity"]);
    assert!(told.is_err_and(|text| text.contains("no champion")));
}
