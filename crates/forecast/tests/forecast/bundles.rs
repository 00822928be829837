//! Bundles: the same parts give the same digest, and each fault has its own refusal.

use std::collections::BTreeMap;

use forecast::testkit::tiny_bundle;
use forecast::{
    Answer, Bundle, BundleBuilder, BundleDigest, BundleError, Canary, LeaksCertificate, LightGbmShare,
    Metric, Task,
};
use kline::Interval;
use serde_json::{Value, json};

type Files = BTreeMap<String, Vec<u8>>;

fn builder(seed: u64) -> BundleBuilder {
    let symbols = ["ETHUSDT", "BTCUSDT"].map(|name| name.parse().expect("a symbol"));
    tiny_bundle(seed, &symbols, Interval::M15)
}

fn files() -> Files {
    builder(7).files().expect("parts can be written")
}

/// Refuses `files` after `change`, with the reason's name.
fn refused(change: impl FnOnce(&mut Files)) -> (BundleError, &'static str) {
    let mut files = files();
    change(&mut files);
    let error = Bundle::from_files(files).expect_err("the fault is found");
    let message = error.to_string();
    assert!(message.starts_with(|first: char| first.is_lowercase()) && !message.ends_with('.'), "{message}");
    assert!(message.len() > 40, "says what to do: {message}");
    let reason = error.reason();
    (error, reason)
}

/// Changes the manifest, leaving everything else.
fn with_manifest(change: impl FnOnce(&mut Value)) -> impl FnOnce(&mut Files) {
    move |files| {
        let mut manifest: Value = serde_json::from_slice(&files["manifest.json"]).expect("JSON");
        change(&mut manifest);
        files.insert("manifest.json".to_owned(), serde_json::to_vec(&manifest).expect("JSON"));
    }
}

/// Changes a file and writes its checksum into the manifest, so that only what it says is wrong.
fn with_file(name: &'static str, change: impl FnOnce(&mut Vec<u8>)) -> impl FnOnce(&mut Files) {
    move |files| {
        change(files.get_mut(name).expect("it is there"));
        let sum = BundleDigest::of(&files[name]).to_string();
        with_manifest(|manifest| manifest["files"][name]["sha256"] = json!(sum))(files);
    }
}

#[test]
fn the_same_parts_give_the_same_digest_and_one_byte_another() {
    let (a, b) = (builder(7).build().expect("valid"), builder(7).build().expect("valid"));
    assert_eq!(a.digest(), b.digest());
    assert_eq!(a.files(), b.files());
    assert_ne!(a.digest(), builder(8).build().expect("valid").digest());
    let mut changed = builder(7);
    changed.model_card.push('!');
    assert_ne!(a.digest(), changed.build().expect("valid").digest());
    let again =
        Bundle::from_files(a.files().iter().map(|(name, bytes)| (name.clone(), bytes.to_vec())).collect());
    assert_eq!(again.expect("as it was").digest(), a.digest());
    assert!(
        a.covers("BTCUSDT".parse().expect("a symbol")) && !a.covers("XRPUSDT".parse().expect("a symbol"))
    );
}

#[test]
fn the_order_in_which_parts_are_given_does_not_matter() {
    let mut shuffled = builder(7);
    shuffled.tasks.reverse();
    shuffled.symbols.reverse();
    assert_eq!(shuffled.build().expect("valid").digest(), builder(7).build().expect("valid").digest());
}

#[test]
fn files_that_are_missing_changed_or_unknown_are_refused() {
    assert_eq!(refused(|files| drop(files.remove("manifest.json"))).1, "bundle_file_missing");
    assert_eq!(refused(|files| drop(files.remove("golden.json"))).1, "bundle_file_missing");
    let booster = "boosters/return_1step.lightgbm.txt";
    assert_eq!(refused(|files| drop(files.remove(booster))).1, "bundle_file_missing");
    let (error, reason) = refused(|files| files.get_mut(booster).expect("there")[10] ^= 1);
    assert_eq!(reason, "bundle_checksum");
    assert!(error.to_string().contains(booster));
    assert_eq!(refused(|files| drop(files.insert("notes.txt".into(), vec![]))).1, "bundle_file_unlisted");
    for name in ["../escape", "/etc/passwd", "a//b", "a\\b", "."] {
        let entry = json!({"sha256": "", "size_bytes": 0});
        assert_eq!(refused(with_manifest(|manifest| manifest["files"][name] = entry)).1, "bundle_file_name");
    }
}

