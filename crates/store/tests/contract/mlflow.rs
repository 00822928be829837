//! The registry in a real MLflow.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use forecast::BundleDigest;
use store::testkit::{Fate, Front, TestMlflow};
use store::{
    Alias, BoosterModel, Cause, Home, How, Mlflow, MlflowFault, MlflowParts, MlflowPlace, MlflowRegistry,
    NamedVersion, Origin, Places, Registry, RunEnd, RunFigures, Stage, StageStep, StoreError,
    champion_before, promote, ways,
};

use crate::suite::{self, Outcome};

fn registry(place: MlflowPlace) -> MlflowRegistry {
    MlflowRegistry::new(Mlflow::new(place))
}

fn fault<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> (MlflowFault, String) {
    match outcome {
        Err(error @ StoreError::Mlflow { fault, .. }) => (fault, error.to_string()),
        other => panic!("{other:?}"),
    }
}

#[test]
fn mlflow_keeps_the_registry() -> Outcome {
    let server = TestMlflow::shared();
    let registry = registry(server.place(&TestMlflow::new_model()));
    suite::the_registry_knows_one_champion(&registry)?;
    assert_eq!(champion_before(&registry)?.map(|model| model.version), Some(1));
    promote(&registry, 1, Stage::Production, 7_000)?;
    registry.note(1, "went back", 8_000)?;
    let history = registry.history()?;
    let told: Vec<_> = history.iter().map(|change| (change.version, change.change.as_str())).collect();
    assert_eq!(told.last(), Some(&(1, "went back")), "{told:?}");
    assert!(history.iter().any(|change| change.at == 7_000 && change.change == "alias champion"));
    assert_eq!(champion_before(&registry)?.map(|model| model.version), Some(2));
    Ok(())
}

#[test]
fn eight_who_register_one_bundle_get_one_version() -> Outcome {
    let server = TestMlflow::shared();
    let place = server.place(&TestMlflow::new_model());
    let versions: Vec<Option<u32>> = std::thread::scope(|scope| {
        let one = || registry(place.clone()).register(BundleDigest([7; 32]), &Default::default(), 1).ok();
        let all: Vec<_> = (0..8).map(|_| scope.spawn(one)).collect();
        all.into_iter().map(|one| one.join().ok().flatten().map(|model| model.version)).collect()
    });
    let registry = registry(place);
    let kept: Vec<u32> = registry.versions()?.into_iter().map(|model| model.version).collect();
    assert_eq!(versions, vec![kept.first().copied(); 8], "{kept:?}");
    assert_eq!(kept.len(), 1, "those who came later gave way");
    Ok(())
}

#[test]
fn boosters_are_registered_once_linked_and_follow_the_aliases() -> Outcome {
    let server = TestMlflow::shared();
    let model = TestMlflow::new_model();
    let registry = registry(server.place(&model));
    let mlflow = registry.mlflow();
    let mut versions = Vec::new();
    for seed in 1..=2 {
        let bundle = BundleDigest([seed; 32]);
        let run = mlflow.begin_run("a run", 1_000)?;
        mlflow.put_artifact(&run, "models/one/MLmodel", b"flavors: {}\n")?;
        let figures = RunFigures {
            parameters: [("seed".to_owned(), seed.to_string())].into(),
            metrics: [("skill".to_owned(), 0.5), ("nothing".to_owned(), f64::NAN)].into(),
            tags: [("klinecast.data_version".to_owned(), "sha256:00".to_owned())].into(),
        };
        mlflow.log(&run, &figures, 2_000)?;
        mlflow.log(&run, &figures, 3_000)?;
        let source = format!("{}/models/one", run.artifacts);
        let origin = Origin { run: &run.id, source: &source };
        let boosters = ["one", "two"].map(|name| BoosterModel { name, bundle, origin });
        // Broken off after the first, then again.
        mlflow.register_boosters(&boosters[..1])?;
        mlflow.register_boosters(&boosters)?;
        mlflow.register_boosters(&boosters)?;
        versions.push(registry.register_from(Some(origin), bundle, &Default::default(), 4_000)?.version);
        mlflow.link_boosters(bundle, seed.into())?;
        mlflow.end_run(&run, RunEnd::Finished, 5_000)?;
        assert_eq!(mlflow.find_run(&run.id)?.as_ref(), Some(&run));
    }
    assert_eq!(versions, [1, 2]);
    assert_eq!(mlflow.find_run("00000000000000000000000000000000")?, None);
    let of = |alias: Alias| -> Result<Vec<Option<u32>>, StoreError> {
        ["one", "two"]
            .map(|name| {
                let place = server.place(&format!("{model}-{name}"));
                // A booster's versions carry the same tag as a bundle's.
                Ok(self::registry(place).by_alias(alias)?.map(|found| found.version))
            })
            .into_iter()
            .collect()
    };
    promote(&registry, 1, Stage::Production, 6_000)?;
    promote(&registry, 2, Stage::Staging, 6_000)?;
    assert_eq!((of(Alias::Champion)?, of(Alias::Challenger)?), (vec![Some(1); 2], vec![Some(2); 2]));
    promote(&registry, 2, Stage::Production, 7_000)?;
    assert_eq!((of(Alias::Champion)?, of(Alias::Challenger)?), (vec![Some(2); 2], vec![None; 2]));
    Ok(())
}

