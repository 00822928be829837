//! What a recipe may change: how much old rows count, and which features the boosters see. Both are kept with the boosters, stand
//! in the bundle, and leave what is served to the bit what was trained.

use std::collections::BTreeSet;
use std::path::Path;

use features::Catalogue;
use forecast::{Bundle, Task};
use klinecast_trainer::dataset::Dataset;
use klinecast_trainer::fit::{LightGbm, XgBoost, lightgbm_path, xgboost_path};
use klinecast_trainer::ingest::kept_klines;
use klinecast_trainer::split::{Split, Window};
use klinecast_trainer::trained::{self, Trained};
use store::Home;

use crate::support::{execute, market, write_files};

const RECIPE: [&str; 8] = ["--rounds", "4", "--folds", "2", "--threads", "2", "--half-life", "20"];

/// Seven tasks, two libraries, two folds and the end.
const BOOSTERS: usize = 7 * 2 * 3;

struct Trainer {
    folder: tempfile::TempDir,
}

impl Trainer {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let files = folder.path().join("files");
        std::fs::create_dir(&files).expect("a folder");
        write_files(&files, &market(72));
        let trainer = Self { folder };
        trainer.stage(&["ingest", "--klines", &files.to_string_lossy()]).expect("klines");
        trainer
    }

    fn home(&self) -> Home {
        Home::open(self.folder.path().join("home")).expect("a home")
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_string_lossy().into_owned()
    }

    fn stage(&self, words: &[&str]) -> Result<(), String> {
        execute(&[&["--home", self.at("home").as_str()], words].concat())
    }

    fn train(&self, words: &[&str]) -> Trained {
        self.stage(&[&["train"], &RECIPE[..], words].concat()).expect("boosters");
        trained::load(&Path::new(&self.at("home")).join("training")).expect("what training left")
    }

    /// The names of all boosters that are kept.
    fn boosters(&self) -> BTreeSet<String> {
        let entries =
            std::fs::read_dir(Path::new(&self.at("home")).join("training/boosters")).expect("a folder");
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
    }
}

#[test]
fn half_life_and_left_out_features_are_part_of_boosters_and_bundle() {
    let trainer = Trainer::new();
    let part = ["train", "--task", "volatility_4step", "--library", "xgboost", "--fold", "1"];
    trainer.stage(&[&part[..], &RECIPE].concat()).expect("a part");
    let first = trainer.boosters();
    assert_eq!(first.len(), 1);
    let whole = trainer.train(&[]);
    assert_eq!(trainer.boosters().len(), BOOSTERS, "the part is taken up");
    let half_life = whole.plan.half_life_days.map(f64::from);
    assert_eq!((half_life, whole.plan.left_out.len()), (Some(20.0), 0));

    // Another half-life, or none, is another booster.
    for half_life in [&["--half-life", "40"][..], &[]] {
        let before = trainer.boosters();
        trainer.stage(&[&part[..], &RECIPE[..6], half_life].concat()).expect("a part");
        let new: Vec<String> = trainer.boosters().difference(&before).cloned().collect();
        assert_eq!(new.len(), 1, "{half_life:?}");
        let read = |name: &String| {
            std::fs::read(Path::new(&trainer.at("home")).join("training/boosters").join(name))
        };
        let trees = |bytes: Vec<u8>| bytes.splitn(2, |byte| *byte == b'\n').nth(1).map(<[u8]>::to_vec);
        let [one, other] =
            [first.first().expect("one"), &new[0]].map(|name| trees(read(name).expect("a file")));
        assert_ne!(one, other, "{half_life:?}");
    }
    left_out_features_are_not_split_on(&trainer, &whole);
}

