//! Values for the unit tests of this crate.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use features::{Quality, RowHash};
use forecast::{
    Answer, BAND_LEVELS, Band, BaselineName, BundleDigest, NamedAnswer, Prediction, Source, Task, TaskKind,
    TaskPrediction, has_bands,
};
use kline::{BarTime, Interval};
use store::{ChainHash, ChainPlace, Home};
use tokio::sync::mpsc;

use crate::champion::ChampionTask;
use crate::encoded::Encoded;
use crate::follow::change::follow_requests;
use crate::journaling::Journaling;
use crate::renewal::Renewer;
use crate::service::Service;
use crate::state::Shared;
use crate::stores::Stores;
use crate::subscribers::Published;

/// Bands of the tasks that have them.
fn bands(task: Task) -> Vec<Band> {
    let [narrow, wide] = BAND_LEVELS;
    let bands = [Band { level: narrow, low: -0.5, high: 0.75 }, Band { level: wide, low: -1.0, high: 1.5 }];
    if has_bands(task) { bands.to_vec() } else { Vec::new() }
}

/// A prediction of every task about the bar of that number.
pub(crate) fn prediction(symbol: &str, bar: i64, revision: u32) -> Prediction {
    let answer = |task: Task, value: f64| match task.kind() {
        TaskKind::Regression => Answer::Value(value / 100.0),
        TaskKind::Binary => Answer::Probabilities(vec![1.0 - value / 4.0, value / 4.0]),
        TaskKind::Classes(count) => {
            let mut list = vec![0.1; count];
            list[1] = 1.1 - 0.1 * count as f64;
            Answer::Probabilities(list)
        }
    };
    let task = |task: Task| TaskPrediction {
        task,
        lightgbm: answer(task, 1.0),
        xgboost: answer(task, 3.0),
        ensemble: answer(task, 2.5),
        baselines: vec![NamedAnswer { name: BaselineName::Climatology, answer: answer(task, 0.5) }],
        compared_with: BaselineName::Climatology,
        bands: bands(task),
        root_mean_square: (task == Task::Volatility4Step).then_some(0.625),
    };
    let row: Arc<[f64]> = vec![0.5, f64::NAN].into();
    Prediction {
        symbol: symbol.parse().expect("a name"),
        bar_time: BarTime::from_open(bar * 900_000, Interval::M15).expect("on the grid"),
        bundle: BundleDigest([7; 32]),
        revision,
        provisional: false,
        row_hash: RowHash::of(&row),
        quality: Quality { warm_features: 1, total: 2, carried_bars: 0, missing_inputs: 1 },
        close: 100.25,
        source: Source::Socket,
        late_ms: Some(12),
        tasks: Task::ALL.map(task).to_vec(),
        row,
    }
}

/// A prediction with nothing encoded yet.
pub(crate) fn encoded(symbol: &str, bar: i64, revision: u32) -> Arc<Encoded> {
    Arc::new(Encoded::new(Arc::new(prediction(symbol, bar, revision)), Interval::M15))
}

/// The first prediction of a bar, journalled under that number.
pub(crate) fn published(symbol: &str, bar: i64, number: i64) -> Arc<Published> {
    let place = ChainPlace { number, hash: ChainHash([7; 32]) };
    Arc::new(Published::journalled(encoded(symbol, bar, 1), place))
}

/// A service over a home, without an engine and without an exchange.
pub(crate) fn service(home: &Path) -> Service {
    let shared = Arc::new(Shared::new(&["BTCUSDT".parse().expect("a name")], 8));
    let stores = Stores::open(home, &store::Places::default()).expect("the home opens");
    let (engine, _) = mpsc::channel(1);
    let renewer = Renewer { stores: stores.clone(), shared: shared.clone(), interval: Interval::M15 };
    let (_, champion) = ChampionTask::new(renewer, engine.clone(), Duration::from_secs(60));
    let sink = Home::open(home).expect("the home opens");
    let (journaling, _) = Journaling::spawn(sink, Interval::M15, shared.clone()).expect("a thread");
    let (followers, _) = follow_requests();
    Service::new(
        Interval::M15,
        shared,
        (champion, followers, engine),
        stores,
        journaling,
        (Duration::from_secs(60), 8, None),
    )
}