#[test]
fn manifests_that_are_malformed_newer_or_contradictory_are_refused() {
    assert_eq!(
        refused(|files| drop(files.insert("manifest.json".into(), b"{".to_vec()))).1,
        "bundle_malformed"
    );
    let unknown = with_manifest(|manifest| manifest["surprise"] = json!(1));
    assert_eq!(refused(unknown).1, "bundle_malformed");
    let newer = with_manifest(|manifest| {
        manifest["schema_version"] = json!(99);
        manifest["surprise"] = json!(1);
    });
    assert_eq!(refused(newer).1, "bundle_schema_version");
    let task = with_manifest(|manifest| manifest["tasks"][0]["task"] = json!("return_2step"));
    assert!(refused(task).0.to_string().contains("return_2step"));
    for (field, value) in [
        ("symbols", json!([])),
        ("symbols", json!(["ETHUSDT", "BTCUSDT"])),
        ("symbols", json!(["BTCUSDT", "BTCUSDT"])),
        ("tasks", json!([])),
    ] {
        assert_eq!(refused(with_manifest(|manifest| manifest[field] = value)).1, "bundle_field", "{field}");
    }
    let twice = with_manifest(|manifest| manifest["tasks"][1] = manifest["tasks"][0].clone());
    assert_eq!(refused(twice).1, "bundle_field");
    let baseline = with_manifest(|manifest| manifest["tasks"][0]["best_baseline"] = json!("har_rv"));
    assert_eq!(refused(baseline).1, "bundle_field");
    let transform = with_manifest(|manifest| manifest["tasks"][3]["transform"] = json!("log_volatility"));
    assert_eq!(refused(transform).1, "bundle_transform");
}

#[test]
fn a_share_is_read_to_the_bit_stands_only_where_it_is_and_is_refused_beyond_its_bounds() {
    let without = String::from_utf8(files()["manifest.json"].clone()).expect("text");
    assert!(
        !without.contains("lightgbm_share"),
        "bundles without shares have the bytes that they always had"
    );
    let mut builder = builder(7);
    builder.tasks[2].lightgbm_share = Some(LightGbmShare::nearest(0.1 + 0.2));
    let bundle = builder.build().expect("valid");
    let shares: Vec<_> = bundle.manifest().tasks.iter().map(|entry| entry.lightgbm_share).collect();
    let third = builder.tasks[2].task.index();
    for (at, share) in shares.iter().enumerate() {
        assert_eq!(
            share.map(|share| f64::from(share).to_bits()),
            (at == third).then(|| (0.1 + 0.2_f64).to_bits())
        );
    }
    let (error, reason) =
        refused(with_manifest(|manifest| manifest["tasks"][0]["lightgbm_share"] = json!(1.5)));
    assert_eq!(reason, "bundle_malformed");
    assert!(error.to_string().contains("from 0 to 1"), "{error}");
}

#[test]
fn stacks_that_fit_no_task_are_refused() {
    let stacking = |text: &'static [u8]| with_file("stacking.json", move |bytes| *bytes = text.to_vec());
    for (text, named) in [
        (&b"{\"vol_regime_4step\": [[1, 0, 0, 0, 0, 0, 0, 0]]}"[..], "expected 2"),
        (&b"{\"return_1step\": []}"[..], "return_1step"),
        (&b"{\"vol_regime_4step\": [[1]]}"[..], "stacking.json"),
    ] {
        let (error, reason) = refused(stacking(text));
        assert_eq!(reason, "bundle_malformed");
        assert!(error.to_string().contains(named), "{error}");
    }
    let mut alone = builder(7);
    alone.stacking.fit(Task::VolRegime4Step, &[]).expect("suits");
    alone.tasks.retain(|parts| parts.task == Task::VolRegime4Step);
    let error = alone.build().expect_err("has no volatility to read");
    assert!(error.to_string().contains("volatility_4step"), "{error}");
}

