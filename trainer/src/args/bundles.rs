//! Where the bundles are.

use clap::Args;
use store::{S3Parts, S3Place};

use crate::Result;

/// A bucket of an S3 server in place of the home's folder of bundles; the server is told the same.
#[derive(Clone, Default, Args)]
pub struct BundlesArguments {
    /// s3://bucket/folder; without it a bucket is used where --minio-endpoint is given, else the home's folder.
    #[arg(long, global = true, env = "KLINECAST_BUNDLES", default_value = "", hide_default_value = true)]
    pub bundles: String,
    /// S3 server: host:port, or an address of http or https; AWS's own if only --bundles is given.
    #[arg(
        long,
        global = true,
        env = "MINIO_ENDPOINT",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub minio_endpoint: String,
    /// Name of the S3 server's key.
    #[arg(
        long,
        global = true,
        env = "MINIO_ACCESS_KEY",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub minio_access_key: String,
    /// The S3 server's key; better by the environment, flags are seen by others.
    #[arg(
        long,
        global = true,
        env = "MINIO_SECRET_KEY",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub minio_secret_key: String,
    /// What comes with a key that expires; better by the environment.
    #[arg(
        long,
        global = true,
        env = "MINIO_SESSION_TOKEN",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub minio_session_token: String,
    /// Bucket, where --bundles names none; klinecast if nothing is said.
    #[arg(long, global = true, env = "MINIO_BUCKET", default_value = "", hide_default_value = true)]
    pub minio_bucket: String,
    /// Region; us-east-1 if nothing is said.
    #[arg(long, global = true, env = "MINIO_REGION", default_value = "", hide_default_value = true)]
    pub minio_region: String,
    /// Whether a host:port is spoken to by TLS: true or false.
    #[arg(long, global = true, env = "MINIO_SECURE", default_value = "", hide_default_value = true)]
    pub minio_secure: String,
    /// File of root certificates of the S3 server, in PEM form, beside the system's.
    #[arg(long, global = true, env = "MINIO_CA_FILE", default_value = "", hide_default_value = true)]
    pub minio_ca_file: String,
}

impl BundlesArguments {
    /// The bucket that was asked for; `None` is the folder in the home.
    ///
    /// # Errors
    /// When it is none.
    pub fn place(&self) -> Result<Option<S3Place>> {
        self.place_at(&self.bundles)
    }

    /// Another place on the same server, by the same key.
    ///
    /// # Errors
    /// When it is none.
    pub fn place_at(&self, address: &str) -> Result<Option<S3Place>> {
        let parts = S3Parts {
            address,
            endpoint: &self.minio_endpoint,
            access_key: &self.minio_access_key,
            secret_key: &self.minio_secret_key,
            session_token: &self.minio_session_token,
            bucket: &self.minio_bucket,
            region: &self.minio_region,
            secure: &self.minio_secure,
            root_certificate: &self.minio_ca_file,
        };
        Ok(S3Place::chosen(parts)?)
    }
}

impl std::fmt::Debug for BundlesArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A key may be in it.
        f.write_str("BundlesArguments")
    }
}
