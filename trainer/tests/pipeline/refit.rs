//! Between two walks: boosters are fitted anew by what the champion's training has settled.

use std::collections::BTreeMap;
use std::path::Path;

use forecast::{Bundle, BundleDigest};
use kline::{Kline, Symbol};
use store::{Home, Stage};

use crate::support::{execute, market, write_files};

const DAYS: usize = 72;
const DAYS_LATER: usize = 84;

/// Seven tasks, two libraries.
const FINAL_BOOSTERS: usize = 7 * 2;

struct Trainer {
    folder: tempfile::TempDir,
}

impl Trainer {
    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn write(&self, klines: &BTreeMap<Symbol, Vec<Kline>>, days: usize) {
        let cut = |(symbol, klines): (&Symbol, &Vec<Kline>)| (*symbol, klines[..days * 96].to_vec());
        write_files(self.path("files").as_ref(), &klines.iter().map(cut).collect());
    }

    fn run(&self, words: &[&str]) -> Result<(), String> {
        let (home, files) = (self.path("home"), self.path("files"));
        let run = ["--home", &home, "run", "--klines", &files, "--resamples", "20", "--force"];
        execute(&[&run[..], words].concat())
    }

    fn champion(&self) -> Bundle {
        let home = Home::open(self.path("home")).expect("a home");
        let champion = home.registry().champion().expect("a registry").expect("a champion");
        Bundle::from_files(home.objects().get(champion.bundle).expect("files")).expect("a valid bundle")
    }

    fn boosters(&self) -> usize {
        std::fs::read_dir(Path::new(&self.path("home")).join("training/boosters")).expect("a folder").count()
    }
}

fn boosters(bundle: &Bundle) -> BTreeMap<&str, &[u8]> {
    let files = bundle.manifest().tasks.iter().flat_map(|task| [&task.lightgbm.file, &task.xgboost.file]);
    files.map(|file| (file.as_str(), bundle.files()[file].as_slice())).collect()
}

/// All that a walk settles.
fn settled(bundle: &Bundle) -> (serde_json::Value, Vec<[u64; 2]>, String) {
    let manifest = bundle.manifest();
    let rounds = manifest.tasks.iter().map(|task| [task.lightgbm.rounds, task.xgboost.rounds]);
    let others = format!(
        "{:?} {:?} {:?} {:?}",
        bundle.stacking(),
        bundle.calibration(),
        bundle.bands(),
        bundle.variance()
    );
    (manifest.parameters["walk"].clone(), rounds.collect(), others)
}

/// A champion that another program has left: the same but for what its manifest says, and the files that it names.
fn of_another_program(home: &Home, champion: &Bundle, say: impl FnOnce(&mut serde_json::Value)) {
    let mut files = champion.files().clone();
    let mut manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
    say(&mut manifest);
    files.retain(|name, _| manifest["files"].get(name).is_some());
    let manifest = serde_json::to_vec(&manifest).expect("JSON");
    let bundle = BundleDigest::of(&manifest);
    files.insert("manifest.json".to_owned(), manifest);
    for (name, bytes) in files {
        let path = home.folder().join("bundles").join(bundle.to_string()).join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(path, bytes).expect("written");
    }
    let model = home.registry().register(bundle, &BTreeMap::new(), 1).expect("registered");
    store::promote(home.registry(), model.version, Stage::Production, 2).expect("promoted");
}

