//! Who becomes the champion: who shows enough, or whoever is named by force, which is written down.

use store::Home;

use crate::support::execute;

/// Gates that a model of six rounds and six days passes.
pub(crate) const LENIENT: &str = "
level = 0.05
days_min = 5
quality_min = 0.9
[baseline]
[champion]
[calibration_error_max]
[coverage_error_max]
";

/// What the registry says of how a version came to be the champion.
fn how(home: &Home, version: u32) -> Vec<String> {
    let history = home.registry().history().expect("a history");
    let of = history.into_iter().filter(|change| change.version == version);
    of.map(|change| change.change)
        .filter(|change| change.contains("gates") || change.contains("force"))
        .collect()
}

fn champion(home: &Home) -> u32 {
    home.registry().champion().expect("a registry").expect("a champion").version
}

/// `one` was run with `--force`, `two` promoted by lenient gates.
pub(crate) fn is_by_evidence_or_recorded_force(one: &Home, two: &Home, at_two: &[&str]) {
    let forced = how(one, 1);
    assert!(matches!(&forced[..], [told] if told.contains("by force past: days: 6 UTC days")), "{forced:?}");
    let passed = how(two, 1);
    assert!(matches!(&passed[..], [told] if told.starts_with("passed 2 gates (by ")), "{passed:?}");

    let stage = |words: &[&str]| execute(&[at_two, words].concat());
    let file = |name: &str, text: &str| {
        let path = two.folder().join(name);
        std::fs::write(&path, text).expect("written");
        path.to_string_lossy().into_owned()
    };
    let lenient = file("lenient.toml", LENIENT);
    for words in [
        &["train", "--rounds", "3", "--threads", "1", "--seed", "8"][..],
        &["evaluate", "--resamples", "50"],
        &["audit", "parity", "--trained"],
        &["publish"],
        &["promote", "--dry-run", "--gates", &lenient],
    ] {
        stage(words).unwrap_or_else(|error| panic!("{words:?}: {error}"));
    }
    assert_eq!((champion(two), how(two, 2)), (1, Vec::new()), "a dry run changes nothing");

    let told = stage(&["promote"]).expect_err("six days are too few");
    assert!(
        told.contains("version 2 does not pass: days: 6 UTC days on the test window, 14 are the least"),
        "{told}"
    );
    let told_dry = stage(&["promote", "--dry-run"]).expect_err("the same, asked beforehand");
    assert_eq!(told, told_dry);
    let demanding =
        file("demanding.toml", &LENIENT.replace("[champion]", "[champion]\nvolatility_4step = \"better\""));
    let told = stage(&["promote", "--gates", &demanding]).expect_err("too few days to compare");
    assert!(told.contains("champion volatility_4step: too few days"), "{told}");
    assert!(!told.contains("days: 6"), "five days are enough there: {told}");
    assert_eq!((champion(two), how(two, 2)), (1, Vec::new()), "the champion goes on");

    stage(&["promote", "--force"]).expect("by force");
    assert_eq!(champion(two), 2);
    let forced = how(two, 2);
    assert!(matches!(&forced[..], [told] if told.contains("by force past: days: 6")), "{forced:?}");

    a_champion_that_cannot_be_asked_is_not_passed_by(two, at_two, &lenient);
}

fn a_champion_that_cannot_be_asked_is_not_passed_by(home: &Home, at: &[&str], lenient: &str) {
    let champion = home.registry().champion().expect("a registry").expect("a champion");
    let files = home.folder().join("bundles").join(champion.bundle.to_string());
    let away = home.folder().join("away");
    std::fs::rename(&files, &away).expect("the champion's files");
    let promote = [at, &["promote", "--version", "1", "--gates", lenient]].concat();
    let told = execute(&promote).expect_err("nobody to compare");
    assert!(told.contains("champion: version 2 can't be asked"), "{told}");
    std::fs::rename(&away, &files).expect("put back");
}
