//! Datasets in a folder, and in a bucket of a real S3 server.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use store::testkit::{Fate, Front, TestS3};
use store::{
    Dataset, DatasetDigest, DatasetStore, FileFault, FolderDatasets, S3Datasets, S3Fault, StoreError,
};

use crate::s3::outsider;
use crate::suite::{Outcome, STEP, symbol};

fn dataset(seed: u8) -> Dataset {
    let files: BTreeMap<String, Vec<u8>> =
        [("BTCUSDT-15m.parquet", vec![seed; 3_000]), ("ETHUSDT-15m.parquet", vec![1])]
            .map(|(name, bytes)| (name.to_owned(), bytes))
            .into();
    Dataset::new(DatasetDigest([seed; 32]), STEP, 7, vec![symbol("BTCUSDT"), symbol("ETHUSDT")], files)
}

/// What both do. `change` puts other bytes in a file's place past the store, or takes the file away.
fn datasets_are_kept_whole(
    store: &dyn DatasetStore,
    change: &dyn Fn(&str, Option<&[u8]>) -> Outcome,
) -> Outcome {
    let (one, two) = (dataset(1), dataset(2));
    let digest = one.manifest().dataset;
    assert!(store.list()?.is_empty());
    assert!(matches!(store.get(digest), Err(StoreError::NoDataset { .. })));
    assert!(store.put(&one)? && !store.put(&one)?, "the same again is nothing new");
    assert!(store.put(&two)?);
    assert_eq!(store.get(digest)?, one);
    let mut listed: Vec<DatasetDigest> = store.list()?.into_iter().map(|(digest, _)| digest).collect();
    listed.sort_unstable();
    assert_eq!(listed, [digest, two.manifest().dataset]);

    let damaged = |file: &str, bytes: Option<&[u8]>| -> Result<_, Box<dyn std::error::Error>> {
        change(&format!("{digest}/{file}"), bytes)?;
        match store.get(digest) {
            Err(StoreError::DamagedDataset { file: found, fault, place, .. }) => {
                assert!(found == file && place == store.place(), "{found} in {place}");
                Ok(fault)
            }
            other => Err(format!("{other:?}").into()),
        }
    };
    assert_eq!(damaged("ETHUSDT-15m.parquet", Some(&[2]))?, FileFault::Changed);
    assert_eq!(damaged("ETHUSDT-15m.parquet", None)?, FileFault::Missing);
    assert_eq!(damaged("manifest.json", Some(b"{}"))?, FileFault::Malformed);
    assert!(matches!(store.put(&one), Err(StoreError::DamagedDataset { .. })), "it is not passed over");

    store.remove(digest)?;
    store.remove(digest)?;
    assert!(matches!(store.get(digest), Err(StoreError::NoDataset { .. })));
    assert!(store.put(&one)?, "and can be kept again");
    assert_eq!((store.get(digest)?, store.get(two.manifest().dataset)?), (one, two));
    Ok(())
}

#[test]
fn a_folder_keeps_datasets() -> Outcome {
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("made/with the first");
    datasets_are_kept_whole(&FolderDatasets::new(&root), &|name, bytes| {
        let path = Path::new(&root).join(name);
        let changed = match bytes {
            Some(bytes) => std::fs::write(path, bytes),
            None => std::fs::remove_file(path),
        };
        Ok(changed?)
    })
}

#[test]
fn a_bucket_keeps_datasets() -> Outcome {
    let server = TestS3::shared();
    let store = S3Datasets::new(server.place("data/sets"));
    datasets_are_kept_whole(&store, &|name, bytes| outsider(&server, &format!("data/sets/{name}"), bytes))
}