#[test]
fn a_refit_on_other_symbols_or_features_than_the_walks_is_refused_and_changes_nothing() {
    let trainer = Trainer { folder: tempfile::tempdir().expect("a folder") };
    std::fs::create_dir(trainer.path("files")).expect("a folder");
    let mut klines = market(DAYS);
    let (added, series) = klines.pop_last().expect("several symbols");
    trainer.write(&klines, DAYS);
    trainer.run(&["--rounds", "3", "--folds", "1"]).expect("a run");
    let (champion, fitted) = (trainer.champion(), trainer.boosters());
    klines.insert(added, series);
    trainer.write(&klines, DAYS);
    let told = trainer.run(&["--refit"]).expect_err("a symbol that the walk has not seen");
    assert!(told.contains(&format!("it has no {added}")), "{told}");
    assert_eq!((trainer.champion().digest(), trainer.boosters()), (champion.digest(), fitted));

    let home = Home::open(trainer.path("home")).expect("a home");
    of_another_program(&home, &champion, |manifest| {
        manifest["tasks"][1]["lightgbm"]["parameters"]["boosting"] = "dart".into();
    });
    let told = trainer.run(&["--refit", "--fresh"]).expect_err("trees that are changed after their round");
    assert!(told.contains("return_4step's LightGBM was told boosting=dart"), "{told}");
    of_another_program(&home, &champion, |manifest| manifest["catalogue_hash"] = "0".repeat(64).into());
    // The run before would go on with the champion that it began with.
    let told = trainer.run(&["--refit", "--fresh"]).expect_err("features of another program");
    assert!(told.contains("is not this build's") && told.contains("train a new bundle"), "{told}");
    assert_eq!(trainer.boosters(), fitted, "nothing was trained");
}

#[test]
fn a_refit_takes_the_walk_over_and_learns_from_what_is_new() {
    let trainer = Trainer { folder: tempfile::tempdir().expect("a folder") };
    std::fs::create_dir(trainer.path("files")).expect("a folder");
    let klines = market(DAYS_LATER);
    trainer.write(&klines, DAYS);
    let told = trainer.run(&["--refit"]).expect_err("nobody has walked");
    assert!(told.contains("there is no champion; train without --refit"), "{told}");

    trainer.run(&["--rounds", "6", "--folds", "2", "--half-life", "30"]).expect("a run");
    let first = trainer.champion();
    let fitted = trainer.boosters();
    // On the same klines the same boosters come of it, which are there already.
    trainer.run(&["--refit"]).expect("a refit");
    let same = trainer.champion();
    assert_eq!(trainer.boosters(), fitted);
    assert!(boosters(&same) == boosters(&first) && settled(&same) == settled(&first));
    assert_eq!(same.manifest().parameters["walk_of"], first.digest().to_string());
    assert_eq!(first.manifest().parameters["walk_of"], serde_json::Value::Null);

    trainer.write(&klines, DAYS_LATER);
    trainer.run(&["--refit"]).expect("a refit");
    let later = trainer.champion();
    assert_eq!(trainer.boosters(), fitted + FINAL_BOOSTERS, "no fold is walked over");
    assert_eq!(settled(&later), settled(&first));
    assert_eq!(later.manifest().parameters["walk_of"], first.digest().to_string(), "who walked is named");
    assert_eq!(later.manifest().parameters["half_life_days"], 30.0);
    assert!(later.manifest().training.tune_until > first.manifest().training.tune_until);
    let (old, new) = (boosters(&first), boosters(&later));
    assert!(old.iter().all(|(file, bytes)| new[file] != *bytes));

    // The walk has seen what is to be tested on.
    let told = trainer
        .run(&[
            "--refit",
            "--train-until",
            "2025-02-10",
            "--tune-until",
            "2025-02-18",
            "--test-from",
            "2025-02-22",
        ])
        .expect_err("seen before");
    assert!(told.contains("its walk saw bars up to"), "{told}");

    // Of before there was a model of the squared volatility: what no walk has settled is not made up.
    let home = Home::open(trainer.path("home")).expect("a home");
    of_another_program(&home, &later, |manifest| {
        let removed = manifest["files"].as_object_mut().and_then(|files| files.remove("variance.json"));
        assert!(removed.is_some(), "it had one");
    });
    trainer.run(&["--refit", "--fresh"]).expect("a refit");
    let without = trainer.champion();
    assert_eq!((without.variance(), trainer.boosters()), (None, fitted + FINAL_BOOSTERS));
    assert!(boosters(&without) == boosters(&later));
}
