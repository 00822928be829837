//! Bundles in a bucket of a real S3 server.

use std::time::{Duration, Instant};

use forecast::testkit::tiny_bundle;
use forecast::{Bundle, MANIFEST_FILE};
use object_store::aws::AmazonS3Builder;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use store::testkit::TestS3;
use store::{FileFault, FolderObjects, Home, ObjectStore, Places, S3Fault, S3Objects, S3Place, StoreError};
use tempfile::TempDir;

use crate::objects::bundles_are_kept_whole;
use crate::suite::{Outcome, STEP, symbol};

fn bundle(seed: u64) -> Bundle {
    tiny_bundle(seed, &[symbol("BTCUSDT")], STEP).build().expect("it holds")
}

/// A machine that has the key to a place, and its folder of copies.
fn machine(place: S3Place) -> Result<(S3Objects, FolderObjects, TempDir), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let copies = FolderObjects::open(folder.path())?;
    Ok((S3Objects::new(place, copies.clone()), copies, folder))
}

/// The kind of a failure, and what it says.
fn fault<T: std::fmt::Debug>(outcome: Result<T, StoreError>, server: &TestS3) -> (S3Fault, String) {
    match outcome {
        Err(error @ StoreError::S3 { fault, .. }) => {
            let told = error.to_string();
            assert!(told.contains("s3://") && !told.contains(server.secret()), "{told}");
            (fault, told)
        }
        other => panic!("{other:?}"),
    }
}

/// Someone else with the same key, past the store.
pub(crate) fn outsider(server: &TestS3, key: &str, bytes: Option<&[u8]>) -> Outcome {
    let [endpoint, access, secret] = server.settings().map(|(_, value)| value);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = AmazonS3Builder::new()
        .with_endpoint(format!("http://{endpoint}"))
        .with_allow_http(true)
        .with_bucket_name("klinecast")
        .with_access_key_id(access)
        .with_secret_access_key(secret)
        .build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match bytes {
            Some(bytes) => client.put(&Path::from(key), PutPayload::from(bytes.to_vec())).await.map(drop),
            None => client.delete(&Path::from(key)).await,
        }
    })?;
    Ok(())
}

#[test]
fn a_bucket_keeps_bundles_and_another_machine_finds_them() -> Outcome {
    let server = TestS3::shared();
    let place = server.place("kept/here");
    let (objects, ..) = machine(place.clone())?;
    bundles_are_kept_whole(&objects)?;
    let (other, copies, _folder) = machine(place)?;
    assert_eq!(other.list()?.len(), 2);
    let one = bundle(1);
    assert_eq!(&other.get(one.digest())?, one.files());
    assert_eq!(copies.list()?, [one.digest()], "a copy is kept");
    assert_eq!(&copies.get(one.digest())?, one.files());
    Ok(())
}

#[test]
fn eight_machines_that_write_one_bundle_leave_one_whole_bundle() -> Outcome {
    let server = TestS3::shared();
    let (place, one) = (server.place("race"), bundle(3));
    let results: Vec<bool> = std::thread::scope(|scope| {
        let writer = || machine(place.clone()).is_ok_and(|(objects, ..)| objects.put_bundle(&one).is_ok());
        let writers: Vec<_> = (0..8).map(|_| scope.spawn(writer)).collect();
        writers.into_iter().map(|writer| writer.join().unwrap_or(false)).collect()
    });
    assert_eq!(results, [true; 8]);
    let (reader, ..) = machine(server.place_of_reader("race"))?;
    assert_eq!(reader.list()?, [one.digest()]);
    assert_eq!(&reader.get(one.digest())?, one.files());
    Ok(())
}

#[test]
fn a_torn_upload_is_not_seen_and_the_next_one_completes_it() -> Outcome {
    let server = TestS3::shared();
    let (one, place) = (bundle(4), server.place("torn"));
    let key = |name: &str| format!("torn/{}/{name}", one.digest());
    let others: Vec<_> = one.files().iter().filter(|(name, _)| name.as_str() != MANIFEST_FILE).collect();
    for (name, bytes) in &others[..others.len() - 1] {
        outsider(&server, &key(name), Some(bytes))?;
    }
    // One that was cut off by a client that does not know better.
    outsider(&server, &key(others[0].0), Some(&others[0].1[..5]))?;
    let (objects, ..) = machine(place.clone())?;
    assert_eq!(objects.list()?, []);
    assert!(matches!(objects.get(one.digest()), Err(StoreError::NoBundle { .. })));
    assert!(matches!(objects.manifest(one.digest()), Err(StoreError::NoBundle { .. })));
    objects.put_bundle(&one)?;
    let (other, ..) = machine(place.clone())?;
    assert_eq!(&other.get(one.digest())?, one.files());

    // What someone changes or takes away afterwards is named and not served.
    let damaged = |bytes: Option<&[u8]>| -> Result<_, Box<dyn std::error::Error>> {
        outsider(&server, &key(others[0].0), bytes)?;
        let (other, copies, _folder) = machine(place.clone())?;
        let refused = other.get(one.digest());
        assert!(copies.list()?.is_empty());
        Ok(refused)
    };
    let changed = damaged(Some(b"changed"))?;
    assert!(
        matches!(&changed, Err(StoreError::DamagedFile { file, fault: FileFault::Changed, .. }) if file == others[0].0),
        "{changed:?}"
    );
    let missing = damaged(None)?;
    assert!(matches!(missing, Err(StoreError::DamagedFile { fault: FileFault::Missing, .. })), "{missing:?}");
    assert_eq!(&objects.get(one.digest())?, one.files(), "the copy is as it was");
    Ok(())
}

