//! The journal as Parquet files: read back by the format's own reader and held against the journal.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use features::{Quality, RowHash};
use forecast::{
    Answer, BAND_LEVELS, Band, BaselineName, BundleDigest, JournalRecord, NamedAnswer, Prediction,
    Resolution, Source, Task, TaskKind, TaskPrediction,
};
use kline::{BarTime, Interval, Symbol};
use klinecast_trainer::console::Console;
use klinecast_trainer::export::{Export, ExportRequest, export};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, List, Row};
use store::Home;
use store::testkit::{TestPostgres, sql_from_outside};

use crate::support::execute;

const STEP: Interval = Interval::M15;

fn prediction(symbol: &str, at: i64, revision: u32) -> Prediction {
    let row = [at as f64, f64::NAN];
    let answer = |task: Task, value: f64| match task.kind() {
        TaskKind::Regression => Answer::Value(value),
        TaskKind::Binary => Answer::Probabilities(vec![1.0 - value, value]),
        TaskKind::Classes(count) => Answer::Probabilities(vec![value / 2.0; count]),
    };
    let task = |task: Task| TaskPrediction {
        task,
        lightgbm: answer(task, 0.1 + at as f64 / 1e3),
        xgboost: answer(task, f64::NAN),
        ensemble: answer(task, 1.0 / 3.0),
        baselines: BaselineName::of(task)
            .iter()
            .map(|&name| NamedAnswer { name, answer: answer(task, 0.25) })
            .collect(),
        compared_with: BaselineName::Climatology,
        bands: match task.kind() {
            TaskKind::Regression => {
                BAND_LEVELS.map(|level| Band { level, low: -level, high: 1.0 / 3.0 }).to_vec()
            }
            TaskKind::Binary | TaskKind::Classes(_) => Vec::new(),
        },
        root_mean_square: (task == Task::Volatility4Step).then_some(0.1 + 0.2),
    };
    Prediction {
        symbol: symbol.parse().expect("a name"),
        bar_time: BarTime::from_open(at * 900_000, STEP).expect("on the grid"),
        bundle: BundleDigest([7; 32]),
        revision,
        provisional: false,
        row_hash: RowHash::of(&row),
        quality: Quality { warm_features: 1, total: 2, carried_bars: 3, missing_inputs: 4 },
        close: 100.25,
        source: Source::Rest,
        late_ms: (at % 2 == 0).then_some(at),
        tasks: Task::ALL.map(task).to_vec(),
        row: Arc::from(row),
    }
}

fn outcome(symbol: &str, at: i64, task: Task) -> JournalRecord {
    let Prediction { symbol, bar_time, bundle, .. } = prediction(symbol, at, 1);
    JournalRecord::Resolution(Resolution {
        symbol,
        bar_time,
        bundle,
        revision: 1,
        prediction_revision: 1,
        task,
        outcome: 0.1 + at as f64,
        loss: f64::NAN,
        baseline: BaselineName::Climatology,
        baseline_loss: 0.5,
    })
}

/// Records of two pairs about bars from one to before another; each bar's outcomes follow the next one's predictions.
fn records(from: i64, until: i64) -> Vec<JournalRecord> {
    let mut records = Vec::new();
    for at in from..until {
        for symbol in ["BTCUSDT", "ETHUSDT"] {
            records.push(JournalRecord::Prediction(Arc::new(prediction(symbol, at, 1))));
            if at > from {
                records.push(outcome(symbol, at - 1, Task::Return1Step));
                records.push(outcome(symbol, at - 1, Task::VolRegime4Step));
            }
        }
    }
    records
}

fn rows(path: &Path) -> Vec<Row> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = SerializedFileReader::new(file).expect("Parquet");
    reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row")).collect()
}

fn column<'a>(row: &'a Row, name: &str) -> &'a Field {
    let found = row.get_column_iter().find(|(column, _)| *column == name);
    found.map(|(_, field)| field).unwrap_or_else(|| panic!("no column {name}"))
}

fn text(row: &Row, name: &str) -> String {
    match column(row, name) {
        Field::Str(text) => text.clone(),
        other => panic!("{name} is {other:?}"),
    }
}

fn number(row: &Row, name: &str) -> f64 {
    match column(row, name) {
        Field::Double(value) => *value,
        Field::Int(value) => f64::from(*value),
        Field::Long(value) | Field::TimestampMillis(value) => *value as f64,
        other => panic!("{name} is {other:?}"),
    }
}

