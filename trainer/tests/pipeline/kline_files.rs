//! Files of klines whose footers claim what they do not hold: refused at once and by name, whatever they claim.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kline::Interval;
use parquet::file::metadata::{
    ColumnChunkMetaData, FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
    RowGroupMetaData,
};
use store::{Dataset, DatasetDigest, DatasetStore, FolderDatasets};

use crate::support::{execute, market, write_files};

/// Address space of the program, in kilobytes: some of what the claims would take, and enough for what it needs.
const ROOM_KB: u64 = 3_000_000;

/// Billions of rows.
const ROWS: i64 = 3_000_000_000;

type Result<T> = parquet::errors::Result<T>;

/// The same file with another footer.
fn with_footer(
    file: &[u8],
    rows: impl Fn(i64) -> i64,
    change: impl Fn(&RowGroupMetaData) -> Result<RowGroupMetaData>,
) -> Vec<u8> {
    let read =
        ParquetMetaDataReader::new().parse_and_finish(&Bytes::copy_from_slice(file)).expect("a footer");
    let footer = u32::from_le_bytes(file[file.len() - 8..file.len() - 4].try_into().expect("four bytes"));
    let mut bent = file[..file.len() - 8 - footer as usize].to_vec();
    let about = read.file_metadata();
    let about = FileMetaData::new(
        about.version(),
        rows(about.num_rows()),
        about.created_by().map(str::to_owned),
        None,
        about.schema_descr_ptr(),
        None,
    );
    let groups = read.row_groups().iter().map(change).collect::<Result<Vec<_>>>().expect("groups");
    let metadata = ParquetMetaData::new(about, groups);
    ParquetMetaDataWriter::new(&mut bent, &metadata).finish().expect("a footer");
    bent
}

/// A group whose columns are changed.
fn columns(
    group: &RowGroupMetaData,
    change: impl Fn(&ColumnChunkMetaData) -> Result<ColumnChunkMetaData>,
) -> Result<RowGroupMetaData> {
    let columns = group.columns().iter().map(change).collect::<Result<Vec<_>>>()?;
    group.clone().into_builder().set_column_metadata(columns).build()
}

/// Every way to claim too much, by name.
fn bent(file: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let values = |rows: i64| {
        move |column: &ColumnChunkMetaData| column.clone().into_builder().set_num_values(rows).build()
    };
    let rows_of =
        |rows: i64| move |group: &RowGroupMetaData| group.clone().into_builder().set_num_rows(rows).build();
    let sized = |bytes: i64| {
        move |column: &ColumnChunkMetaData| {
            column
                .clone()
                .into_builder()
                .set_total_compressed_size(bytes)
                .set_total_uncompressed_size(bytes)
                .build()
        }
    };
    vec![
        ("rows of the groups", with_footer(file, |_| ROWS, rows_of(ROWS))),
        (
            "rows and values",
            with_footer(file, |_| ROWS, |group| columns(&rows_of(ROWS)(group)?, values(ROWS))),
        ),
        (
            "rows beyond any number",
            with_footer(file, |_| i64::MAX, |group| columns(&rows_of(i64::MAX)(group)?, values(i64::MAX))),
        ),
        ("rows below none", with_footer(file, |_| -1, |group| columns(&rows_of(-1)(group)?, values(-1)))),
        // As many rows as the file has bytes: the pages don't have them.
        (
            "rows that bytes could hold",
            with_footer(file, |_| 9_000, |group| columns(&rows_of(9_000)(group)?, values(9_000))),
        ),
        ("a size of a column", with_footer(file, |rows| rows, |group| columns(group, sized(1 << 40)))),
        ("a size of a page", with_page(file)),
        ("no size of a column", with_footer(file, |rows| rows, |group| columns(group, sized(-5)))),
        (
            "a place of a column",
            with_footer(
                file,
                |rows| rows,
                |group| {
                    columns(group, |column| {
                        column
                            .clone()
                            .into_builder()
                            .set_data_page_offset(1 << 50)
                            .set_dictionary_page_offset(None)
                            .build()
                    })
                },
            ),
        ),
    ]
}