#[test]
fn versions_walk_through_the_stages() -> Outcome {
    let server = TestMlflow::shared();
    suite::versions_walk_through_the_stages(&registry(server.place(&TestMlflow::new_model())))
}

#[test]
fn versions_leave_mlflows_registry() -> Outcome {
    let server = TestMlflow::shared();
    suite::versions_leave_the_registry(&registry(server.place(&TestMlflow::new_model())), false)
}

#[test]
fn what_anybody_points_to_in_mlflow_stays() -> Outcome {
    let server = TestMlflow::shared();
    let name = TestMlflow::new_model();
    let registry = registry(server.place(&name));
    let run = registry.mlflow().begin_run("a run", 1_000)?;
    let source = format!("{}/models/one", run.artifacts);
    let origin = Origin { run: &run.id, source: &source };
    for seed in 1..=4 {
        let bundle = BundleDigest([seed; 32]);
        registry.mlflow().register_boosters(&[BoosterModel { name: "one", bundle, origin }])?;
        registry.register_from(Some(origin), bundle, &Default::default(), 1_000)?;
    }
    // As MLflow's own clients do.
    let pinned = |model: &str, version: u32| {
        let alias = format!(r#"{{"name": "{model}", "alias": "pinned", "version": "{version}"}}"#);
        server.change("POST", "registered-models/alias", &alias);
    };
    pinned(&name, 1);
    pinned(&format!("{name}-one"), 2);
    let stage = format!(
        r#"{{"name": "{name}", "version": "3", "stage": "Production", "archive_existing_versions": false}}"#
    );
    server.change("POST", "model-versions/transition-stage", &stage);
    let held = [1, 2, 3, 4].map(|version| registry.held(version));
    let held: Vec<Option<String>> = held.into_iter().collect::<Result<_, _>>()?;
    let expected = [
        Some(format!("what {name}@pinned points to")),
        Some(format!("what {name}-one@pinned points to")),
        Some("in production".to_owned()),
        None,
    ];
    assert_eq!(held, expected);
    for version in 1..=3 {
        assert!(matches!(registry.forget(version, 2_000), Err(StoreError::InUse { .. })));
    }
    registry.forget(4, 2_000)?;
    assert_eq!(registry.versions()?.len(), 3);
    Ok(())
}

#[test]
fn what_others_change_in_mlflow_is_told_as_such() -> Outcome {
    let server = TestMlflow::shared();
    let name = TestMlflow::new_model();
    let registry = registry(server.place(&name));
    for seed in 1..=2 {
        registry.register(BundleDigest([seed; 32]), &Default::default(), 1_000)?;
    }
    registry.crown(1, None, &How::Gates(16).by(Some("ann")), 2_000)?;
    let last = |version| -> Result<StageStep, Box<dyn std::error::Error>> {
        let found = ways(&registry)?.into_iter().find(|(model, _)| model.version == version);
        Ok(found.and_then(|(_, steps)| steps.last().cloned()).ok_or("a step")?)
    };
    assert_eq!(last(1)?.cause, Some(Cause::Gates));

    // As MLflow's own client points an alias, and sets a tag.
    let alias = format!(r#"{{"name": "{name}", "alias": "champion", "version": "2"}}"#);
    server.change("POST", "registered-models/alias", &alias);
    let step = last(2)?;
    assert_eq!((step.stage, step.at, step.champion), (Stage::None, None, true));
    assert_eq!((step.cause, step.by), (Some(Cause::Elsewhere), None));
    let tag = format!(r#"{{"name": "{name}", "version": "1", "key": "stage", "value": "archived"}}"#);
    server.change("POST", "model-versions/set-tag", &tag);
    let step = last(1)?;
    assert_eq!((step.stage, step.cause, step.champion), (Stage::Archived, Some(Cause::Elsewhere), false));

    // Whoever promotes next leaves a way without gaps.
    registry.crown(1, Some(2), &How::Command.by(None), 3_000)?;
    assert_eq!((last(1)?.cause, last(1)?.champion), (Some(Cause::Gates), true), "production all the while");
    assert_eq!((last(2)?.cause, last(2)?.replaced_by), (Some(Cause::Succession), Some(1)));
    Ok(())
}

#[test]
fn what_broken_off_publications_left_is_found_and_goes_and_nothing_else() -> Outcome {
    let server = TestMlflow::shared();
    let model = TestMlflow::new_model();
    let registry = registry(server.place(&model));
    let mlflow = registry.mlflow();
    let run = mlflow.begin_run("a run", 1_000)?;
    let source = format!("{}/models/one", run.artifacts);
    let origin = Origin { run: &run.id, source: &source };
    for seed in 1..=2 {
        let bundle = BundleDigest([seed; 32]);
        mlflow.register_boosters(&["one", "two"].map(|name| BoosterModel { name, bundle, origin }))?;
    }
    registry.register_from(Some(origin), BundleDigest([1; 32]), &Default::default(), 4_000)?;
    assert_eq!(registry.left_boosters(1_000)?, [], "they are younger than that");
    let left = registry.left_boosters(i64::MAX)?;
    let named = |name: &str| NamedVersion { name: format!("{model}-{name}"), version: 2 };
    assert_eq!(left, [named("one"), named("two")]);
    for booster in &left {
        registry.remove_booster(booster)?;
        registry.remove_booster(booster)?;
    }
    assert_eq!(registry.left_boosters(i64::MAX)?, []);
    for name in ["one", "two"] {
        let booster = self::registry(server.place(&format!("{model}-{name}")));
        assert_eq!(booster.versions()?.len(), 1, "that of the bundle that was registered");
    }
    Ok(())
}

#[test]
fn a_promotion_that_is_broken_off_is_completed_by_the_same_again() -> Outcome {
    let server = TestMlflow::shared();
    let registry = registry(server.place(&TestMlflow::new_model()));
    for seed in 1..=3 {
        registry.register(BundleDigest([seed; 32]), &Default::default(), 1_000)?;
    }
    promote(&registry, 1, Stage::Production, 2_000)?;
    promote(&registry, 2, Stage::Staging, 2_000)?;
    // All that was done of promoting the second.
    registry.set_alias(Alias::Champion, 2, 3_000)?;
    let again = promote(&registry, 2, Stage::Production, 4_000)?;
    assert_eq!((again.stage, again.aliases.as_slice()), (Stage::Production, [Alias::Champion].as_slice()));
    assert_eq!(registry.version(1)?.stage, Stage::Archived);
    assert_eq!(registry.version(3)?.stage, Stage::None);
    assert_eq!(champion_before(&registry)?.map(|model| model.version), Some(1));
    Ok(())
}

#[test]
fn an_mlflow_that_is_away_and_what_is_none_are_told_with_the_remedy() -> Outcome {
    let server = TestMlflow::alone();
    let place = server.place("klinecast");
    let folder = tempfile::tempdir()?;
    let home = Home::open_with(folder.path(), &Places { registry: Some(place), ..Places::default() })?;
    home.registry().register(BundleDigest([1; 32]), &Default::default(), 1_000)?;
    promote(home.registry(), 1, Stage::Production, 2_000)?;
    server.kill();
    let began = Instant::now();
    for outcome in [
        home.registry().champion().map(drop),
        home.registry().versions().map(drop),
        home.registry().register(BundleDigest([2; 32]), &Default::default(), 3_000).map(drop),
        promote(home.registry(), 1, Stage::Archived, 3_000).map(drop),
    ] {
        let (kind, told) = fault(outcome);
        assert!(kind == MlflowFault::Unreachable && told.contains("MLFLOW_TRACKING_URI"), "{told}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    server.start_again();
    assert_eq!(
        home.registry().champion()?.map(|model| (model.version, model.stage)),
        Some((1, Stage::Production))
    );

    let uri = format!("{}/nowhere", server.address());
    let parts = MlflowParts { uri: &uri, ..MlflowParts::default() };
    let (kind, told) = fault(registry(MlflowPlace::chosen(parts)?.ok_or("one")?).versions());
    assert!(kind == MlflowFault::NotMlflow && told.contains("MLFLOW_TRACKING_URI"), "{told}");
    Ok(())
}

#[test]
fn an_mlflow_that_asks_who_it_is_takes_the_right_password_and_the_refusal_shows_none() -> Outcome {
    let server = TestMlflow::that_asks();
    let right = registry(server.place_by(|_| {}));
    assert_eq!(right.register(BundleDigest([1; 32]), &Default::default(), 1_000)?.version, 1);
    let run = right.mlflow().begin_run("a run", 1_000)?;
    right.mlflow().put_artifact(&run, "a/b.txt", b"text")?;
    let refused = [
        server.place_by(|parts| parts.password = "wr0ng"),
        server.place_by(|parts| (parts.username, parts.password) = ("", "")),
        server.place_by(|parts| (parts.username, parts.password, parts.token) = ("", "", "wr0ng")),
    ];
    for place in refused {
        for outcome in [registry(place.clone()).champion().map(drop), registry(place).versions().map(drop)] {
            let (kind, told) = fault(outcome);
            assert!(kind == MlflowFault::Refused && told.contains("MLFLOW_TRACKING_USERNAME"), "{told}");
            assert!(!told.contains("wr0ng"), "{told}");
        }
    }
    assert!(!format!("{right:?}").contains("s3cret"));
    Ok(())
}

/// Wherever a promotion is cut off, what is served is what was or what comes, whole; the same again completes it.
#[test]
fn a_promotion_that_is_cut_anywhere_leaves_the_old_champion_or_the_new_one() -> Outcome {
    let server = TestMlflow::shared();
    let model = TestMlflow::new_model();
    let direct = registry(server.place(&model));
    let booster = registry(server.place(&format!("{model}-one")));
    let run = direct.mlflow().begin_run("a run", 1_000)?;
    let source = format!("{}/models/one", run.artifacts);
    let origin = Origin { run: &run.id, source: &source };
    for seed in 1..=2 {
        let bundle = BundleDigest([seed; 32]);
        direct.mlflow().register_boosters(&[BoosterModel { name: "one", bundle, origin }])?;
        direct.register_from(Some(origin), bundle, &Default::default(), 1_000)?;
    }
    direct.crown(1, None, "passed", 2_000)?;
    let [mut old, mut new] = [1, 2];
    for allowed in 0.. {
        direct.set_alias(Alias::Challenger, new, 2_000)?;
        let changes = AtomicUsize::new(0);
        let front = Front::before(server.port(), move |line| {
            let is_change = !line.starts_with("GET ");
            if is_change && changes.fetch_add(1, Ordering::Relaxed) >= allowed {
                Fate::Cut
            } else {
                Fate::Passed
            }
        });
        let uri = format!("http://127.0.0.1:{}", front.port());
        let parts = MlflowParts { uri: &uri, model: &model, ..MlflowParts::default() };
        let through = registry(MlflowPlace::chosen(parts)?.ok_or("one")?);
        let outcome = through.crown(new, Some(old), "passed", 3_000);

        let champion = direct.champion()?.ok_or("a champion")?;
        if champion.version == new {
            assert_eq!(champion.stage, Stage::Production, "all else was done before, cut at {allowed}");
            assert_eq!(direct.version(old)?.stage, Stage::Archived);
            assert_eq!(direct.by_alias(Alias::Challenger)?, None);
            assert_eq!(booster.by_alias(Alias::Champion)?.map(|booster| booster.version), Some(new));
        } else {
            assert_eq!(champion.version, old);
            assert!(outcome.is_err(), "cut at {allowed}");
        }
        if outcome.is_ok() {
            assert!(allowed >= 8, "{allowed} places to cut at");
            break;
        }
        let (kind, told) = fault(outcome);
        assert!(kind == MlflowFault::Unreachable && told.contains(&uri), "{told}");
        let before = Some(old).filter(|_| champion.version != new);
        let again = direct.crown(new, before, "passed", 4_000)?;
        assert_eq!((again.stage, again.aliases.as_slice()), (Stage::Production, &[Alias::Champion][..]));
        assert_eq!(direct.version(old)?.stage, Stage::Archived);
        assert_eq!(champion_before(&direct)?.map(|model| model.version), Some(old));
        (old, new) = (new, old);
    }
    Ok(())
}
