//! Servers that take a connection and then say nothing: bounded, told with their place, and the champion is who it was.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use forecast::BundleDigest;
use store::testkit::{Fate, Front, TestMlflow, TestS3};
use store::{
    Alias, FolderObjects, Mlflow, MlflowFault, MlflowParts, MlflowPlace, MlflowRegistry, ObjectStore,
    Registry, S3Fault, S3Objects, StoreError,
};

use crate::suite::Outcome;

#[test]
fn a_bucket_that_says_nothing_is_not_waited_for_for_long() -> Outcome {
    // Connections wait to be taken, which is the same to those who make them.
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let endpoint = silent.local_addr()?.to_string();
    let place = TestS3::shared().place_through("silent", &endpoint, "");
    let folder = tempfile::tempdir()?;
    let objects = S3Objects::new(place, FolderObjects::open(folder.path())?);
    let began = Instant::now();
    let told = objects.get(BundleDigest([1; 32]));
    assert!(began.elapsed() < Duration::from_secs(100), "{:?}", began.elapsed());
    match told {
        Err(error @ StoreError::S3 { fault: S3Fault::Unreachable, .. }) => {
            let told = error.to_string();
            assert!(told.contains(&endpoint) && told.contains("MINIO_ENDPOINT"), "{told}");
        }
        other => return Err(format!("{other:?}").into()),
    }
    // Who only shows something does not wait again.
    let began = Instant::now();
    assert!(objects.manifest(BundleDigest([1; 32])).is_err() && began.elapsed() < Duration::from_secs(1));
    Ok(())
}

#[test]
fn an_mlflow_that_falls_silent_amid_a_promotion_leaves_the_champion() -> Outcome {
    let server = TestMlflow::shared();
    let model = TestMlflow::new_model();
    let direct = MlflowRegistry::new(Mlflow::new(server.place(&model)));
    for seed in 1..=2 {
        direct.register(BundleDigest([seed; 32]), &Default::default(), 1_000)?;
    }
    direct.crown(1, None, "passed", 2_000)?;
    let front = Front::before(server.port(), |line| {
        if line.contains("registered-models/alias") { Fate::Silent } else { Fate::Passed }
    });
    let uri = format!("http://127.0.0.1:{}", front.port());
    let parts = MlflowParts { uri: &uri, model: &model, ..MlflowParts::default() };
    let through = MlflowRegistry::new(Mlflow::new(MlflowPlace::chosen(parts)?.ok_or("one")?));
    let began = Instant::now();
    let told = match through.crown(2, Some(1), "passed", 3_000) {
        Err(error @ StoreError::Mlflow { fault: MlflowFault::Unreachable, .. }) => error.to_string(),
        other => return Err(format!("{other:?}").into()),
    };
    assert!(told.contains(&uri) && told.contains("changing an alias"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(direct.by_alias(Alias::Champion)?.map(|model| model.version), Some(1));
    direct.crown(2, Some(1), "passed", 4_000)?;
    assert_eq!(direct.by_alias(Alias::Champion)?.map(|model| model.version), Some(2));
    Ok(())
}
