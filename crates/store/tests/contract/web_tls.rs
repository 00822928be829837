//! S3 and MLflow over TLS, by a certificate that an authority of one's own has signed: the real servers behind a front that ends
//! TLS, as proxies do.

use std::path::Path;

use forecast::BundleDigest;
use forecast::testkit::tiny_bundle;
use store::testkit::{TestMlflow, TestS3};
use store::{
    FolderObjects, Mlflow, MlflowFault, MlflowParts, MlflowPlace, MlflowRegistry, ObjectStore, Registry,
    S3Fault, S3Objects, StoreError,
};

use crate::suite::{Outcome, STEP, symbol};
use crate::tls::{Certificates, Greeting, front};

#[test]
fn a_bucket_behind_tls_is_reached_by_the_named_root_only() -> Outcome {
    let server = TestS3::shared();
    let certificates = Certificates::make()?;
    let port = front(&certificates, server.port(), Greeting::None)?;
    let folder = tempfile::tempdir()?;
    let objects = |host: &str, root: Option<&Path>| -> Result<S3Objects, StoreError> {
        let root = root.map(|root| root.display().to_string()).unwrap_or_default();
        let place = server.place_through("tls", &format!("{host}:{port}"), &root);
        Ok(S3Objects::new(place, FolderObjects::open(folder.path())?))
    };
    let bundle = tiny_bundle(1, &[symbol("BTCUSDT")], STEP).build()?;
    objects("https://localhost", Some(&certificates.root))?.put_bundle(&bundle)?;
    objects("https://localhost", Some(&certificates.root))?.remove(BundleDigest([9; 32]))?;
    let direct = S3Objects::new(server.place("tls"), FolderObjects::open(folder.path().join("other"))?);
    assert_eq!(&direct.get(bundle.digest())?, bundle.files());

    for (host, root) in [
        ("https://localhost", Some(certificates.other_root.as_path())),
        ("https://localhost", None),
        ("https://127.0.0.1", Some(certificates.root.as_path())),
    ] {
        match objects(host, root)?.list() {
            Err(error @ StoreError::S3 { fault: S3Fault::Certificate, .. }) => {
                assert!(error.to_string().contains("MINIO_CA_FILE"), "{error}");
            }
            other => return Err(format!("{host} {root:?}: {other:?}").into()),
        }
    }
    let nowhere = objects("https://localhost", Some(Path::new("/no/such/file")))?.list();
    assert!(nowhere.is_err_and(|error| error.to_string().contains("/no/such/file")));
    let told = objects("http://localhost", None)?.list().map_err(|error| error.to_string());
    assert!(told.is_err_and(|told| told.contains("http://localhost")), "the front takes TLS only");
    Ok(())
}

#[test]
fn an_mlflow_behind_tls_is_reached_by_the_named_root_only() -> Outcome {
    let server = TestMlflow::shared();
    let certificates = Certificates::make()?;
    let port = front(&certificates, server.port(), Greeting::None)?;
    let model = TestMlflow::new_model();
    let registry = |root: Option<&Path>| -> Result<MlflowRegistry, Box<dyn std::error::Error>> {
        let uri = format!("https://localhost:{port}");
        let root = root.map(|root| root.display().to_string()).unwrap_or_default();
        let parts =
            MlflowParts { uri: &uri, model: &model, root_certificate: &root, ..MlflowParts::default() };
        Ok(MlflowRegistry::new(Mlflow::new(MlflowPlace::chosen(parts)?.ok_or("one")?)))
    };
    let trusted = registry(Some(&certificates.root))?;
    trusted.register(BundleDigest([1; 32]), &Default::default(), 1_000)?;
    let run = trusted.mlflow().begin_run("a run", 1_000)?;
    trusted.mlflow().put_artifact(&run, "a/b.txt", &vec![7; 300_000])?;
    let direct = MlflowRegistry::new(Mlflow::new(server.place(&model)));
    assert_eq!(direct.versions()?, trusted.versions()?);

    for root in [Some(certificates.other_root.as_path()), None] {
        match registry(root)?.versions() {
            Err(error @ StoreError::Mlflow { fault: MlflowFault::Certificate, .. }) => {
                assert!(error.to_string().contains("MLFLOW_TRACKING_SERVER_CERT_PATH"), "{error}");
            }
            other => return Err(format!("{root:?}: {other:?}").into()),
        }
    }
    Ok(())
}
