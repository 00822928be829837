use std::sync::Arc;

use features::Catalogue;
use forecast::testkit::{stacking, tiny_bundle};
use forecast::{Bundle, Prediction};
use kline::Interval;

use super::super::super::Answered;
use super::super::ROWS_MAX;
use super::*;
use crate::selection::Selection;
use crate::state::ChampionView;
use crate::testing;

fn bundle(seed: u64, with_stack: bool) -> Arc<Bundle> {
    let mut builder = tiny_bundle(seed, &["BTCUSDT".parse().expect("a name")], Interval::M15);
    if with_stack {
        builder.stacking = stacking(seed);
    }
    Arc::new(builder.build().expect("valid"))
}

fn take_up(service: &Service, version: u32, bundle: &Arc<Bundle>) {
    let bundle = Some(bundle.clone());
    service.shared().champion.store(Arc::new(ChampionView { bundle, version: Some(version), problem: None }));
}

fn served(prediction: Prediction) -> Rows {
    let (prediction, selection) = (Arc::new(prediction), Selection::ALL);
    let encoded = Arc::new(crate::encoded::Encoded::new(prediction, kline::Interval::M15));
    Rows::Served(vec![Answered { encoded, selection, staleness_ms: 5, explanations: None }])
}

fn wanted(names: &[&str]) -> Vec<Wanted> {
    names.iter().map(|&name| Wanted { name: name.to_owned(), classification: None }).collect()
}

fn rows(count: usize) -> Vec<f64> {
    let width = Catalogue::standard().len();
    (0..count * width)
        .map(|at| if at % 11 == 3 { f64::NAN } else { ((at * 37) % 101) as f64 / 50.0 - 1.0 })
        .collect()
}

