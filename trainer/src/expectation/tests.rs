//! Each kind of bad data fails the expectation that is about it, and what is good fails none.

use std::collections::BTreeMap;

use forecast::Task;
use kline::Symbol;

use super::*;
use crate::quality::{DayQuality, FaultCounts, SymbolQuality};
use crate::validate::{Column, OutcomeBalance, Validation};

fn symbol(name: &str) -> Symbol {
    name.parse().expect("a symbol")
}

fn quality(name: &str, score: f64) -> SymbolQuality {
    let day = |day: i64, score: f64| DayQuality {
        day: day * 86_400_000,
        expected_bars: 96,
        missing_bars: 0,
        gaps: 0,
        faults: FaultCounts::default(),
        good_bars: (96.0 * score) as i64,
        score,
    };
    SymbolQuality {
        symbol: symbol(name),
        bars: 9_600,
        from: 0,
        until: 9_600 * 900_000 - 1,
        gaps: 0,
        missing_bars: 0,
        longest_gap_bars: 0,
        faults: FaultCounts::default(),
        faulty_bars: 0,
        bars_without_flow: 0,
        continues: None,
        score,
        days: vec![day(0, 1.0), day(1, score)],
    }
}

fn facts() -> Validation {
    let width = features::Catalogue::standard().len();
    let balance = |task: Task| {
        let classes = task.class_count();
        let class_shares = vec![1.0 / classes.max(1) as f64; classes];
        (task.to_string(), OutcomeBalance { known_shares: [1.0, 1.0, 0.99], class_shares })
    };
    Validation {
        rows: [10_000, 2_000, 1_000],
        rows_left_out: 3,
        features: width,
        missing_share: 0.0,
        empty_columns: Vec::new(),
        constant_columns: Vec::new(),
        sparse_columns: Vec::new(),
        outcomes: Task::ALL.map(balance).into_iter().collect::<BTreeMap<_, _>>(),
        causal_rows: 9,
        ahead: Vec::new(),
        columns: vec![Column { known: 10_000, least: -3.0, greatest: 3.0, infinite: 0 }; width],
    }
}

/// The failed expectations of the standard suite.
fn failed(wanted: &[Symbol], quality: &[SymbolQuality], facts: &Validation) -> Vec<(String, Severity)> {
    let suite = Suite::read(None).expect("the standard suite");
    let checked = suite.check(&Observed { wanted, quality, facts, change: None });
    let failed = checked.verdicts.iter().filter(|one| !one.passed);
    let failed: Vec<_> = failed.map(|one| (one.expectation.name.clone(), one.expectation.severity)).collect();
    let errors = failed.iter().filter(|(_, severity)| *severity == Severity::Error).count();
    assert_eq!((checked.errors, checked.warnings), (errors, failed.len() - errors));
    assert_eq!(checked.require().is_err(), errors > 0);
    failed
}

fn one(name: &str, severity: Severity) -> Vec<(String, Severity)> {
    vec![(name.to_owned(), severity)]
}

#[test]
fn good_data_fails_nothing() {
    assert_eq!(failed(&[], &[quality("BTCUSDT", 1.0)], &facts()), []);
}

