//! Tests of the way that a history tells.

use forecast::BundleDigest;

use super::*;
use crate::SqliteStore;
use crate::registry::promote;
use crate::stages::{How, stage};

fn change(at: Milliseconds, version: u32, change: &str) -> RegistryChange {
    RegistryChange { at, version, change: change.to_owned() }
}

fn model(version: u32, stage: Stage, aliases: &[Alias]) -> ModelVersion {
    let bundle = BundleDigest([u8::try_from(version).expect("a small number"); 32]);
    let metrics = Default::default();
    ModelVersion { version, bundle, stage, aliases: aliases.to_vec(), registered_at: 1, metrics }
}

/// The stages, times and causes of the steps.
fn told(steps: &[StageStep]) -> Vec<(Stage, Option<Milliseconds>, Option<Cause>)> {
    steps.iter().map(|step| (step.stage, step.at, step.cause)).collect()
}

#[test]
fn each_step_says_when_by_what_by_whom_and_who_gave_way() {
    let history = [
        change(1, 1, "registered"),
        change(2, 1, "passed 9 gates (by ann)"),
        change(2, 1, "alias challenger"),
        change(2, 1, "stage staging"),
        change(3, 2, "registered"),
        change(4, 1, "passed 16 gates (by bob)"),
        change(4, 1, "alias champion"),
        change(4, 1, "stage production"),
        change(4, 1, "alias challenger cleared"),
        change(5, 1, "a remark"),
        change(6, 2, "promoted by force past: days (by bob)"),
        change(6, 2, "alias champion"),
        change(6, 2, "stage production"),
        change(6, 1, "stage archived"),
        change(7, 2, "stage production"),
        change(8, 1, "stage staging"),
        change(9, 1, "asked for, not judged (by eve)"),
        change(9, 1, "stage archived"),
    ];
    let mut read = Told::read(&history);
    let first = read.steps(&model(1, Stage::Archived, &[]));
    assert_eq!(
        told(&first),
        [
            (Stage::None, Some(1), Some(Cause::Registration)),
            (Stage::Staging, Some(2), Some(Cause::Gates)),
            (Stage::Production, Some(4), Some(Cause::Gates)),
            (Stage::Archived, Some(6), Some(Cause::Succession)),
            (Stage::Staging, Some(8), None),
            (Stage::Archived, Some(9), Some(Cause::Command)),
        ]
    );
    let who: Vec<_> = first.iter().map(|step| step.by.as_deref()).collect();
    assert_eq!(who, [None, Some("ann"), Some("bob"), None, None, Some("eve")]);
    let champion: Vec<_> = first.iter().map(|step| step.champion).collect();
    assert_eq!(champion, [false, false, true, false, false, false]);
    assert_eq!((first[3].replaced_by, first[3].how.as_deref()), (Some(2), Some("version 2 took its place")));

    let second = read.steps(&model(2, Stage::Production, &[Alias::Champion]));
    assert_eq!(
        told(&second),
        [(Stage::None, Some(3), Some(Cause::Registration)), (Stage::Production, Some(6), Some(Cause::Force)),]
    );
    assert_eq!((second[1].champion, second[1].replaced.as_slice()), (true, &[1][..]));
    assert_eq!(second[1].how.as_deref(), Some("promoted by force past: days (by bob)"));
    let unknown = read.steps(&model(3, Stage::None, &[]));
    assert_eq!(
        told(&unknown),
        [(Stage::None, Some(1), Some(Cause::Registration))],
        "by when it was registered"
    );
}

#[test]
fn a_promotion_that_was_broken_off_and_completed_is_one_step() {
    let mut history = vec![
        change(1, 1, "registered"),
        change(1, 2, "registered"),
        change(2, 1, "stage production"),
        change(2, 1, "alias champion"),
        change(3, 2, "passed 16 gates"),
        change(3, 2, "stage production"),
    ];
    let broken_off = Told::read(&history).steps(&model(2, Stage::Production, &[]));
    assert!(!broken_off[1].champion, "{broken_off:?}");
    history.extend([
        change(4, 2, "passed 16 gates"),
        change(4, 2, "stage production"),
        change(4, 1, "stage archived"),
        change(4, 2, "alias champion"),
    ]);
    let mut read = Told::read(&history);
    let second = read.steps(&model(2, Stage::Production, &[Alias::Champion]));
    assert_eq!(told(&second)[1..], [(Stage::Production, Some(3), Some(Cause::Gates))]);
    assert_eq!((second[1].champion, second[1].replaced.as_slice()), (true, &[1][..]));
    let first = read.steps(&model(1, Stage::Archived, &[]));
    assert_eq!(first.last().and_then(|step| step.replaced_by), Some(2));
}

