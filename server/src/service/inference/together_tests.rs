use features::Catalogue;
use forecast::testkit::tiny_bundle;
use kline::Interval;

use super::*;

fn bundle(seed: u64) -> Arc<Bundle> {
    Arc::new(tiny_bundle(seed, &["BTCUSDT".parse().expect("a name")], Interval::M15).build().expect("valid"))
}

/// Rows that no other seed has; above zero, as what is missing equals nothing.
fn rows(bundle: &Arc<Bundle>, seed: usize, count: usize) -> FeatureRows {
    let width = Catalogue::standard().len();
    let features = (0..count * width).map(|at| ((at * 37 + seed * 131) % 101) as f64 / 50.0 + 0.01).collect();
    FeatureRows { bundle: bundle.clone(), features, cuts: vec![Some([0.002, 0.004]); count] }
}

fn waiting(rows: FeatureRows) -> (Waiting, oneshot::Receiver<Answers>) {
    let (answers, answered) = oneshot::channel();
    (Waiting { rows, answers }, answered)
}

fn alone(rows: &FeatureRows) -> Answers {
    rows.bundle.answer_rows(&rows.features, &rows.cuts)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_caller_gets_the_answers_to_its_own_rows() {
    let (together, bundles) = (Arc::new(Together::default()), [bundle(5), bundle(6)]);
    let callers: Vec<_> = (0..200)
        .map(|at| {
            let (together, rows) = (together.clone(), rows(&bundles[at / 7 % 2], at, at % 16));
            let expected = alone(&rows);
            tokio::spawn(async move { (expected, together.score(rows).await) })
        })
        .collect();
    for caller in callers {
        let (expected, answers) = caller.await.expect("no panic");
        assert_eq!(answers, Some(expected));
    }
}

#[tokio::test]
async fn a_caller_who_goes_takes_nobodys_answers_with_it() {
    let (together, bundle) = (Together::default(), bundle(5));
    let stays = rows(&bundle, 2, 3);
    let expected = alone(&stays);
    {
        // The first one begins the batch, and is given up before it is scored.
        let mut first = Box::pin(together.score(rows(&bundle, 1, 1)));
        assert!(futures::poll!(&mut first).is_pending());
    }
    assert_eq!(together.score(stays).await, Some(expected));
    assert!(together.0.lock().expect("held by nobody").is_empty());
}

#[test]
fn who_waits_for_one_bundle_is_one_batch_up_to_its_bound() {
    let (one, other) = (bundle(5), bundle(6));
    let sizes = [(&one, 16), (&one, 16), (&one, 16), (&one, 16), (&one, 1), (&other, 1), (&other, 2)];
    let all = sizes.map(|(bundle, count)| waiting(rows(bundle, 1, count)).0);
    let found: Vec<Vec<usize>> = batches(all.into())
        .iter()
        .map(|batch| batch.iter().map(|waiting| waiting.rows.cuts.len()).collect())
        .collect();
    assert_eq!(found, [vec![16, 16, 16, 16], vec![1], vec![1, 2]]);
}
