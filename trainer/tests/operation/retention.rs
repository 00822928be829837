//! What prune takes out of a real MLflow and a real bucket: what nothing refers to, and wherever it is cut, no version without files.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use forecast::testkit::tiny_bundle;
use forecast::{Bundle, BundleDigest};
use klinecast_trainer::lineage::{Origin, keep_origin};
use klinecast_trainer::machine::Code;
use klinecast_trainer::prune::{Keeping, Pruned, prune};
use klinecast_trainer::runs::Parent;
use store::testkit::{Fate, Front, TestMlflow, TestS3};
use store::{
    BoosterModel, Home, How, MlflowParts, MlflowPlace, MlflowRegistry, NamedVersion, Places, Registry,
    RunEnd, S3Place,
};

const DAY: i64 = 86_400_000;
/// All that is in use, and nothing else.
const NOTHING: Keeping = Keeping { newest: 0, days: 0 };

/// Ten days from now: what these tests make is old by then.
fn later() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    i64::try_from(now.as_millis()).expect("in time") + 10 * DAY
}

fn bundle(seed: u64) -> Bundle {
    tiny_bundle(seed, &["BTCUSDT".parse().expect("a symbol")], kline::Interval::M15)
        .build()
        .expect("it holds")
}

fn mlflow_at(address: &str, model: &str) -> MlflowPlace {
    let parts = MlflowParts { uri: address, model, ..MlflowParts::default() };
    MlflowPlace::chosen(parts).expect("well formed").expect("one is named")
}

fn home(folder: &Path, mlflow: MlflowPlace, bundles: S3Place) -> Home {
    let places = Places { registry: Some(mlflow), bundles: Some(bundles), ..Places::default() };
    Home::open_with(folder, &places).expect("a home")
}

/// Publishes a bundle as the trainer does, with one booster of its own; the version and the run.
fn publish(home: &Home, seed: u64) -> (u32, String) {
    let (registry, bundle) = (home.mlflow().expect("MLflow"), bundle(seed));
    let run = registry.mlflow().begin_run(&format!("run {seed}"), 1_000 + seed as i64).expect("a run");
    home.objects().put_bundle(&bundle).expect("kept");
    let source = format!("{}/bundle", run.artifacts);
    let origin = store::Origin { run: &run.id, source: &source };
    let booster = BoosterModel { name: "one", bundle: bundle.digest(), origin };
    registry.mlflow().register_boosters(&[booster]).expect("registered");
    let made = registry.register_from(Some(origin), bundle.digest(), &BTreeMap::new(), 1_000);
    registry.mlflow().end_run(&run, RunEnd::Finished, 2_000).expect("ended");
    (made.expect("registered").version, run.id)
}

fn comes_from(home: &Home, bundle: BundleDigest, parent: BundleDigest) {
    let parent = Some(Parent { version: 1, bundle: parent });
    let origin = Origin {
        program: Code::of_this(),
        host: "here".to_owned(),
        published_at: 1_000,
        run: None,
        parent,
        stages: Vec::new(),
    };
    keep_origin(home.folder(), bundle, &origin).expect("kept");
}

fn versions(registry: &MlflowRegistry) -> Vec<u32> {
    registry.versions().expect("a registry").into_iter().map(|model| model.version).collect()
}