#[test]
fn who_may_only_read_neither_keeps_nor_removes_a_dataset() -> Outcome {
    let server = TestS3::shared();
    let one = dataset(3);
    let digest = one.manifest().dataset;
    S3Datasets::new(server.place("data/read")).put(&one)?;
    let reader = S3Datasets::new(server.place_of_reader("data/read"));
    assert_eq!(reader.get(digest)?, one);
    for refused in [reader.put(&dataset(4)).map(drop), reader.remove(digest)] {
        let told = match refused {
            Err(error @ StoreError::S3 { fault: S3Fault::Forbidden, .. }) => error.to_string(),
            other => return Err(format!("{other:?}").into()),
        };
        assert!(told.contains("data/read at http://") && told.contains("delete in it"), "{told}");
    }
    assert_eq!(reader.get(digest)?, one);
    Ok(())
}

/// Kept and taken away again and again while another reads: whole, or not there, and never anything between.
fn is_whole_or_not_there(writer: &dyn DatasetStore, reader: &dyn DatasetStore, rounds: usize) -> Outcome {
    let one = dataset(5);
    let digest = one.manifest().dataset;
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let work = || -> Result<(), StoreError> {
                for _ in 0..rounds {
                    writer.put(&one)?;
                    writer.remove(digest)?;
                }
                Ok(())
            };
            let done = work();
            ended.store(true, Ordering::Release);
            done
        });
        let (mut whole, mut missing) = (0, 0);
        while !ended.load(Ordering::Acquire) {
            match reader.get(digest) {
                Ok(found) => {
                    assert_eq!(found, one);
                    whole += 1;
                }
                Err(StoreError::NoDataset { .. }) => missing += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert!(whole + missing > 0);
        Ok(writing.join().expect("no panic")?)
    })
}

#[test]
fn a_dataset_that_is_taken_away_while_it_is_read_is_whole_or_not_there() -> Outcome {
    let folder = tempfile::tempdir()?;
    is_whole_or_not_there(&FolderDatasets::new(folder.path()), &FolderDatasets::new(folder.path()), 400)?;
    let server = TestS3::shared();
    let store = || S3Datasets::new(server.place("data/going"));
    is_whole_or_not_there(&store(), &store(), 40)
}

/// The manifest goes first: wherever the rest is cut off, nobody is told of damage, and the same again takes away what is left.
#[test]
fn a_removal_from_a_bucket_that_is_cut_off_leaves_nothing_that_anybody_sees() -> Outcome {
    static GONE: Mutex<Vec<String>> = Mutex::new(Vec::new());
    let server = TestS3::shared();
    let endpoint = server.settings()[0].1.clone();
    let port = endpoint.rsplit(':').next().ok_or("a port")?.parse()?;
    let folder = "data/cut";
    let direct = S3Datasets::new(server.place(folder));
    let one = dataset(6);
    let digest = one.manifest().dataset;
    let deleted = || GONE.lock().map(|mut gone| std::mem::take(&mut *gone)).unwrap_or_default();
    let through = |allowed: usize| -> (S3Datasets, Front) {
        let front = Front::before(port, move |line| {
            let Some(key) = line.strip_prefix("DELETE ") else { return Fate::Passed };
            let mut gone = GONE.lock().expect("no panic");
            if gone.len() >= allowed {
                return Fate::Cut;
            }
            gone.push(key.split(' ').next().unwrap_or_default().to_owned());
            Fate::Passed
        });
        let endpoint = format!("127.0.0.1:{}", front.port());
        (S3Datasets::new(server.place_through(folder, &endpoint, "")), front)
    };
    direct.put(&one)?;
    let (cut, _front) = through(1);
    assert!(matches!(cut.remove(digest), Err(StoreError::S3 { fault: S3Fault::Unreachable, .. })));
    let first = deleted();
    assert!(first.len() == 1 && first[0].ends_with("/manifest.json"), "{first:?}");
    assert!(matches!(direct.get(digest), Err(StoreError::NoDataset { .. })));
    assert_eq!(direct.list()?, []);
    let (again, _front) = through(usize::MAX);
    again.remove(digest)?;
    let rest = deleted();
    for file in one.files().keys() {
        assert!(rest.iter().any(|key| key.ends_with(file.as_str())), "{file} is left: {rest:?}");
    }
    assert!(direct.put(&one)? && direct.get(digest)? == one);
    Ok(())
}