fn left_out_features_are_not_split_on(trainer: &Trainer, whole: &Trained) {
    // The best feature of every task, and the weak ones.
    let best: BTreeSet<&str> =
        whole.importance.tasks.iter().map(|task| task.features[0].feature.as_str()).collect();
    assert!(whole.importance.tasks.iter().all(|task| task.features[0].boosters > 1));
    let weak = trainer.at("weak");
    trainer.stage(&["features", "--rank", "--weak", &weak, "--weak-below", "1e-5"]).expect("a ranking");
    let listed = std::fs::read_to_string(&weak).expect("a file");
    let listed: BTreeSet<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    let unused: BTreeSet<&str> = whole.importance.unused.iter().map(String::as_str).collect();
    assert!(!listed.is_empty() && listed.is_superset(&unused) && listed.is_disjoint(&best), "{listed:?}");

    let names = best.iter().copied().collect::<Vec<_>>().join(",");
    let thinned = trainer.train(&["--leave-out", &names, "--leave-out-file", &weak]);
    let left_out: BTreeSet<&str> = best.union(&listed).copied().collect();
    assert_eq!(thinned.plan.left_out.iter().map(String::as_str).collect::<BTreeSet<_>>(), left_out);
    let unused: BTreeSet<&str> = thinned.importance.unused.iter().map(String::as_str).collect();
    assert!(unused.is_superset(&left_out), "{:?}", left_out.difference(&unused));
    let columns: Vec<usize> =
        left_out.iter().map(|name| Catalogue::standard().index_of(name).expect("a feature")).collect();
    final_boosters_split_on_others(&thinned, &columns);

    for stage in [
        &["audit", "causality"][..],
        &["evaluate", "--resamples", "20"],
        &["audit", "parity", "--trained"],
        &["publish"],
    ] {
        trainer.stage(stage).unwrap_or_else(|error| panic!("{stage:?}: {error}"));
    }
    let home = trainer.home();
    let model = home.registry().versions().expect("a registry").pop().expect("a version");
    let bundle =
        Bundle::from_files(home.objects().get(model.bundle).expect("files")).expect("a valid bundle");
    assert_eq!(bundle.manifest().parameters["half_life_days"], 20.0);
    assert_eq!(bundle.manifest().parameters["left_out"].as_array().map(Vec::len), Some(left_out.len()));
    what_left_out_features_hold_changes_no_answer(&home, &bundle, &columns);
    let told = trainer.stage(&["train", "--leave-out", "return_5"]).expect_err("no such feature");
    assert!(told.contains("\"return_5\" is no feature"), "{told}");
}

fn final_boosters_split_on_others(thinned: &Trained, columns: &[usize]) {
    let names: Vec<&str> = Catalogue::standard().names().collect();
    let lightgbm = LightGbm::load(&lightgbm_path().expect("LightGBM")).expect("LightGBM");
    let xgboost = XgBoost::load(&xgboost_path().expect("XGBoost")).expect("XGBoost");
    for one in &thinned.tasks {
        let both = [
            lightgbm.model(&one.lightgbm.fit.file).and_then(|model| model.gains()),
            xgboost.model(&one.xgboost.fit.file).and_then(|model| model.gains(&names)),
        ];
        for gains in both {
            let gains = gains.expect("gains");
            assert!(gains.iter().any(|gain| *gain > 0.0), "{} has learned nothing", one.task);
            assert!(columns.iter().all(|column| gains[*column] == 0.0), "{}", one.task);
        }
    }
}

fn what_left_out_features_hold_changes_no_answer(home: &Home, bundle: &Bundle, columns: &[usize]) {
    let klines = kept_klines(home, &[], bundle.manifest().interval).expect("klines").klines;
    let training = bundle.manifest().training;
    let test =
        Window { from: training.test_from.expect("a test"), until: training.test_until.expect("a test") };
    let split = Split { train: test, tune: test, test };
    let dataset =
        Dataset::build(&klines, bundle.manifest().interval, split, (1, home.folder()), || ()).expect("rows");
    let rows = dataset.range(test);
    let as_made = dataset.values(rows.clone()).to_vec();
    let cuts = vec![None; rows.len()];
    let expected = bundle.answer_rows(&as_made, &cuts);
    // A bundle's returns are scaled by a row's own volatility, which is no booster's doing.
    let scale = Catalogue::standard().index_of("ewma_volatility_94");
    for filling in [f64::NAN, 0.0, 1e30] {
        let mut filled = as_made.clone();
        for row in filled.chunks_exact_mut(dataset.width()) {
            for column in columns.iter().filter(|column| Some(**column) != scale) {
                row[*column] = filling;
            }
        }
        for (found, expected) in bundle.answer_rows(&filled, &cuts).iter().zip(&expected) {
            for (found, expected) in found.iter().zip(expected) {
                assert!(found.lightgbm.same_bits(&expected.lightgbm), "{filling} {}", found.task);
                assert!(found.xgboost.same_bits(&expected.xgboost), "{filling} {}", found.task);
                assert!(found.ensemble.same_bits(&expected.ensemble), "{filling} {}", found.task);
            }
        }
    }
    assert_eq!(expected.len(), rows.len());
    assert!(expected.iter().all(|answers| answers.len() == Task::COUNT));
}
