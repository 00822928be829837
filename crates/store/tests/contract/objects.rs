//! Folders of bundles, and the saved state's file.

use forecast::testkit::tiny_bundle;
use forecast::{Bundle, BundleDigest, MANIFEST_FILE};
use store::{FolderObjects, Home, ObjectStore, StoreError};

use crate::suite::{Outcome, STEP, symbol};

pub(crate) fn bundles_are_kept_whole(objects: &dyn ObjectStore) -> Outcome {
    let bundle = tiny_bundle(1, &[symbol("BTCUSDT")], STEP).build()?;
    assert!(objects.list()?.is_empty());
    assert!(matches!(objects.get(bundle.digest()), Err(StoreError::NoBundle { .. })));
    assert!(matches!(objects.manifest(bundle.digest()), Err(StoreError::NoBundle { .. })));
    assert_eq!(objects.put_bundle(&bundle)?, bundle.digest());
    assert_eq!(objects.put_bundle(&bundle)?, bundle.digest(), "idempotent");
    let back = Bundle::from_files(objects.get(bundle.digest())?)?;
    assert_eq!(back.digest(), bundle.digest());
    assert_eq!(back.files(), bundle.files());
    assert_eq!(BundleDigest::of(&objects.manifest(bundle.digest())?), bundle.digest());
    let other = tiny_bundle(2, &[symbol("BTCUSDT")], STEP).build()?;
    objects.put_bundle(&other)?;
    let mut both = [bundle.digest(), other.digest()];
    both.sort_unstable();
    assert_eq!(objects.list()?, both);
    objects.remove(other.digest())?;
    objects.remove(other.digest())?;
    assert_eq!(objects.list()?, [bundle.digest()]);
    assert!(matches!(objects.get(other.digest()), Err(StoreError::NoBundle { .. })));
    objects.put_bundle(&other)?;
    assert_eq!(objects.list()?, both);
    Ok(())
}

#[test]
fn a_folder_keeps_bundles() -> Outcome {
    let folder = tempfile::tempdir()?;
    bundles_are_kept_whole(&FolderObjects::open(folder.path().join("bundles"))?)
}

#[test]
fn a_damaged_or_half_written_bundle_is_not_taken() -> Outcome {
    let folder = tempfile::tempdir()?;
    let objects = FolderObjects::open(folder.path())?;
    let bundle = tiny_bundle(1, &[symbol("BTCUSDT")], STEP).build()?;
    objects.put_bundle(&bundle)?;
    let manifest = objects.path(bundle.digest()).join(MANIFEST_FILE);
    let mut bytes = std::fs::read(&manifest)?;
    bytes[10] ^= 1;
    std::fs::write(&manifest, bytes)?;
    assert!(matches!(objects.get(bundle.digest()), Err(StoreError::DamagedBundle { .. })));
    std::fs::remove_file(manifest)?;
    assert!(matches!(objects.get(bundle.digest()), Err(StoreError::DamagedBundle { .. })));
    std::fs::create_dir(folder.path().join(".filling-1-1"))?;
    assert_eq!(objects.list()?, [bundle.digest()], "what is being filled is not listed");
    Ok(())
}

#[test]
fn eight_writers_of_one_bundle_leave_one_whole_bundle() -> Outcome {
    let folder = tempfile::tempdir()?;
    let objects = FolderObjects::open(folder.path())?;
    let bundle = tiny_bundle(3, &[symbol("BTCUSDT")], STEP).build()?;
    let results: Vec<bool> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8).map(|_| scope.spawn(|| objects.put_bundle(&bundle).is_ok())).collect();
        writers.into_iter().map(|writer| writer.join().unwrap_or(false)).collect()
    });
    assert_eq!(results, [true; 8]);
    Bundle::from_files(objects.get(bundle.digest())?)?;
    assert_eq!(std::fs::read_dir(folder.path())?.count(), 1, "nothing half-filled stays behind");
    Ok(())
}

#[test]
fn a_snapshot_is_replaced_as_a_whole_or_not_at_all() -> Outcome {
    let folder = tempfile::tempdir()?;
    let home = Home::open(folder.path())?;
    assert_eq!(home.snapshot().read()?, None);
    home.snapshot().replace(b"first")?;
    home.snapshot().replace(b"second")?;
    assert_eq!(home.snapshot().read()?.as_deref(), Some(&b"second"[..]));
    // What cannot be filled beside it does not touch it.
    let filling = home.snapshot().path().with_extension(format!("filling-{}", std::process::id()));
    std::fs::create_dir(&filling)?;
    let refused = home.snapshot().replace(b"third");
    assert!(matches!(refused, Err(StoreError::Files { action: "replacing", .. })), "{refused:?}");
    std::fs::remove_dir(&filling)?;
    assert_eq!(home.snapshot().read()?.as_deref(), Some(&b"second"[..]));
    home.snapshot().replace(b"fourth")?;
    let names = std::fs::read_dir(folder.path())?.map(|entry| Ok(entry?.file_name().into_string()));
    let names: std::io::Result<Vec<_>> = names.collect();
    assert!(names?.iter().flatten().all(|name| !name.contains("filling")), "nothing is left beside it");
    Ok(())
}