fn bits(row: &Row, name: &str) -> Vec<u64> {
    let bits = |list: &List| {
        list.elements()
            .iter()
            .map(|field| match field {
                Field::Double(value) => value.to_bits(),
                other => panic!("{name} has {other:?}"),
            })
            .collect()
    };
    match column(row, name) {
        Field::ListInternal(list) => bits(list),
        other => panic!("{name} is {other:?}"),
    }
}

/// Each row of predictions is what the journal says, to the bit.
fn predictions_are_the_journals(home: &Home, rows: &[Row]) {
    let mut rows = rows.iter();
    let mut all: Vec<Arc<Prediction>> = home.journal().predictions(&Default::default()).expect("readable");
    all.retain(|made| made.bar_time.milliseconds() < 86_400_000);
    for made in all {
        let chained = home.retention().chained(made.bar_time.milliseconds()).expect("holds");
        let is_it = |record: &JournalRecord| matches!(record, JournalRecord::Prediction(one) if one.symbol == made.symbol && one.revision == made.revision);
        let place = chained.iter().find(|one| is_it(&one.record)).expect("chained").place;
        for task in &made.tasks {
            let row = rows.next().expect("a row");
            assert_eq!(text(row, "symbol"), made.symbol.as_str());
            assert_eq!(number(row, "bar_time"), made.bar_time.milliseconds() as f64);
            assert!(matches!(column(row, "bar_time"), Field::TimestampMillis(_)));
            assert_eq!(text(row, "bundle"), made.bundle.to_string());
            assert_eq!(number(row, "revision"), f64::from(made.revision));
            assert_eq!(text(row, "task"), task.task.name());
            assert_eq!(text(row, "row_hash"), made.row_hash.to_string());
            assert_eq!((text(row, "source"), number(row, "close")), ("rest".to_owned(), made.close));
            match made.late_ms {
                None => assert_eq!(column(row, "late_ms"), &Field::Null),
                Some(late) => assert_eq!(column(row, "late_ms"), &Field::Long(late)),
            }
            let of =
                |answer: &Answer| answer.as_slice().iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            for (name, answer) in
                [("lightgbm", &task.lightgbm), ("xgboost", &task.xgboost), ("ensemble", &task.ensemble)]
            {
                assert_eq!(bits(row, name), of(answer), "{name} of {}", task.task);
            }
            for name in BaselineName::ALL {
                let expected = task.baseline(name).map(of).unwrap_or_default();
                assert_eq!(bits(row, &format!("baseline_{}", name.name())), expected);
            }
            for (place, level) in ["80", "90"].into_iter().enumerate() {
                let band = task.bands.get(place);
                let ends = [band.map(|band| band.low), band.map(|band| band.high)];
                let columns = ["low", "high"].map(|end| match column(row, &format!("band_{level}_{end}")) {
                    Field::Null => None,
                    Field::Double(value) => Some(value.to_bits()),
                    other => panic!("{level} is {other:?}"),
                });
                assert_eq!(columns, ends.map(|end| end.map(f64::to_bits)), "{level} of {}", task.task);
            }
            let expected = task.root_mean_square.map_or(Field::Null, Field::Double);
            assert_eq!(column(row, "root_mean_square"), &expected);
            assert_eq!(number(row, "chain_number"), place.number as f64);
            assert_eq!(text(row, "chain_hash"), place.hash.to_string());
        }
    }
    assert!(rows.next().is_none());
}

fn outcomes_are_the_journals(home: &Home, rows: &[Row]) {
    let mut all: Vec<Resolution> = home.journal().resolutions(&Default::default()).expect("readable");
    all.retain(|came| came.bar_time.milliseconds() < 86_400_000);
    assert_eq!(rows.len(), all.len());
    for (row, came) in rows.iter().zip(&all) {
        assert_eq!(
            (text(row, "symbol"), text(row, "task")),
            (came.symbol.to_string(), came.task.name().to_owned())
        );
        assert_eq!(number(row, "bar_time"), came.bar_time.milliseconds() as f64);
        let numbers = ["outcome", "loss", "baseline_loss"].map(|name| number(row, name).to_bits());
        assert_eq!(numbers, [came.outcome, came.loss, came.baseline_loss].map(f64::to_bits));
        let id = format!("{}:{}:{}:1", came.symbol, came.bar_time.milliseconds(), came.bundle.short());
        assert_eq!(text(row, "prediction_id"), id);
    }
}

