//! The features' metadata: written by the trainer into the klines' database, read back by a command and by plain SQL.

use store::testkit::{TestPostgres, sql_from_outside};

use crate::program::{files, line, program, told};

fn is_written_by_validate_and_shown(address: Option<&str>) {
    let folder = tempfile::tempdir().expect("a folder");
    let files = files(folder.path());
    let home = folder.path().join("home");
    let output = |words: &[&str]| {
        let mut command = program(&home, words);
        if let Some(address) = address {
            command.env("DB_URL", address);
        }
        command.output().expect("the program starts")
    };
    let lines = |words: &[&str]| told(&output(&[words, &["--json"]].concat()));
    lines(&["ingest", "--klines", &files.to_string_lossy()]);
    let nothing = output(&["features", "--catalogue"]);
    let text = String::from_utf8_lossy(&nothing.stderr).into_owned();
    assert!(nothing.status.code() == Some(1) && text.contains("klinecast-trainer validate"), "{text}");

    lines(&["validate"]);
    let version = line(&lines(&["version"]), "version")["version"].clone();
    let version = version.as_str().expect("a version");
    let found = lines(&["features", "--catalogue", "--data-version", version]);
    let found = line(&found, "catalogue");
    let standard = features::Catalogue::standard();
    assert_eq!(found["catalogue"]["catalogue"], standard.hash().to_string());
    let records = found["catalogue"]["features"].as_array().expect("features");
    let statistics = found["statistics"]["statistics"].as_array().expect("statistics");
    assert_eq!((records.len(), statistics.len()), (standard.len(), standard.len()));
    for ((definition, record), of) in standard.definitions().iter().zip(records).zip(statistics) {
        assert_eq!((&record["name"], &of["name"]), (&definition.name.into(), &definition.name.into()));
        assert_eq!(record["unit"], definition.unit.as_str());
        assert_eq!(record["warm_up_bars"], definition.warm_up_bars);
        assert_eq!(record["inputs"].as_array().map(Vec::len), Some(definition.inputs.len()));
        assert_eq!(of["edges"].as_array().map(Vec::len), of["below"].as_array().map(Vec::len));
    }
    assert_eq!(found["statistics"]["data_version"], version);
    assert!(found["statistics"]["rows"].as_u64().is_some_and(|rows| rows > 1_000), "{found}");
    let shown = String::from_utf8_lossy(&output(&["features", "--catalogue"]).stdout).into_owned();
    assert!(shown.contains(version) && shown.contains(standard.definitions()[0].name), "{shown}");

    if let Some(address) = address {
        let url = address.parse().expect("well formed");
        let wide = "UPDATE features SET kind = kind WHERE warm_up_bars > 96 AND unit = 'log_return'";
        assert!(sql_from_outside(&url, wide) > 0, "plain SQL finds them");
    }
}

#[test]
fn the_features_stand_in_postgres() {
    let Some(postgres) = TestPostgres::shared() else { return };
    is_written_by_validate_and_shown(Some(&postgres.address()));
}

#[test]
fn the_features_stand_in_the_homes_database() {
    is_written_by_validate_and_shown(None);
}