fn output<'a>(answer: &'a InferAnswer, name: &str) -> &'a Tensor {
    answer.outputs.iter().find(|tensor| tensor.name == name).expect(name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn rows_alone_are_the_bundles_answers_to_the_bit_few_or_many() {
    let home = tempfile::tempdir().expect("a folder");
    let service = testing::service(home.path());
    let bundle = bundle(5, true);
    take_up(&service, 3, &bundle);
    let served = service.infer_model("all", "3").expect("a model");
    for count in [1, 16, 17, ROWS_MAX] {
        let features = rows(count);
        let cuts = vec![Some([0.002, 0.004]); count];
        let expected = bundle.answer_rows(&features, &cuts);
        let inputs = Inputs::Rows { features, cuts: Some(cuts) };
        let answer = service.infer(&served, inputs, &[]).await.expect("an answer");
        assert_eq!((answer.version.as_str(), answer.bundle.clone()), ("3", bundle.digest().to_string()));
        for (at, task) in Task::ALL.into_iter().enumerate() {
            let tensor = output(&answer, &format!("{task}.ensemble"));
            let Elements::Numbers(numbers) = &tensor.elements else { panic!("no numbers") };
            let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
            let said: Vec<f64> =
                expected.iter().flat_map(|row| row[at].ensemble.as_slice()).copied().collect();
            assert_eq!(bits(numbers), bits(&said), "{task}");
            let shape: Vec<usize> = match task.class_count() {
                0 => vec![count],
                classes => vec![count, classes],
            };
            assert_eq!(tensor.shape, shape);
        }
        assert!(answer.outputs.iter().all(|tensor| tensor.name != "bar_time_ms"), "rows have no bar");
    }
}

#[tokio::test]
async fn a_stack_that_reads_the_cuts_is_not_answered_without_them() {
    let home = tempfile::tempdir().expect("a folder");
    let service = testing::service(home.path());
    take_up(&service, 1, &bundle(5, true));
    let inputs = || Inputs::Rows { features: rows(1), cuts: None };
    for model in ["vol_regime_4step", "all"] {
        let served = service.infer_model(model, "").expect("a model");
        let refusal = service.infer(&served, inputs(), &[]).await.expect_err("no cuts");
        assert!(refusal.message.contains("give input regime_cuts"), "{refusal}");
    }
    let served = service.infer_model("vol_regime_4step", "").expect("a model");
    for name in ["ensemble", "class", "class_name"] {
        assert!(service.infer(&served, inputs(), &wanted(&[name])).await.is_err(), "{name}");
    }
    let members = service.infer(&served, inputs(), &wanted(&["xgboost", "lightgbm"])).await.expect("members");
    assert_eq!(
        members.outputs.iter().map(|tensor| tensor.name.as_ref()).collect::<Vec<_>>(),
        ["xgboost", "lightgbm"]
    );
    let other = service.infer_model("direction_multi_4step", "").expect("a model");
    assert!(service.infer(&other, inputs(), &[]).await.is_ok(), "its stack reads nothing but the row");
    // A bundle whose ensemble is the mean needs no cuts.
    take_up(&service, 2, &bundle(6, false));
    let served = service.infer_model("vol_regime_4step", "").expect("a model");
    assert!(service.infer(&served, inputs(), &[]).await.is_ok());
}

#[tokio::test]
async fn outputs_are_those_that_are_named_and_a_wrong_name_is_told() {
    let home = tempfile::tempdir().expect("a folder");
    let service = testing::service(home.path());
    take_up(&service, 1, &bundle(5, false));
    let model = service.infer_model("direction_multi_4step", "").expect("a model");
    let prediction = served(testing::prediction("BTCUSDT", 1, 2));
    let selected =
        select(&model, &wanted(&["class_name", "class", "revision", "bar_time_ms", "staleness_ms"]), true);
    let answer = service.infer_answer(&model, &prediction, &selected.expect("known")).expect("an answer");
    let elements: Vec<&Elements> = answer.outputs.iter().map(|tensor| &tensor.elements).collect();
    assert_eq!(*elements[0], Elements::Texts(vec!["down".to_owned()]));
    assert_eq!(*elements[1], Elements::Integers(vec![1]));
    assert_eq!(*elements[2], Elements::Integers(vec![2]));
    assert_eq!(*elements[3], Elements::Integers(vec![1_799_999]));
    assert_eq!(*elements[4], Elements::Integers(vec![5]));

    let top = |classification: u64, name: &str| {
        let wanted = [Wanted { name: name.to_owned(), classification: Some(classification) }];
        let selected = select(&model, &wanted, true)?;
        service.infer_answer(&model, &prediction, &selected)
    };
    let told = top(2, "ensemble").expect("two classes");
    assert_eq!(told.outputs[0].shape, [1, 2]);
    assert_eq!(
        told.outputs[0].elements,
        Elements::Texts(vec!["0.6000000000000001:1:down".into(), "0.1:0:strong_down".into()])
    );
    assert_eq!(top(99, "ensemble").expect("all classes").outputs[0].shape, [1, 5]);
    assert!(top(0, "ensemble").is_err_and(|refusal| refusal.message.contains("1 is the least")));
    assert!(top(1, "class").is_err_and(|refusal| refusal.message.contains("has no classes")));

    let refused = |names: &[&str], symbols: bool, part: &str| {
        let refusal = select(&model, &wanted(names), symbols).expect_err(part);
        assert!(refusal.message.contains(part), "{refusal}");
    };
    refused(&["mean"], true, "known are ensemble, lightgbm, xgboost, class, class_name, bar_time_ms");
    refused(&["class", "class"], true, "named twice");
    refused(&["bar_time_ms"], false, "ask with input symbol");
}

#[test]
fn an_answer_says_the_version_whose_bundle_it_is_of() {
    let home = tempfile::tempdir().expect("a folder");
    let service = testing::service(home.path());
    let (first, second) = (bundle(5, false), bundle(6, false));
    take_up(&service, 1, &first);
    let (model, pinned) =
        (service.infer_model("all", "").expect("1"), service.infer_model("all", "1").expect("1"));
    let of = |digest| served(Prediction { bundle: digest, ..testing::prediction("BTCUSDT", 1, 1) });
    let version = |model: &ServedModel, rows: &Rows| {
        service.infer_answer(model, rows, &select(model, &[], true)?).map(|answer| answer.version)
    };
    assert_eq!(version(&model, &of(first.digest())), Ok("1".to_owned()));
    // A bundle that neither was nor is the champion has no version that could be told.
    assert_eq!(version(&model, &of(BundleDigest([7; 32]))), Ok(String::new()));
    assert!(version(&pinned, &of(BundleDigest([7; 32]))).is_err());
    take_up(&service, 2, &second);
    assert_eq!(version(&model, &of(second.digest())), Ok("2".to_owned()), "taken up meanwhile");
    assert!(
        version(&pinned, &of(second.digest())).is_err_and(|refusal| refusal.reason == Reason::UnknownModel)
    );
    let (Rows::Served(mut mixed), Rows::Served(other)) = (of(first.digest()), of(second.digest())) else {
        panic!()
    };
    mixed.extend(other);
    assert_eq!(version(&model, &Rows::Served(mixed)), Ok(String::new()));
}

#[tokio::test]
async fn without_a_bundle_or_the_task_nothing_is_answered() {
    let home = tempfile::tempdir().expect("a folder");
    let service = testing::service(home.path());
    let served = service.infer_model("all", "").expect("a model");
    let inputs = Inputs::Rows { features: rows(1), cuts: None };
    let refusal = service.infer(&served, inputs, &[]).await.expect_err("no bundle");
    assert_eq!(refusal.reason, Reason::NoBundle);
    let symbols = |name: &str| Inputs::Symbols(vec![name.to_owned()]);
    let refusal = service.infer(&served, symbols("BTCUSDT"), &[]).await.expect_err("no bundle");
    assert_eq!(refusal.reason, Reason::NoBundle);
    let refusal = service.infer(&served, symbols("DOGEUSDT"), &[]).await.expect_err("not followed");
    assert!(refusal.reason == Reason::UnknownSymbol && refusal.facts.contains(&("row", "0".to_owned())));
    let mut lacking = testing::prediction("BTCUSDT", 1, 1);
    lacking.tasks.truncate(2);
    let selected = select(&served, &[], true).expect("all");
    let refusal = service.infer_answer(&served, &self::served(lacking), &selected);
    assert!(refusal.is_err_and(|refusal| refusal.reason == Reason::TaskNotInBundle));
}
