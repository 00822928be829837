//! Folders of recorded klines.

use std::io::Write;
use std::path::Path;

use exchange_sim::KlineFileError;
use exchange_sim::recorded::read_folder;
use flate2::Compression;
use flate2::write::GzEncoder;
use kline::Interval;

const HEADER: &str =
    "open_time_ms,open,high,low,close,volume,close_time_ms,quote_volume,trades,taker_base,taker_quote";
const GOOD: &str = "1600000200000,10.5,11.25,10,10.75,3.125,1600001099999,,,,";

fn write(folder: &Path, name: &str, lines: &[&str]) {
    let text = lines.join("\n");
    let bytes = if name.ends_with(".gz") {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(text.as_bytes()).and_then(|()| encoder.finish()).expect("compressed")
    } else {
        text.into_bytes()
    };
    std::fs::write(folder.join(name), bytes).expect("written");
}

#[test]
fn plain_and_compressed_files_are_read_and_others_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    write(
        folder.path(),
        "BTCUSDT-15m.csv",
        &[HEADER, GOOD, "1600001100000,10.75,11,10,10.5,0.5,1600001999999,5.25,7,0.25,2.5"],
    );
    write(folder.path(), "ETHUSDT-15m.csv.gz", &[HEADER, GOOD]);
    write(folder.path(), "ETHUSDT-1h.csv", &["something else"]);
    write(folder.path(), "README.md", &["notes"]);
    let read = read_folder(folder.path(), Interval::M15).expect("well-formed");
    let counts: Vec<(String, usize)> =
        read.iter().map(|(symbol, klines)| (symbol.to_string(), klines.len())).collect();
    assert_eq!(counts, [("BTCUSDT".to_owned(), 2), ("ETHUSDT".to_owned(), 1)]);
    let (missing, known) =
        (&read[&"ETHUSDT".parse().expect("a name")][0], &read[&"BTCUSDT".parse().expect("a name")][1]);
    assert_eq!((missing.trades, missing.quote_volume), (None, None));
    assert_eq!((known.trades, known.taker_quote), (Some(7), Some(2.5)));
}

#[test]
fn a_malformed_file_is_named_with_its_line() {
    let cases: [(&[&str], &str); 8] = [
        (&[HEADER], "holds no klines"),
        (&[], "holds no klines"),
        (&["time,price", GOOD], "line 1: expected the header"),
        (&[HEADER, GOOD, "1600001100000,10,x,10,10,0,1600001999999,,,,"], "line 3: high is \"x\""),
        (&[HEADER, GOOD, "1600001100000,10,10"], "line 3: expected 11 columns, found 3"),
        (&[HEADER, GOOD, GOOD], "line 3: open time 1600000200000 is not after"),
        (
            &[HEADER, "1600000200001,10,10,10,10,0,1600001100000,,,,"],
            "line 2: open time 1600000200001 is off the grid",
        ),
        (&[HEADER, ",10,10,10,10,0,1600001099999,,,,"], "line 2: open_time_ms is empty"),
    ];
    for (lines, expected) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "BTCUSDT-15m.csv", lines);
        let message = read_folder(folder.path(), Interval::M15).expect_err("malformed").to_string();
        assert!(message.contains(expected) && message.contains("BTCUSDT-15m.csv"), "{message}");
    }
}

#[test]
fn a_folder_without_klines_or_with_two_of_a_kind_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(read_folder(folder.path(), Interval::M15), Err(KlineFileError::NoFiles { .. })));
    assert!(matches!(
        read_folder(&folder.path().join("none"), Interval::M15),
        Err(KlineFileError::Read { .. })
    ));
    write(folder.path(), "BTCUSDT-15m.csv", &[HEADER, GOOD]);
    write(folder.path(), "BTCUSDT-15m.csv.gz", &[HEADER, GOOD]);
    assert!(matches!(read_folder(folder.path(), Interval::M15), Err(KlineFileError::Twice { .. })));
    std::fs::remove_file(folder.path().join("BTCUSDT-15m.csv")).expect("removed");
    std::fs::write(folder.path().join("BTCUSDT-15m.csv.gz"), b"no gzip").expect("written");
    assert!(matches!(read_folder(folder.path(), Interval::M15), Err(KlineFileError::Read { .. })));
}