#[test]
fn a_damaged_copy_is_fetched_anew_and_a_copy_that_cannot_be_kept_is_none() -> Outcome {
    let server = TestS3::shared();
    let (one, place) = (bundle(5), server.place("copies"));
    let (objects, copies, folder) = machine(place)?;
    objects.put_bundle(&one)?;
    let booster = one.files().keys().find(|name| name.ends_with(".txt")).ok_or("a booster")?;
    std::fs::write(copies.path(one.digest()).join(booster), "damaged")?;
    assert_eq!(&objects.get(one.digest())?, one.files());
    assert_eq!(&copies.get(one.digest())?, one.files(), "the copy is mended");
    // The folder is gone and can't be made again.
    folder.close()?;
    assert_eq!(&objects.get(one.digest())?, one.files());
    Ok(())
}

#[test]
fn wrong_keys_and_a_missing_bucket_are_told_with_the_remedy() -> Outcome {
    let server = TestS3::shared();
    let one = bundle(6);
    let told = |place: S3Place, expected: S3Fault, remedy: &str| -> Outcome {
        let (objects, copies, _folder) = machine(place)?;
        for outcome in [
            objects.put_bundle(&one).map(drop),
            objects.get(one.digest()).map(drop),
            objects.list().map(drop),
        ] {
            let (fault, told) = fault(outcome, &server);
            assert!(fault == expected && told.contains(remedy), "{fault:?}: {told}");
        }
        assert!(copies.list()?.is_empty(), "what is not in the bucket is not kept here");
        Ok(())
    };
    told(server.place_by("x", |parts| parts.secret_key = "wr0ng"), S3Fault::Refused, "MINIO_SECRET_KEY")?;
    told(server.place_by("x", |parts| parts.access_key = "nobody"), S3Fault::Refused, "MINIO_ACCESS_KEY")?;
    told(server.place_by("x", |parts| parts.address = "s3://nowhere/x"), S3Fault::NoBucket, "MINIO_BUCKET")?;
    let (reader, ..) = machine(server.place_of_reader("x"))?;
    let (kind, words) = fault(reader.put_bundle(&one), &server);
    assert!(kind == S3Fault::Forbidden && words.contains("let this key"), "{kind:?}: {words}");
    assert!(
        matches!(reader.get(one.digest()), Err(StoreError::NoBundle { .. })),
        "nothing is left half written"
    );
    Ok(())
}

#[test]
fn a_server_that_is_away_is_told_and_what_was_read_before_is_still_there() -> Outcome {
    let server = TestS3::alone();
    let (known, unknown, place) = (bundle(1), bundle(2), server.place("away"));
    let folder = tempfile::tempdir()?;
    let places = Places { bundles: Some(place.clone()), ..Places::default() };
    let home = Home::open_with(folder.path(), &places)?;
    home.objects().put_bundle(&known)?;
    server.kill();
    let began = Instant::now();
    let (kind, words) = fault(home.objects().get(unknown.digest()), &server);
    assert!(kind == S3Fault::Unreachable && words.contains("MINIO_ENDPOINT"), "{words}");
    assert!(began.elapsed() < Duration::from_secs(40), "{:?}", began.elapsed());
    let began = Instant::now();
    let (kind, _) = fault(home.objects().manifest(unknown.digest()), &server);
    assert!(
        kind == S3Fault::Unreachable && began.elapsed() < Duration::from_secs(1),
        "not asked again so soon"
    );

    let again = Home::open_with(folder.path(), &places)?;
    assert_eq!(&again.objects().get(known.digest())?, known.files());
    assert_eq!(forecast::BundleDigest::of(&again.objects().manifest(known.digest())?), known.digest());

    server.start_again();
    assert!(matches!(home.objects().get(unknown.digest()), Err(StoreError::NoBundle { .. })));
    home.objects().put_bundle(&unknown)?;
    let (other, ..) = machine(place)?;
    assert_eq!(other.list()?.len(), 2);
    Ok(())
}

#[test]
fn a_server_killed_amid_writes_leaves_whole_bundles_only_and_writing_again_completes_the_rest() -> Outcome {
    let server = TestS3::alone();
    let place = server.place("killed");
    let bundles: Vec<Bundle> = (10..22).map(bundle).collect();
    let (writer, ..) = machine(place.clone())?;
    std::thread::scope(|scope| -> Outcome {
        let written = scope
            .spawn(|| bundles.iter().map(|bundle| writer.put_bundle(bundle).is_ok()).collect::<Vec<bool>>());
        let (watcher, ..) = machine(place.clone())?;
        let began = Instant::now();
        while watcher.list()?.len() < 3 {
            assert!(began.elapsed() < Duration::from_secs(60), "nothing is written");
        }
        server.kill();
        server.start_again();
        let written = written.join().expect("no panic");
        let (other, ..) = machine(place.clone())?;
        let listed = other.list()?;
        for (bundle, written) in bundles.iter().zip(&written) {
            assert!(!written || listed.contains(&bundle.digest()), "what was said to be kept is kept");
        }
        for digest in listed {
            Bundle::from_files(other.get(digest)?)?;
        }
        Ok(())
    })?;
    for bundle in &bundles {
        writer.put_bundle(bundle)?;
    }
    let (other, ..) = machine(place)?;
    for bundle in &bundles {
        assert_eq!(&other.get(bundle.digest())?, bundle.files());
    }
    Ok(())
}
