//! Promotions over SQLite that are broken off at each statement: the champion goes on being served, the same again completes it.

use std::path::{Path, PathBuf};

use forecast::BundleDigest;
use store::testkit::{Cut, RegistryCuts};
use store::{
    Alias, Cause, How, ModelVersion, Registry, SqliteStore, Stage, StoreError, promote, stage, ways,
};

use crate::suite::Outcome;

/// The champion is 1, in staging is 2, and 3 is new.
fn registry(path: &Path) -> Result<SqliteStore, StoreError> {
    let registry = SqliteStore::open(path)?;
    for seed in 1..=3 {
        registry.register(BundleDigest([seed; 32]), &Default::default(), 1_000)?;
    }
    registry.crown(1, None, &how(), 2_000)?;
    stage(&registry, 2, &how(), 2_500)?;
    Ok(registry)
}

fn how() -> String {
    How::Gates(16).by(Some("ann"))
}

type State = Vec<(u32, Stage, Vec<Alias>)>;

fn state(registry: &dyn Registry) -> Result<State, StoreError> {
    let place = |model: ModelVersion| (model.version, model.stage, model.aliases);
    Ok(registry.versions()?.into_iter().map(place).collect())
}

/// Breaks the command off at each of its statements in turn; answers at how many.
fn broken_off_anywhere(
    version: u32,
    to: Stage,
    command: impl Fn(&dyn Registry, i64) -> Result<ModelVersion, StoreError>,
) -> Result<usize, Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| -> PathBuf { folder.path().join(name) };
    let whole = registry(&path("whole.db"))?;
    let before = state(&whole)?;
    command(&whole, 3_000)?;
    let whole = state(&whole)?;
    assert_ne!(before, whole);
    for allowed in 0.. {
        let path = path(&format!("{allowed}.db"));
        let registry = registry(&path)?;
        let cuts = RegistryCuts::after(&path, allowed, Cut::BreakOff);
        let outcome = command(&registry, 3_000);
        drop(cuts);
        let error = match outcome {
            Err(error) => format!("{error:?}"),
            Ok(model) => {
                assert_eq!(model.stage, to);
                assert_eq!(state(&registry)?, whole, "nothing is left to be cut");
                return Ok(allowed);
            }
        };
        assert!(error.contains("cut off"), "cut at {allowed}: {error}");
        let champion = registry.champion()?.ok_or("a champion")?;
        assert_eq!(champion.version, 1, "cut at {allowed}");

        // Another process is asked for the same.
        drop(registry);
        let again = SqliteStore::open(&path)?;
        command(&again, 4_000)?;
        assert_eq!(state(&again)?, whole, "cut at {allowed}");
        let all = ways(&again)?;
        let (_, steps) = all.iter().find(|(model, _)| model.version == version).ok_or("the version")?;
        let to_it: Vec<_> = steps.iter().filter(|step| step.stage == to).collect();
        assert!(
            matches!(to_it[..], [step] if step.cause == Some(Cause::Gates)),
            "cut at {allowed}: {steps:?}"
        );
        assert_eq!(to_it[0].champion, to == Stage::Production);
        assert_eq!(to_it[0].replaced, [if to == Stage::Production { 1 } else { 2 }], "cut at {allowed}");
    }
    Err("it is never whole".into())
}

#[test]
fn to_staging() -> Outcome {
    let statements = broken_off_anywhere(3, Stage::Staging, |registry, at| stage(registry, 3, &how(), at))?;
    assert_eq!(statements, 7, "a note, then an alias and two stages, each with its line of history");
    Ok(())
}

#[test]
fn to_production_in_one_step() -> Outcome {
    for version in [2, 3] {
        let statements = broken_off_anywhere(version, Stage::Production, |registry, at| {
            let against = registry.champion()?.map(|model| model.version);
            registry.crown(version, against, &how(), at)
        })?;
        assert_eq!(statements, if version == 2 { 9 } else { 7 });
    }
    Ok(())
}

/// As the server does it.
#[test]
fn to_production_step_by_step() -> Outcome {
    for version in [2, 3] {
        let statements = broken_off_anywhere(version, Stage::Production, |registry, at| {
            registry.note(version, &how(), at)?;
            promote(registry, version, Stage::Production, at)
        })?;
        assert_eq!(statements, if version == 2 { 9 } else { 7 });
    }
    Ok(())
}