#[test]
fn what_nothing_refers_to_leaves_mlflow_and_the_bucket() {
    let (server, s3) = (TestMlflow::alone(), TestS3::shared());
    let folder = tempfile::tempdir().expect("a folder");
    let model = TestMlflow::new_model();
    let home = home(folder.path(), mlflow_at(&server.address(), &model), s3.place("retention/all"));
    let registry = home.mlflow().expect("MLflow");
    let runs: Vec<String> = (1..=6).map(|seed| publish(&home, seed).1).collect();
    assert_eq!(versions(registry), [6, 5, 4, 3, 2, 1]);
    // 4 was the champion before 5; 6 waits in staging and comes from 1; someone goes by 2; nobody goes by 3.
    registry.crown(4, None, &How::Command.by(None), 3_000).expect("a champion");
    registry.crown(5, Some(4), &How::Command.by(None), 4_000).expect("a champion");
    store::stage(registry, 6, "waits", 5_000).expect("a challenger");
    comes_from(&home, bundle(6).digest(), bundle(1).digest());
    let pinned = format!(r#"{{"name": "{model}", "alias": "pinned", "version": "2"}}"#);
    server.change("POST", "registered-models/alias", &pinned);
    // A run that came to nothing, one that goes on, and one that is not the trainer's.
    let failed = registry.mlflow().begin_run("failed", 500).expect("a run");
    registry.mlflow().end_run(&failed, RunEnd::Failed, 600).expect("ended");
    let open = registry.mlflow().begin_run("open", 500).expect("a run");
    server.change(
        "POST",
        "runs/create",
        r#"{"experiment_id": "1", "run_name": "another's", "start_time": 400}"#,
    );

    let expected = Pruned {
        bundles: vec![(bundle(3).digest(), Some(3))],
        boosters: vec![(format!("{model}-one"), 3)],
        mlflow_runs: vec![runs[2].clone(), failed.id.clone()],
        ..Pruned::default()
    };
    let pruned = |keeping, now, dry_run| prune(&home, None, keeping, now, dry_run).expect("pruned");
    let runs_soon = pruned(NOTHING, 10_000, true).mlflow_runs;
    assert_eq!(runs_soon, [] as [String; 0], "another home may be at work: a day is the least");
    assert_eq!(pruned(Keeping { newest: 9, days: 0 }, later(), true), Pruned::default());
    assert_eq!(pruned(NOTHING, later(), true), expected, "as it would be");
    assert_eq!(versions(registry).len(), 6, "a dry run changes nothing");
    assert_eq!(pruned(NOTHING, later(), false), expected);
    assert_eq!(pruned(NOTHING, later(), false), Pruned::default(), "once is enough");

    assert_eq!(versions(registry), [6, 5, 4, 2, 1]);
    let mut left: Vec<BundleDigest> = [1, 2, 4, 5, 6].map(|seed| bundle(seed).digest()).into();
    left.sort_unstable();
    assert_eq!(home.objects().list().expect("a list"), left);
    let boosters = self::home(
        folder.path(),
        mlflow_at(&server.address(), &format!("{model}-one")),
        s3.place("retention/all"),
    );
    assert_eq!(versions(boosters.mlflow().expect("MLflow")), [6, 5, 4, 2, 1]);
    let is_there = |run: &str| registry.mlflow().find_run(run).expect("an answer").is_some();
    let there: Vec<bool> = runs.iter().map(|run| is_there(run)).collect();
    assert_eq!(there, [true, true, false, true, true, true]);
    assert!(is_there(&open.id) && !is_there(&failed.id));
    assert_eq!(registry.begun_runs().expect("runs").len(), 6, "five that versions come of, and the open one");
}

#[test]
fn wherever_it_is_cut_no_version_is_without_its_files_and_the_next_completes_it() {
    let (server, s3) = (TestMlflow::alone(), TestS3::shared());
    let folder = tempfile::tempdir().expect("a folder");
    let model = TestMlflow::new_model();
    let direct = home(folder.path(), mlflow_at(&server.address(), &model), s3.place("retention/cut"));
    let registry = direct.mlflow().expect("MLflow");
    let (champion, _) = publish(&direct, 100);
    registry.crown(champion, None, &How::Command.by(None), 3_000).expect("a champion");
    for allowed in 0.. {
        let seed = 200 + allowed as u64;
        let (version, run) = publish(&direct, seed);
        let changes = AtomicUsize::new(0);
        let front = Front::before(server.port(), move |line| {
            let is_change =
                !line.starts_with("GET ") && !line.contains("/search") && !line.contains("experiments/");
            if is_change && changes.fetch_add(1, Ordering::Relaxed) >= allowed {
                Fate::Cut
            } else {
                Fate::Passed
            }
        });
        let address = format!("http://127.0.0.1:{}", front.port());
        let through = home(folder.path(), mlflow_at(&address, &model), s3.place("retention/cut"));
        let cut = prune(&through, None, NOTHING, later(), false);

        let kept = direct.objects().list().expect("a list");
        for model in registry.versions().expect("a registry") {
            assert!(
                kept.contains(&model.bundle),
                "version {} without its files, cut at {allowed}",
                model.version
            );
        }
        let whole = cut.is_ok();
        prune(&direct, None, NOTHING, later(), false).expect("the same again");
        assert_eq!(versions(registry), [champion], "cut at {allowed}");
        assert_eq!(direct.objects().list().expect("a list"), [bundle(100).digest()]);
        assert!(!direct.folder().join("training/pruning.json").exists());
        let boosters = registry.boosters_of(bundle(seed).digest()).expect("an answer");
        assert_eq!(boosters, [] as [NamedVersion; 0], "of version {version}");
        assert_eq!(registry.mlflow().find_run(&run).expect("an answer"), None);
        if whole {
            assert_eq!(allowed, 3, "the version, its booster and its run");
            break;
        }
    }
}

/// Cut between the registry and the files: what is left there is nobody's, and goes with the next.
#[test]
fn files_that_are_left_of_a_version_that_is_gone_go_with_the_next() {
    let s3 = TestS3::shared();
    let port: u16 = s3.settings()[0].1.rsplit(':').next().expect("a port").parse().expect("a number");
    let front =
        Front::before(port, |line| if line.starts_with("DELETE ") { Fate::Cut } else { Fate::Passed });
    let folder = tempfile::tempdir().expect("a folder");
    let at = |endpoint: &str| {
        let bundles = Some(s3.place_through("retention/left", endpoint, ""));
        Home::open_with(folder.path(), &Places { bundles, ..Places::default() }).expect("a home")
    };
    let direct = at(&s3.settings()[0].1);
    for seed in 1..=3 {
        direct.objects().put_bundle(&bundle(seed)).expect("kept");
        direct.registry().register(bundle(seed).digest(), &BTreeMap::new(), 1_000).expect("registered");
    }
    direct.registry().crown(3, None, &How::Command.by(None), 2_000).expect("a champion");
    // Another home's, in the same bucket.
    direct.objects().put_bundle(&bundle(9)).expect("kept");

    let cut = at(&format!("127.0.0.1:{}", front.port()));
    prune(&cut, None, NOTHING, later(), false).expect_err("the bucket removes nothing");
    let registered = || -> Vec<u32> {
        direct.registry().versions().expect("a registry").iter().map(|model| model.version).collect()
    };
    assert_eq!((registered().len(), direct.objects().list().expect("a list").len()), (2, 4));
    // One of the two is published again meanwhile.
    let gone = bundle(if registered().contains(&1) { 2 } else { 1 });
    direct.objects().put_bundle(&gone).expect("kept");
    direct.registry().register(gone.digest(), &BTreeMap::new(), later()).expect("registered");
    prune(&direct, None, Keeping { newest: 0, days: 5 }, later(), false).expect("the same again");
    assert_eq!(registered(), [4, 3]);
    let mut left = vec![bundle(3).digest(), bundle(9).digest(), gone.digest()];
    left.sort_unstable();
    assert_eq!(direct.objects().list().expect("a list"), left);
    direct.registry().forget(4, later()).expect("forgotten");
    std::fs::create_dir_all(folder.path().join("training")).expect("a folder");
    let named = serde_json::json!({ "bundles": [gone.digest()], "datasets": [] });
    std::fs::write(folder.path().join("training/pruning.json"), named.to_string()).expect("written");
    prune(&direct, None, NOTHING, later(), true).expect("a dry run");
    assert_eq!(direct.objects().list().expect("a list").len(), 3, "which removes nothing");
    prune(&direct, None, NOTHING, later(), false).expect("pruned");
    assert_eq!(direct.objects().list().expect("a list").len(), 2);
}
