//! What is kept on other servers than the database: bundles in a bucket, the registry in MLflow.

use super::{Key, key, secret};

const fn hidden(
    path: &'static str,
    environment: &'static str,
    flag: &'static str,
    help: &'static str,
) -> Key {
    secret(path, environment, flag, help, |_| "***".to_owned())
}

/// An address, which should have no password in it, without one.
fn masked(address: &str) -> String {
    if address.contains('@') { "***".to_owned() } else { address.to_owned() }
}

pub(super) const KEYS: [Key; 15] = [
    key(
        "bundles.address",
        "KLINECAST_BUNDLES",
        "bundles",
        "",
        "s3://bucket/folder of the bundles; without it a bucket is used where minio-endpoint is given, else the store's folder",
    ),
    secret(
        "bundles.endpoint",
        "MINIO_ENDPOINT",
        "minio-endpoint",
        "S3 server of the bundles: host:port, or an address of http or https; AWS's own if only bundles is given",
        masked,
    ),
    hidden("bundles.access_key", "MINIO_ACCESS_KEY", "minio-access-key", "name of the S3 server's key"),
    hidden(
        "bundles.secret_key",
        "MINIO_SECRET_KEY",
        "minio-secret-key",
        "the S3 server's key; better by the environment, flags are seen by others",
    ),
    hidden(
        "bundles.session_token",
        "MINIO_SESSION_TOKEN",
        "minio-session-token",
        "what comes with a key that expires; better by the environment",
    ),
    key(
        "bundles.bucket",
        "MINIO_BUCKET",
        "minio-bucket",
        "",
        "bucket of the bundles, where bundles names none; klinecast if nothing is said",
    ),
    key(
        "bundles.region",
        "MINIO_REGION",
        "minio-region",
        "",
        "the S3 server's region; us-east-1 if nothing is said",
    ),
    key(
        "bundles.secure",
        "MINIO_SECURE",
        "minio-secure",
        "",
        "whether a host:port is spoken to by TLS: true or false",
    ),
    key(
        "bundles.root_certificate",
        "MINIO_CA_FILE",
        "minio-ca-file",
        "",
        "file of root certificates of the S3 server, in PEM form, beside the system's",
    ),
    secret(
        "mlflow.tracking_uri",
        "MLFLOW_TRACKING_URI",
        "mlflow",
        "MLflow in place of the database's registry, for example http://mlflow:5000",
        masked,
    ),
    key("mlflow.username", "MLFLOW_TRACKING_USERNAME", "mlflow-username", "", "MLflow's user"),
    hidden(
        "mlflow.password",
        "MLFLOW_TRACKING_PASSWORD",
        "mlflow-password",
        "MLflow's password; better by the environment, flags are seen by others",
    ),
    hidden(
        "mlflow.token",
        "MLFLOW_TRACKING_TOKEN",
        "mlflow-token",
        "a token in place of MLflow's user and password; better by the environment",
    ),
    key(
        "mlflow.root_certificate",
        "MLFLOW_TRACKING_SERVER_CERT_PATH",
        "mlflow-ca-file",
        "",
        "file of root certificates of MLflow, in PEM form, beside the system's",
    ),
    key(
        "mlflow.model",
        "MLFLOW_REGISTERED_MODEL",
        "mlflow-model",
        "",
        "registered model of the bundles in MLflow; klinecast if nothing is said",
    ),
];
