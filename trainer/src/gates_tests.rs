use forecast::BaselineName;
use kline::BarTime;

use super::*;
use crate::certificates::Certified;
use crate::looks::Tried;

fn test(p_worse: f64) -> PairedTest {
    PairedTest {
        difference: p_worse - 0.5,
        statistic: 0.5 - p_worse,
        days: 90,
        lags: 3,
        p_better: 1.0 - p_worse,
        p_worse,
    }
}

/// What a model shows that passes the standard gates.
fn good() -> Evidence {
    let task = |task| TaskEvidence {
        task,
        best_baseline: BaselineName::Zero,
        baseline: Some(test(0.99)),
        champion: Some(test(0.5)),
        trials: 1,
        calibration_error: matches!(task, Task::Direction4Step | Task::VolRegime4Step).then_some(0.02),
        coverage_error: forecast::has_bands(task).then_some(0.01),
    };
    Evidence {
        window: None,
        days: 90,
        champion_from: BarTime::from_open(1_735_689_600_000, kline::Interval::M15),
        tried: Tried::default(),
        certificates: [Certificate::Causality, Certificate::Parity, Certificate::Leaks]
            .map(|certificate| Certified { certificate, holds: true, told: "proven".to_owned() })
            .to_vec(),
        tasks: Task::ALL.map(task).to_vec(),
        quality: Some(("BTCUSDT".parse().expect("a name"), 0.999)),
    }
}

fn standard() -> Gates {
    Gates::read(None).expect("the standard gates")
}

/// What does not pass, in words.
fn failed(evidence: &Evidence) -> Vec<String> {
    standard().judge(evidence).iter().filter(|judged| !judged.passed).map(ToString::to_string).collect()
}

#[test]
fn a_model_with_good_evidence_passes_every_gate() {
    let evidence = good();
    assert_eq!(failed(&evidence), Vec::<String>::new());
    let judged = standard().judge(&evidence);
    let of = |gate| judged.iter().filter(|judged| judged.gate == gate).count();
    assert_eq!(
        [of("days"), of("quality"), of("baseline"), of("champion"), of("calibration"), of("coverage")],
        [1, 1, 7, 7, 2, 4]
    );
    assert_eq!([of("causality"), of("parity"), of("leaks")], [1, 1, 0], "leaks are not demanded of everyone");
    let alone = Evidence { champion_from: None, ..evidence };
    assert!(standard().judge(&alone).iter().all(|judged| judged.gate != "champion"), "nobody to beat");
}

#[test]
fn each_gate_fails_by_itself_and_says_by_how_much() {
    type Spoil = fn(&mut Evidence);
    let spoiled: [(&str, &str, Spoil); 11] = [
        ("coverage return_4step:", "0.0700 from their level, 0.05 is the most", |evidence| {
            evidence.tasks[Task::Return4Step.index()].coverage_error = Some(0.07);
        }),
        ("causality:", "the certificate did not pass", |evidence| {
            evidence.certificates[0].holds = false;
            evidence.certificates[0].told = "the certificate did not pass".to_owned();
        }),
        ("parity:", "there is no certificate", |evidence| evidence.certificates.truncate(1)),
        ("days:", "13 UTC days", |evidence| evidence.days = 13),
        ("quality:", "0.9000, the worst is BTCUSDT; 0.95 is the least", |evidence| {
            evidence.quality = evidence.quality.map(|(symbol, _)| (symbol, 0.9));
        }),
        ("quality:", "unknown", |evidence| evidence.quality = None),
        ("baseline volatility_4step:", "better: loss", |evidence| {
            evidence.tasks[Task::Volatility4Step.index()].baseline = Some(test(0.9));
        }),
        ("baseline return_1step:", "beside zero", |evidence| {
            evidence.tasks[Task::Return1Step.index()].baseline = Some(test(0.001));
        }),
        ("champion return_4step:", "p 0.0010, at least 0.0071 is demanded", |evidence| {
            evidence.tasks[Task::Return4Step.index()].champion = Some(test(0.001));
        }),
        ("champion return_4step:", "too few days", |evidence| {
            evidence.tasks[Task::Return4Step.index()].champion = None;
        }),
        ("calibration direction_4step:", "0.0900, 0.08 is the most", |evidence| {
            evidence.tasks[Task::Direction4Step.index()].calibration_error = Some(0.09);
        }),
    ];
    for (gate, told, spoil) in spoiled {
        let mut evidence = good();
        spoil(&mut evidence);
        let failed = failed(&evidence);
        assert_eq!(failed.len(), 1, "{gate} {failed:?}");
        assert!(failed[0].starts_with(gate) && failed[0].contains(told), "{failed:?}");
    }
}