#[test]
fn calibrations_bands_and_variances_that_fit_no_task_are_refused() {
    for (name, text, named) in [
        ("calibration.json", r#"{"return_1step": {"shrink": {"factor": 2.0}}}"#, "out of range"),
        ("calibration.json", r#"{"vol_regime_4step": {"shrink": {"factor": 0.5}}}"#, "does not suit"),
        ("calibration.json", r#"{"return_1step": {"stretch": {"factor": 0.5}}}"#, "calibration.json"),
        ("bands.json", r#"{"return_1step": {"pooled": [[1, -1], [-2, 2]], "symbols": {}}}"#, "out of order"),
        (
            "bands.json",
            r#"{"direction_4step": {"pooled": [[-1, 1], [-2, 2]], "symbols": {}}}"#,
            "direction_4step",
        ),
        ("bands.json", r#"{"return_1step": {"pooled": [[-1, 1]], "symbols": {}}}"#, "bands.json"),
        ("variance.json", "[1, 2, 3]", "variance.json"),
        ("variance.json", "[0.5, 0, 0, 1e300, 0]", "beyond 20"),
    ] {
        let (error, reason) = refused(with_file(name, move |bytes| *bytes = text.as_bytes().to_vec()));
        assert_eq!(reason, "bundle_malformed");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn a_bundle_may_lack_a_variance_and_has_none_without_volatility() {
    let mut without = builder(7);
    without.variance = None;
    let bundle = without.build().expect("a bundle");
    assert!(bundle.variance().is_none() && builder(7).build().expect("a bundle").variance().is_some());
    let mut alone = builder(7);
    (alone.bands, alone.tasks) = (forecast::Bands::default(), alone.tasks[..1].to_vec());
    let error = alone.build().expect_err("has no volatility to read");
    assert!(
        error.to_string().contains("variance.json") && error.to_string().contains("volatility_4step"),
        "{error}"
    );
}

#[test]
fn a_causality_certificate_that_is_missing_failed_or_of_something_else_is_refused() {
    assert_eq!(refused(|files| drop(files.remove("causality.json"))).1, "bundle_file_missing");
    let unlisted = with_manifest(|manifest| {
        manifest["files"].as_object_mut().expect("a map").remove("causality.json");
    });
    assert_eq!(refused(unlisted).1, "bundle_file_unlisted");
    let malformed = with_file("causality.json", |bytes| *bytes = b"{\"passed\": true}".to_vec());
    assert_eq!(refused(malformed).1, "bundle_malformed");
    let offence = json!([{"kind": "looks_ahead", "name": "rsi_14", "detail": "seen"}]);
    for (field, value, named) in [
        ("passed", json!(false), "did not pass"),
        ("offences", offence, "rsi_14 looks ahead"),
        ("catalogue_hash", json!("0".repeat(64)), "catalogue"),
        ("data_version", json!("tiny-8"), "tiny-8"),
        ("ahead", json!({"copies": 0, "rows": 0, "bits": 0}), "proves too little"),
        ("features_alive", json!(3), "3 of"),
    ] {
        let changed = with_file("causality.json", move |bytes| {
            let mut certificate: Value = serde_json::from_slice(bytes).expect("JSON");
            certificate[field] = value;
            *bytes = serde_json::to_vec(&certificate).expect("JSON");
        });
        let (error, reason) = refused(changed);
        assert_eq!(reason, "bundle_causality", "{field}");
        let text = error.to_string();
        assert!(text.contains(named) && text.contains("klinecast-trainer audit causality"), "{text}");
    }
}

#[test]
fn a_parity_certificate_that_is_missing_failed_or_of_something_else_is_refused() {
    assert_eq!(refused(|files| drop(files.remove("parity.json"))).1, "bundle_file_missing");
    let unlisted = with_manifest(|manifest| {
        manifest["files"].as_object_mut().expect("a map").remove("parity.json");
    });
    assert_eq!(refused(unlisted).1, "bundle_file_unlisted");
    let malformed = with_file("parity.json", |bytes| *bytes = b"{\"passed\": true}".to_vec());
    assert_eq!(refused(malformed).1, "bundle_malformed");
    let change = |change: fn(&mut Value)| {
        with_file("parity.json", move |bytes| {
            let mut certificate: Value = serde_json::from_slice(bytes).expect("JSON");
            change(&mut certificate);
            *bytes = serde_json::to_vec(&certificate).expect("JSON");
        })
    };
    type Fault = (fn(&mut Value), &'static str);
    let cases: [Fault; 10] = [
        (|it| it["schema_version"] = json!(99), "schema version 99"),
        (|it| it["passed"] = json!(false), "did not pass"),
        (|it| it["differences"] = json!([{"file": "boosters/a", "detail": "seen"}]), "boosters/a: seen"),
        (|it| it["boosters"][0]["sha256"] = json!("00"), "SHA-256 00"),
        (|it| it["boosters"][0]["file"] = json!("boosters/a"), "boosters/a, which is not there"),
        (|it| it["boosters"][0]["rows"] = json!(0), "0 rows"),
        (|it| it["boosters"][0]["splits_stood_on"] = json!(1), "1 of"),
        (|it| drop(it["boosters"].as_array_mut().expect("a list").pop()), "says nothing of"),
        (|it| it["sample"]["rows"] = json!([]), "0 sample rows"),
        (|it| it["sample"]["margins"][2]["margins"][1] = json!(""), "has 0 outputs of"),
    ];
    for (fault, named) in cases {
        let (error, reason) = refused(change(fault));
        assert_eq!(reason, "bundle_parity", "{named}: {error}");
        let text = error.to_string();
        assert!(text.contains(named) && text.contains("klinecast-trainer audit parity"), "{text}");
    }
}

#[test]
fn a_bundle_may_carry_what_canaries_showed_and_is_refused_when_that_speaks_against_it() {
    let plain = builder(7).build().expect("valid");
    assert!(plain.leaks().is_none() && !plain.files().contains_key("leaks.json"));
    let mut builder = builder(7);
    let canary = Canary {
        canary: "shuffled outcomes".to_owned(),
        task: Task::Return4Step,
        figure: "r2".to_owned(),
        value: Metric(-0.01),
        interval: [Metric(f64::NAN); 2],
        passed: true,
    };
    let certificate = LeaksCertificate {
        catalogue_hash: plain.manifest().catalogue_hash.clone(),
        data_version: "tiny-7".to_owned(),
        rows: [100, 50],
        canaries: vec![canary],
        passed: true,
    };
    builder.leaks = Some(certificate.clone());
    let bundle = builder.build().expect("valid");
    let carried = bundle.leaks().expect("a certificate");
    assert_eq!((&carried.data_version, carried.rows), (&certificate.data_version, [100, 50]));
    let [low, high] = carried.canaries[0].interval;
    assert!(carried.canaries[0].value.0 == -0.01 && low.0.is_nan() && high.0.is_nan());
    assert!(bundle.digest() != plain.digest() && bundle.manifest().files.contains_key("leaks.json"));
    type Fault = (fn(&mut LeaksCertificate), &'static str);
    let cases: [Fault; 5] = [
        (|it| it.canaries[0].passed = false, "tells of a leak: shuffled outcomes of return_4step"),
        (|it| it.canaries.clear(), "did not pass"),
        (|it| it.passed = false, "did not pass"),
        (|it| it.catalogue_hash = "0".repeat(64), "is of catalogue 000"),
        (|it| it.data_version = "tiny-8".to_owned(), "is of data version tiny-8, not of tiny-7"),
    ];
    for (fault, named) in cases {
        let mut changed = certificate.clone();
        fault(&mut changed);
        builder.leaks = Some(changed);
        let error = builder.build().expect_err("it speaks against the bundle");
        assert_eq!(error.reason(), "bundle_leaks", "{named}: {error}");
        let text = error.to_string();
        assert!(text.contains(named) && text.contains("klinecast-trainer audit leaks"), "{text}");
    }
}

#[test]
fn the_sample_rows_of_parity_are_checked_to_the_last_bit() {
    let one_bit = with_file("parity.json", |bytes| {
        let mut certificate: Value = serde_json::from_slice(bytes).expect("JSON");
        let text = certificate["sample"]["margins"][3]["margins"][2].as_str().expect("text").to_owned();
        let bits = u64::from_str_radix(&text, 16).expect("sixteen digits") ^ 1;
        certificate["sample"]["margins"][3]["margins"][2] = json!(format!("{bits:016x}"));
        *bytes = serde_json::to_vec(&certificate).expect("JSON");
    });
    let (error, reason) = refused(one_bit);
    assert_eq!(reason, "bundle_parity_row");
    let text = error.to_string();
    assert!(text.contains("row 2 of parity.json") && text.contains("XGBoost answered"), "{text}");
    let narrow = with_file("parity.json", |bytes| {
        let mut certificate: Value = serde_json::from_slice(bytes).expect("JSON");
        certificate["sample"]["rows"][0]["values"] = json!("3ff0000000000000");
        *bytes = serde_json::to_vec(&certificate).expect("JSON");
    });
    assert_eq!(refused(narrow).1, "bundle_malformed");
}

#[test]
fn another_catalogue_is_refused_by_the_names_that_differ() {
    let renamed = with_manifest(|manifest| {
        manifest["features"][5] = json!("phase_of_the_moon");
        manifest["catalogue_hash"] = json!("0".repeat(64));
    });
    let (error, reason) = refused(renamed);
    assert_eq!(reason, "bundle_catalogue");
    let ours = features::Catalogue::standard().definitions()[5].name;
    assert!(error.to_string().contains("phase_of_the_moon") && error.to_string().contains(ours), "{error}");
    let hash_only = with_manifest(|manifest| manifest["catalogue_hash"] = json!("0".repeat(64)));
    assert_eq!(refused(hash_only).1, "bundle_catalogue");
}

#[test]
fn boosters_that_are_broken_or_of_another_shape_are_refused() {
    let broken = with_file("boosters/return_1step.lightgbm.txt", |bytes| bytes.truncate(200));
    assert_eq!(refused(broken).1, "bundle_booster");
    let broken = with_file("boosters/return_1step.xgboost.ubj", |bytes| bytes.truncate(200));
    assert_eq!(refused(broken).1, "bundle_booster");
    let other = files()["boosters/vol_regime_4step.lightgbm.txt"].clone();
    let swapped = with_file("boosters/return_1step.lightgbm.txt", |bytes| *bytes = other);
    assert_eq!(refused(swapped).1, "bundle_shape");
}

/// Exchanges the first places of two texts, which are of one length.
fn exchange(bytes: &mut [u8], texts: [&[u8]; 2]) {
    let [one, other] =
        texts.map(|text| bytes.windows(text.len()).position(|window| window == text).expect("it is there"));
    bytes[one..one + texts[1].len()].copy_from_slice(texts[1]);
    bytes[other..other + texts[0].len()].copy_from_slice(texts[0]);
}

#[test]
fn boosters_that_read_the_features_in_another_order_are_refused_by_the_first() {
    let names: Vec<&str> = features::Catalogue::standard().names().collect();
    let next = |at: usize| names[at + 1..].iter().position(|other| other.len() == names[at].len());
    let (at, after) = (1..names.len()).find_map(|at| Some((at, next(at)?))).expect("two names of one length");
    let (first, other) = (names[at], at + 1 + after);
    // As a whole word of either format.
    let word = |name: &str| [b" ", name.as_bytes(), b" "].concat();
    let counted = |name: &str| [&(name.len() as u64).to_be_bytes(), name.as_bytes()].concat();
    let words = [word(first), word(names[other])];
    let texts = [counted(first), counted(names[other])];
    for (file, library, texts) in [
        ("boosters/return_1step.lightgbm.txt", "LightGBM", words),
        ("boosters/return_4step.xgboost.ubj", "XGBoost", texts),
    ] {
        let moved = with_file(file, move |bytes| exchange(bytes, [&texts[0], &texts[1]]));
        let (error, reason) = refused(moved);
        assert_eq!(reason, "bundle_features", "{library}: {error}");
        let elsewhere = format!("reads `{}` as value {at} of a row, but it is value {other}", names[other]);
        let text = error.to_string();
        assert!(text.contains(file) && text.contains(&elsewhere), "{text}");
    }
    let renamed = with_file("boosters/return_1step.lightgbm.txt", |bytes| {
        let text = String::from_utf8(std::mem::take(bytes)).expect("text");
        let last = features::Catalogue::standard().names().last().expect("features");
        *bytes = text.replace(&format!("{last}\n"), "phase_of_the_moon\n").into_bytes();
    });
    let (error, reason) = refused(renamed);
    assert_eq!(reason, "bundle_features");
    assert!(error.to_string().contains("`phase_of_the_moon`"), "{error}");
}

#[test]
fn golden_rows_are_checked_to_the_last_bit() {
    let change = |change: fn(&mut Value)| {
        with_file("golden.json", move |bytes| {
            let mut golden: Value = serde_json::from_slice(bytes).expect("JSON");
            change(&mut golden);
            *bytes = serde_json::to_vec(&golden).expect("JSON");
        })
    };
    let one_bit = change(|golden| {
        let text = golden["answers"][0]["outputs"][1].as_str().expect("text").to_owned();
        let bits = u64::from_str_radix(&text, 16).expect("sixteen digits") ^ 1;
        golden["answers"][0]["outputs"][1] = json!(format!("{bits:016x}"));
    });
    let (error, reason) = refused(one_bit);
    assert_eq!(reason, "bundle_golden_row");
    assert!(error.to_string().contains("LightGBM") && error.to_string().contains("row 1"), "{error}");
    let none = change(|golden| drop(golden["answers"].as_array_mut().expect("a list").remove(3)));
    assert_eq!(refused(none).1, "bundle_no_golden_row");
    let short = change(|golden| golden["rows"][0] = json!("3ff0000000000000"));
    assert_eq!(refused(short).1, "bundle_malformed");
}

#[test]
fn a_bundle_answers_every_task_with_members_ensemble_and_baselines() {
    let mut builder = builder(7);
    builder.stacking.fit(Task::VolRegime4Step, &[]).expect("suits");
    let calibration = r#"{"direction_4step": {"shrink_logit": {"factor": 0.5}}, "return_1step": {"shrink": {"factor": 0.25}},
        "return_4step": {"signals": {"weights": [0.01, 0.1, 0.2, 0.1, 0.05]}},
        "volatility_4step": {"level": {"offset": 0.1}}}"#;
    builder.calibration = serde_json::from_str(calibration).expect("well-formed");
    // Every second task's members have shares.
    let share = |task: Task| task.index().is_multiple_of(2).then(|| LightGbmShare::nearest(0.3));
    for parts in &mut builder.tasks {
        parts.lightgbm_share = share(parts.task);
    }
    let bundle = builder.build().expect("valid");
    let row = vec![0.1; features::Catalogue::standard().len()];
    let context = forecast::OutcomeContext {
        sigma: 0.002,
        regime_cuts: Some([0.003, 0.006]),
        close: 100.0,
        past_returns: [0.001, -0.002, 0.003],
        past_volatility: 0.004,
        past_direction_class: Some(1),
    };
    let bar = kline::BarTime::last_closed(1_700_000_000_000, Interval::M15);
    let inputs = forecast::BaselineInputs { bar, context, realised: [0.002, 0.0025, 0.003] };
    let shipped = bundle.bands().of(bundle.manifest().symbols[0]);
    let renewal = forecast::SymbolRenewal { bands: shipped, ..Default::default() };
    let answers = bundle.answer(&row, &inputs, &renewal, &mut Vec::new());
    assert_eq!(answers.iter().map(|answer| answer.task).collect::<Vec<_>>(), Task::ALL);
    let volatility = answers[Task::Volatility4Step.index()].ensemble.value().expect("a number");
    let combined = |answer: &forecast::TaskPrediction| {
        let number = |a: f64, b: f64| match share(answer.task) {
            Some(_) => 0.3 * a + (1.0 - 0.3) * b,
            None => (a + b) / 2.0,
        };
        let both = answer.lightgbm.as_slice().iter().zip(answer.xgboost.as_slice());
        let numbers: Vec<f64> = both.map(|(a, b)| number(*a, *b)).collect();
        match answer.lightgbm {
            Answer::Value(_) => Answer::Value(numbers[0]),
            Answer::Probabilities(_) => Answer::Probabilities(numbers),
        }
    };
    let means: Vec<Answer> = answers.iter().map(combined).collect();
    let signals = forecast::Signals::of(|task| means.get(task.index()), &context);
    for answer in &answers {
        let every = [&answer.lightgbm, &answer.xgboost, &answer.ensemble];
        for one in every.into_iter().chain(answer.baselines.iter().map(|named| &named.answer)) {
            assert!(!one.is_missing(), "{} {one:?}", answer.task);
            if let Answer::Probabilities(probabilities) = one {
                assert_eq!(probabilities.len(), answer.task.class_count());
                assert!((probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-6, "{probabilities:?}");
            }
        }
        let mean = combined(answer);
        let mean = bundle.calibration().answer(answer.task, mean, &signals, &context);
        assert_eq!(answer.bands.is_empty(), !forecast::has_bands(answer.task));
        let expected =
            bundle.variance().and_then(|model| model.root_mean_square(volatility, &inputs.realised));
        let expected = expected.filter(|_| answer.task == Task::Volatility4Step);
        assert_eq!(answer.root_mean_square, expected);
        assert_eq!(answer.root_mean_square.is_some(), answer.task == Task::Volatility4Step);
        let expected = bundle.stacking().answer(answer.task, mean, volatility, &context);
        assert!(answer.ensemble.same_bits(&expected));
        let names: Vec<_> = answer.baselines.iter().map(|named| named.name).collect();
        assert_eq!(names, forecast::BaselineName::of(answer.task));
    }
}