#[test]
fn a_symbol_with_no_data_and_half_a_dataset_are_errors() {
    let good = [quality("BTCUSDT", 1.0)];
    let found = failed(&[symbol("BTCUSDT"), symbol("ETHUSDT")], &good, &facts());
    assert_eq!(found, one("every symbol that was asked for has klines", Severity::Error));
    let found: Vec<String> =
        failed(&[], &[quality("BTCUSDT", 0.5)], &facts()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(found, ["symbols are whole", "most days are whole"], "half is told ...");
    let ruins = failed(&[], &[quality("BTCUSDT", 0.2)], &facts());
    assert!(ruins.contains(&one("symbols are not in ruins", Severity::Error)[0]), "{ruins:?}");
}

#[test]
fn each_kind_of_bad_rows_fails_its_expectation() {
    type Change = fn(&mut Validation);
    let half = |facts: &Validation| vec!["x".to_owned(); facts.features / 2 + 1];
    let changes: [(&str, Severity, Change); 7] = [
        ("there are enough rows to train on", Severity::Error, |facts| facts.rows[0] = 999),
        ("there are enough rows to tune on", Severity::Error, |facts| facts.rows[1] = 0),
        ("there are enough rows to test on", Severity::Error, |facts| facts.rows[2] = 99),
        ("no feature is infinite", Severity::Error, |facts| facts.columns[3].infinite = 1),
        ("features are there in most rows", Severity::Warn, |facts| facts.columns[0].known = 4_999),
        ("rows can be made again", Severity::Error, |facts| facts.causal_rows = 0),
        ("rows are made from the past alone", Severity::Error, |facts| {
            facts.ahead.push("rsi of BTCUSDT at 899999".to_owned());
        }),
    ];
    for (name, severity, change) in changes {
        let mut changed = facts();
        change(&mut changed);
        let at_fault = |found: &Vec<(String, Severity)>| found == &one(name, severity);
        let found = failed(&[], &[quality("BTCUSDT", 1.0)], &changed);
        assert!(at_fault(&found), "{name}: {found:?}");
    }
    let mut changed = facts();
    changed.empty_columns = half(&changed);
    let found = failed(&[], &[quality("BTCUSDT", 1.0)], &changed);
    assert_eq!(found, one("not half of the features are empty", Severity::Error));
    let mut changed = facts();
    changed.constant_columns = half(&changed);
    for column in &mut changed.columns {
        (column.least, column.greatest) = (1.0, 1.0);
    }
    let found = failed(&[], &[quality("BTCUSDT", 1.0)], &changed);
    let constant = one("not half of the features are constant", Severity::Error);
    assert_eq!(found, [constant, one("features move", Severity::Warn)].concat());
}

#[test]
fn a_class_that_never_occurs_and_outcomes_that_are_unknown_are_errors() {
    let with = |change: fn(&mut OutcomeBalance)| {
        let mut changed = facts();
        change(changed.outcomes.get_mut("direction_4step").expect("a task"));
        failed(&[], &[quality("BTCUSDT", 1.0)], &changed)
    };
    let found = with(|balance| balance.class_shares = vec![1.0, 0.0]);
    assert_eq!(found, one("every class occurs", Severity::Error));
    let found = with(|balance| balance.known_shares[2] = 0.0);
    let known = one("outcomes are known in every window", Severity::Error);
    assert_eq!(found, [known, one("most outcomes are known", Severity::Warn)].concat());
}

#[test]
fn a_failure_names_the_bound_the_worst_and_the_remedy() {
    let mut changed = facts();
    changed.rows[2] = 7;
    let suite = Suite::read(None).expect("the standard suite");
    let observed = Observed { wanted: &[], quality: &[], facts: &changed, change: None };
    let told = suite.check(&observed).require().expect_err("too few").to_string();
    let expected = "expected that there are enough rows to test on: at least 100, test 7 (give it more history, or move the windows)";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn mostly_counts_values_and_only_chooses_keys() {
    let suite: Suite = toml::from_str(
        "name = 'x'\n[[expectation]]\nname = 'a'\nof = 'symbol.score'\nmin = 0.5\nmostly = 0.75\nseverity = 'warn'\nonly = ['B*', '*DT']\n",
    )
    .expect("a suite");
    let judged = |scores: &[(&str, f64)]| {
        let values = scores.iter().map(|(key, score)| ((*key).to_owned(), *score)).collect();
        let found = Verdict::of(&suite.expectations[0], values);
        (found.passed, found.checked, found.unexpected, found.observed)
    };
    assert_eq!(judged(&[("BA", 0.5), ("BB", 1.0), ("CDT", 0.6), ("BC", 0.1)]), (true, 4, 1, Some(0.1)));
    assert_eq!(judged(&[("BA", 0.5), ("BB", 0.4), ("A", 0.0)]), (false, 2, 1, Some(0.4)));
    assert_eq!(judged(&[("A", 0.0)]), (true, 0, 0, None));
    let nan = judged(&[("BA", f64::NAN)]);
    assert!(!nan.0 && nan.2 == 1, "what is no number is not expected");
}

#[test]
fn suites_that_can_not_be_used_are_refused_by_what_is_wrong() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("suite.toml");
    let read = |body: &str| {
        std::fs::write(&path, format!("name = 'x'\n[[expectation]]\nname = 'a'\nseverity = 'warn'\n{body}"))
            .expect("written");
        Suite::read(Some(&path)).map_err(|error| error.to_string())
    };
    assert!(read("of = 'symbol.score'\nmin = 0.5").is_ok());
    for (body, told) in [
        ("of = 'symbol.beauty'\nmin = 1", "symbol.beauty"),
        ("of = 'symbol.score'", "neither min nor max"),
        ("of = 'symbol.score'\nmin = 2\nmax = 1", "a min of 2 above its max of 1"),
        ("of = 'symbol.score'\nmin = nan", "a min that is no number"),
        ("of = 'symbol.score'\nmin = 1\nmostly = 0", "mostly 0"),
        ("of = 'symbol.score'\nmin = 1\nmaximum = 0", "maximum"),
        (
            "of = 'symbol.score'\nmin = 1\n[[expectation]]\nname = 'a'\nof = 'day.score'\nmin = 1\nseverity = 'warn'",
            "twice",
        ),
    ] {
        let refused = read(body).expect_err(body);
        assert!(refused.contains(told) && refused.contains("--print-suite"), "{refused}");
    }
    let text = toml::to_string(&Suite::read(None).expect("standard")).expect("written");
    assert_eq!(toml::from_str::<Suite>(&text).expect("read"), Suite::read(None).expect("standard"));
}