/// A page that claims two billion bytes: the header of the last column's first page, which makes the column longer.
fn with_page(file: &[u8]) -> Vec<u8> {
    let read =
        ParquetMetaDataReader::new().parse_and_finish(&Bytes::copy_from_slice(file)).expect("a footer");
    let last = read.row_groups().last().and_then(|group| group.columns().last()).expect("a column");
    let (start, size) = last.byte_range();
    let (start, end) = (start as usize, (start + size) as usize);
    // The page's kind, then the size that it is unpacked to.
    assert!(file[start] == 0x15 && file[start + 2] == 0x15, "two whole numbers");
    let length = 1 + file[start + 3..].iter().position(|byte| *byte < 0x80).expect("an end");
    let claim = [0x80, 0xd0, 0xac, 0xf3, 0x0e];
    let mut bent = file[..start + 3].to_vec();
    bent.extend(claim);
    bent.extend(&file[start + 3 + length..end]);
    bent.extend(&file[end..]);
    let (more, place) = ((claim.len() - length) as i64, start as u64);
    with_footer(
        &bent,
        |rows| rows,
        |group| {
            columns(group, |column| {
                let longer = if column.byte_range().0 == place { more } else { 0 };
                let size = column.compressed_size() + longer;
                column.clone().into_builder().set_total_compressed_size(size).build()
            })
        },
    )
}

/// What the program says of a dataset, with little room.
fn restore(datasets: &Path, home: &Path, digest: DatasetDigest) -> (bool, String) {
    let mut command = Command::new("sh");
    command.args([
        "-c",
        &format!("ulimit -v {ROOM_KB}; exec \"$0\" \"$@\""),
        env!("CARGO_BIN_EXE_klinecast-trainer"),
    ]);
    command.arg("--home").arg(home).arg("--datasets").arg(datasets).arg("restore").arg(digest.to_string());
    let output = command.output().expect("sh runs");
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn footers_that_claim_more_than_their_file_holds() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    let (files, home, kept) = (at("files"), at("home"), at("datasets"));
    std::fs::create_dir(&files).expect("a folder");
    write_files(&files, &market(30));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let common = ["--home", &text(&home), "--datasets", &text(&kept)];
    execute(&[&common[..], &["ingest", "--klines", &text(&files)]].concat()).expect("klines");
    execute(&[&common[..], &["version"]].concat()).expect("a dataset");
    let store = FolderDatasets::new(&kept);
    let (sound, _) = store.list().expect("a list")[0];
    let dataset = store.get(sound).expect("a dataset");
    let (name, file) = dataset.files().first_key_value().expect("a file");
    assert!(restore(&kept, &at("sound"), sound).0, "as it was kept");
    // What is bent is nothing but the claims.
    let same = with_footer(file, |rows| rows, |group| Ok(group.clone()));
    let digest = DatasetDigest([0; 32]);
    store
        .put(&Dataset::new(digest, Interval::M15, 1, Vec::new(), [(name.clone(), same)].into()))
        .expect("kept");
    assert!(
        restore(&kept, &at("other"), digest).1.contains("has the klines of"),
        "read, but not by this name"
    );

    for (number, (claim, bytes)) in bent(file).into_iter().enumerate() {
        let digest = DatasetDigest([number as u8 + 1; 32]);
        let files = [(name.clone(), bytes)].into();
        store.put(&Dataset::new(digest, Interval::M15, 1, Vec::new(), files)).expect("kept");
        let (other, began) = (at("other"), Instant::now());
        let (done, told) = restore(&kept, &other, digest);
        assert!(!done && told.contains(name.as_str()) && told.contains("error: "), "{claim}: {told}");
        let is_of_page = told.contains("a page claims 2000000000 bytes");
        assert_eq!(is_of_page, claim == "a size of a page", "{claim}: {told}");
        assert!(!told.contains("panicked") && !told.contains("memory allocation"), "{claim}: {told}");
        assert!(began.elapsed() < Duration::from_secs(20), "{claim}: {:?}", began.elapsed());
        let empty = execute(&["--home", &text(&other), "quality"]).expect_err("no kline");
        assert!(empty.contains("no 15m klines"), "{claim}: {empty}");
    }
}