#[test]
fn who_demands_that_canaries_were_heard_gets_a_gate_for_it() {
    let text = STANDARD.replace("[\"causality\", \"parity\"]", "[\"leaks\"]");
    let gates: Gates = toml::from_str(&text).expect("gates");
    let mut evidence = good();
    let judged = gates.judge(&evidence);
    assert!(judged.iter().any(|judged| judged.gate == "leaks" && judged.passed), "{judged:?}");
    assert!(judged.iter().all(|judged| judged.gate != "causality"));
    evidence.certificates[2].holds = false;
    let judged = gates.judge(&evidence);
    let failed: Vec<_> = judged.iter().filter(|judged| !judged.passed).collect();
    assert!(matches!(&failed[..], [one] if one.gate == "leaks" && one.found == Some(0.0)), "{failed:?}");
    let without = STANDARD.replace("certificates = [\"causality\", \"parity\"]", "");
    let gates: Gates = toml::from_str(&without).expect("a file of before");
    assert_eq!(gates, standard());
}

#[test]
fn what_is_not_a_number_passes_no_gate() {
    let mut evidence = good();
    evidence.quality = evidence.quality.map(|(symbol, _)| (symbol, f64::NAN));
    for task in &mut evidence.tasks {
        (task.baseline, task.champion) = (Some(test(f64::NAN)), Some(test(f64::NAN)));
        task.calibration_error = task.calibration_error.map(|_| f64::NAN);
    }
    assert_eq!(failed(&evidence).len(), 1 + 7 + 7 + 2);
}

#[test]
fn the_best_of_many_trials_has_to_be_better_by_more_but_may_not_be_worse_by_more() {
    let mut evidence = good();
    let volatility = Task::Volatility4Step.index();
    evidence.tasks[volatility].baseline = Some(test(0.998));
    assert_eq!(failed(&evidence), Vec::<String>::new(), "0.002 is below 0.05");
    evidence.tasks[volatility].trials = 40;
    let told = failed(&evidence);
    assert!(
        told.len() == 1
            && told[0].contains("p 0.0020, deflated for 40 trials 0.0770, below 0.0500 is demanded"),
        "{told:?}"
    );
    let judged = standard().judge(&evidence);
    let judged = judged.iter().find(|judged| judged.gate == "baseline" && !judged.passed).expect("the gate");
    assert!(
        judged.found.is_some_and(|found| (found - (1.0 - 0.998_f64.powi(40))).abs() < 1e-12),
        "{judged:?}"
    );
    // Forty trials don't excuse one that is worse.
    let mut worse = good();
    worse.tasks[volatility].baseline = Some(test(1.0 - 1e-9));
    worse.tasks[volatility].champion = Some(test(0.001));
    worse.tasks[volatility].trials = 40;
    let told = failed(&worse);
    assert!(told.len() == 1 && told[0].contains("p 0.0010, at least 0.0071"), "{told:?}");
}

#[test]
fn of_many_that_are_not_worse_one_may_look_so_by_chance() {
    let mut evidence = good();
    evidence.tasks[0].champion = Some(test(0.01));
    assert_eq!(failed(&evidence), Vec::<String>::new(), "0.01 is above 0.05 / 7");
    let mut gates = standard();
    gates.champion.retain(|task, _| *task == Task::ALL[0]);
    let judged = gates.judge(&evidence);
    assert!(judged.iter().any(|judged| judged.gate == "champion" && !judged.passed), "below 0.05 of one");
}

#[test]
fn a_file_that_says_something_else_is_refused_with_the_command_that_makes_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mine.toml");
    let cases = [
        (STANDARD.replace("level = 0.05", "level = 5"), "level is 5, not from 0 to 1"),
        (STANDARD.replace("days_min = 14", "days_min = -1"), "days_min"),
        (STANDARD.replace("days_min", "days_most"), "days_most"),
        (STANDARD.replacen("\"causality\"", "\"beauty\"", 1), "beauty"),
        (STANDARD.replacen("return_1step", "return_2step", 1), "return_2step"),
        (STANDARD.replacen("\"not_worse\"", "\"best\"", 1), "best"),
        (STANDARD.replacen("0.08", "nan", 1), "direction_4step is NaN"),
        ("\u{0}".to_owned(), "TOML"),
    ];
    for (text, named) in cases {
        std::fs::write(&path, &text).expect("written");
        let told = Gates::read(Some(&path)).expect_err(named).to_string();
        assert!(told.contains(named) && told.contains("mine.toml"), "{named}: {told}");
        assert!(told.contains("klinecast-trainer promote --print-gates"), "{told}");
    }
    std::fs::write(&path, STANDARD).expect("written");
    assert_eq!(Gates::read(Some(&path)).expect("as it is"), standard());
    let told = Gates::read(Some(&folder.path().join("none.toml"))).expect_err("no file").to_string();
    assert!(told.contains("none.toml"), "{told}");
}
