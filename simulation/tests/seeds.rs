//! A few seeds of every kind of fault, as `cargo xtask simulate` runs thousands.

use exchange_sim::FaultKind;
use simulation::{Past, Plan, Verdict, run};

fn plan(seed: u64, kinds: &[FaultKind]) -> Plan {
    Plan { seed, days: 3, kinds: kinds.to_vec(), per_day: 4.0, kills_per_day: 1.0, audits: true }
}

fn judged(past: &Past, plan: &Plan) -> Verdict {
    run(past, plan).expect("a valid plan")
}

#[test]
fn every_kind_of_fault_alone_and_all_of_them_leave_no_wrong_bit_and_a_whole_journal() {
    let past = Past::make(60).expect("a market");
    let alone = FaultKind::ALL.map(|kind| vec![kind]);
    for (number, kinds) in (1..).zip(alone.iter().chain([&Vec::new(), &FaultKind::ALL.to_vec()])) {
        let verdict = judged(&past, &plan(number, kinds));
        assert!(verdict.problems.is_empty(), "{kinds:?} with seed {number}: {:#?}", verdict.problems);
        assert!(verdict.predictions > 800 && verdict.outcomes > 5_000, "{verdict:?}");
    }
}

#[test]
fn bars_that_only_their_trades_tell_are_the_exchanges_own_to_the_bit_without_any_audit() {
    let past = Past::make(60).expect("a market");
    let mut made = 0;
    for seed in 1..=4 {
        // Without audits and kills nothing mends a kline that was made wrongly.
        let quiet = Plan { audits: false, kills_per_day: 0.0, ..plan(seed, &[FaultKind::KlinesSilent]) };
        let verdict = judged(&past, &quiet);
        assert!(verdict.problems.is_empty(), "seed {seed}: {:#?}", verdict.problems);
        made += verdict.from_trades;
    }
    assert!(made > 20, "{made} klines were made of trades");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let past = Past::make(60).expect("a market");
    let [one, other] = [1, 1].map(|_| judged(&past, &plan(77, &FaultKind::ALL)));
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    assert!(one.faults.values().sum::<u64>() > 50);
}

#[test]
fn a_machine_that_does_not_look_again_is_found_to_be_wrong() {
    let past = Past::make(60).expect("a market");
    let wrong = (1..=6).filter(|seed| {
        let plan = Plan { audits: false, per_day: 8.0, ..plan(*seed, &[FaultKind::CorrectedFinal]) };
        !judged(&past, &plan).problems.is_empty()
    });
    assert!(wrong.count() > 0, "a correction by REST alone cannot be heard of");
}