fn written(export: &Export) -> Vec<String> {
    let name = |path: &PathBuf| path.file_name().expect("a name").to_string_lossy().into_owned();
    export.files.iter().filter(|file| file.written).map(|file| name(&file.path)).collect()
}

fn exports(home: &Home, home_words: &[&str]) {
    let folder = tempfile::tempdir().expect("a folder");
    home.journal().append(&records(90, 200)).expect("kept");
    let to = folder.path().join("files");
    let request = |from: Option<i64>, until: Option<i64>| ExportRequest { to: to.clone(), from, until };
    let run = |request: &ExportRequest| export(home, request, &Console::silent()).expect("an export");

    // A later day alone is no reason to drop what came before.
    let alone = run(&request(Some(86_400_000), Some(86_400_000)));
    assert_eq!(written(&alone), ["predictions-1970-01-02.parquet", "outcomes-1970-01-02.parquet"]);
    assert_eq!((alone.exported_number, home.retention().exported().expect("readable")), (0, None));

    // What a killed run leaves is no file, and a damaged one is written again.
    std::fs::write(to.join("outcomes-1970-01-01.parquet.partial"), "half").expect("written");
    std::fs::write(to.join("predictions-1970-01-02.parquet"), "PAR1").expect("written");
    let words = ["journal", "export", "--to", to.to_str().expect("a text")];
    execute(&[home_words, &words].concat()).expect("an export");
    let all = run(&request(None, None));
    assert_eq!((written(&all), all.files.len()), (Vec::new(), 6), "nothing has grown");
    let end = home.retention().place(None).expect("readable").expect("there");
    assert_eq!((all.exported_number, all.exported_hash, all.behind), (end.number, end.hash.to_string(), 0));
    let exported = home.retention().exported().expect("readable").expect("remembered");
    assert_eq!((exported.last, Path::new(&exported.to)), (end, to.canonicalize().expect("there").as_path()));

    let first = rows(&to.join("predictions-1970-01-01.parquet"));
    assert_eq!(first.len(), 6 * 2 * Task::COUNT);
    predictions_are_the_journals(home, &first);
    outcomes_are_the_journals(home, &rows(&to.join("outcomes-1970-01-01.parquet")));

    // Only what has grown is written again.
    home.journal().append(&records(200, 203)).expect("kept");
    let again = run(&request(None, None));
    assert_eq!(written(&again), ["predictions-1970-01-03.parquet", "outcomes-1970-01-03.parquet"]);

    // A day that was dropped keeps its files, though an outcome of it is still in the journal.
    assert!(home.retention().drop_before(86_400_000, 10_000).expect("dropped") > 0);
    let kept: u64 = run(&request(None, None)).files.iter().map(|file| file.records).sum();
    assert!(kept > 0);
    assert_eq!(rows(&to.join("predictions-1970-01-01.parquet")).len(), first.len());
    assert!(!to.join("outcomes-1970-01-01.parquet.partial").exists());
}

#[test]
fn the_journal_is_exported_day_by_day_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(folder.path()).expect("opens");
    exports(&home, &["--home", folder.path().to_str().expect("a text")]);
}

#[test]
fn so_it_is_from_postgres_and_a_changed_record_is_not_exported() {
    let Some(database) = TestPostgres::shared() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (path, address) = (folder.path().to_str().expect("a text"), database.address());
    let url: store::DatabaseUrl = address.parse().expect("an address");
    let home =
        Home::open_with(folder.path(), &store::Places { database: Some(url.clone()), ..Default::default() })
            .expect("opens");
    exports(&home, &["--home", path, "--database-url", &address]);
    let symbol: Symbol = "BTCUSDT".parse().expect("a name");
    sql_from_outside(
        &url,
        &format!(
            "UPDATE predictions SET record = record || ' ' WHERE symbol = '{symbol}' AND bar_time > 172800000"
        ),
    );
    home.journal().append(&records(203, 205)).expect("kept");
    let request = ExportRequest { to: folder.path().join("files"), from: None, until: None };
    let told = export(&home, &request, &Console::silent()).expect_err("a changed record").to_string();
    assert!(told.contains("BTCUSDT") && told.contains("not as it was written"), "{told}");
}