#[test]
fn an_alias_alone_and_a_change_from_elsewhere_are_steps() {
    let history = [
        change(1, 1, "registered"),
        change(1, 2, "registered"),
        change(2, 1, "alias champion"),
        change(2, 1, "stage production"),
        change(3, 2, "asked for, not judged (by ann)"),
        change(3, 2, "alias champion"),
        change(4, 2, "alias champion"),
    ];
    let mut read = Told::read(&history);
    let second = read.steps(&model(2, Stage::None, &[Alias::Champion]));
    assert_eq!(told(&second)[1..], [(Stage::None, Some(3), Some(Cause::Command))]);
    assert!(second[1].champion && second[1].by.as_deref() == Some("ann"), "{second:?}");

    // What the history does not know of was done by another program.
    let moved = |model: &ModelVersion| Told::read(&history).steps(model).last().cloned().expect("a step");
    let alias = moved(&model(1, Stage::Production, &[Alias::Champion]));
    assert_eq!(told(std::slice::from_ref(&alias)), [(Stage::Production, None, Some(Cause::Elsewhere))]);
    assert!(alias.champion);
    let stage = moved(&model(1, Stage::Archived, &[]));
    assert_eq!(told(std::slice::from_ref(&stage)), [(Stage::Archived, None, Some(Cause::Elsewhere))]);
    assert!(!stage.champion);
}

#[test]
fn the_way_of_a_registry_ends_with_what_its_versions_say() {
    let folder = tempfile::tempdir().expect("a folder");
    let registry = SqliteStore::open(folder.path().join("klinecast.db")).expect("it opens");
    for seed in 1..=3 {
        registry.register(BundleDigest([seed; 32]), &Default::default(), 1).expect("registered");
    }
    stage(&registry, 1, &How::Gates(9).by(None), 2).expect("staged");
    registry.crown(1, None, &How::Gates(16).by(Some("ann")), 3).expect("crowned");
    stage(&registry, 2, &How::Command.by(None), 4).expect("staged");
    stage(&registry, 3, &How::Command.by(None), 5).expect("staged");
    registry.crown(3, Some(1), &How::Rollback { from: 1 }.by(None), 6).expect("crowned");
    promote(&registry, 2, Stage::None, 7).expect("taken back");
    for (model, steps) in ways(&registry).expect("ways") {
        let last = steps.last().expect("a step");
        assert_eq!(last.stage, model.stage, "{steps:?}");
        assert!(steps.iter().all(|step| step.cause != Some(Cause::Elsewhere)), "{steps:?}");
        assert_eq!(model.aliases.contains(&Alias::Champion), last.champion, "{steps:?}");
    }
}

#[test]
fn a_long_history_is_read_in_one_pass() {
    let mut history = Vec::new();
    for round in 0..20_000_u32 {
        let at = i64::from(round) * 10;
        history.push(change(at, round + 1, "registered"));
        history.push(change(at + 1, round + 1, "passed 16 gates (by ann)"));
        history.push(change(at + 1, round + 1, "alias champion"));
        history.push(change(at + 1, round + 1, "stage production"));
        if round > 0 {
            history.push(change(at + 1, round, "stage archived"));
        }
    }
    let began = std::time::Instant::now();
    let mut read = Told::read(&history);
    let steps = (1..=20_000).map(|version| read.steps(&model_of(version)).len()).sum::<usize>();
    assert_eq!(steps, 20_000 * 3 - 1);
    assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
}

fn model_of(version: u32) -> ModelVersion {
    let (stage, aliases) = match version {
        20_000 => (Stage::Production, vec![Alias::Champion]),
        _ => (Stage::Archived, Vec::new()),
    };
    ModelVersion { version, aliases, ..model(1, stage, &[]) }
}
