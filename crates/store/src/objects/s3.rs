//! Bundles in a bucket of any S3 server: `<prefix>/<digest>/<path within the bundle>`.
//!
//! The manifest names every other file by its hash and is written last, on condition that none is there: a bundle without it
//! is not seen, and of several writers one writes it. What was read or written is kept in the home's folder of bundles as
//! well: it is not fetched twice, and is there when the server is away.

mod fault;
mod place;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use forecast::{Bundle, BundleDigest, MANIFEST_FILE};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStoreExt, PutMode, PutPayload, RetryConfig};
use object_store::{Error as Refusal, ObjectStore as _};
use url::Url;

use super::files::{self, FileFault};
use super::folder::FolderObjects;
use crate::web::{self, Driver};
use crate::{ObjectStore, StoreError};

pub use fault::S3Fault;
pub use place::{S3Parts, S3Place};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a request is tried again, and how often.
const RETRY_TIMEOUT: Duration = Duration::from_secs(15);
const RETRIES_MAX: usize = 6;
/// How long one answer to our caller may take, with all its requests.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);
/// Files that are under way at once.
const FILES_AT_ONCE: usize = 4;
/// A server that was away is not asked again for so long, by those who only want to show a manifest.
const AWAY: Duration = Duration::from_secs(5);

/// A bucket of bundles, and the folder in which those lie that were read or written here.
pub struct S3Objects {
    place: S3Place,
    kept: FolderObjects,
    client: OnceLock<AmazonS3>,
    driver: Driver,
    away_since: Mutex<Option<Instant>>,
}

/// Hands out the one client that this crate makes.
#[derive(Debug)]
struct OurClient(reqwest::Client);

impl HttpConnector for OurClient {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl S3Objects {
    /// Bundles at a place, with a folder for copies. Nothing is sent yet.
    #[must_use]
    pub fn new(place: S3Place, kept: FolderObjects) -> Self {
        let (client, driver) = (OnceLock::new(), Driver::new("s3"));
        Self { place, kept, client, driver, away_since: Mutex::new(None) }
    }

    fn client(&self) -> Result<AmazonS3, StoreError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let made = connect(&self.place)?;
        Ok(self.client.get_or_init(|| made).clone())
    }

    fn key(&self, digest: BundleDigest, name: &str) -> Path {
        Path::from(format!("{}/{digest}/{name}", self.place.prefix()))
    }

    /// Blocks until the server has answered.
    fn ask<T: Send + 'static>(
        &self,
        action: &'static str,
        future: impl Future<Output = object_store::Result<T>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let answer = match self.driver.run(ANSWER_TIMEOUT, future)? {
            Some(answer) => answer.map_err(|refusal| fault::told(&refusal, &self.place, action)),
            None => Err(fault::silence(&self.place, action)),
        };
        let away = matches!(&answer, Err(StoreError::S3 { fault: S3Fault::Unreachable, .. }));
        *self.away_since.lock().unwrap_or_else(PoisonError::into_inner) = away.then(Instant::now);
        answer
    }

    /// A bundle's manifest in the bucket; `None` if it is not there, whatever else of it may be.
    fn remote_manifest(&self, digest: BundleDigest) -> Result<Option<Bytes>, StoreError> {
        let (client, key) = (self.client()?, self.key(digest, MANIFEST_FILE));
        let manifest = self.ask("reading a bundle", async move {
            match client.get(&key).await {
                Ok(found) => found.bytes().await.map(Some),
                Err(refusal) if fault::is_missing(&refusal) => Ok(None),
                Err(refusal) => Err(refusal),
            }
        })?;
        if let Some(bytes) = &manifest {
            let found = BundleDigest::of(bytes);
            if found != digest {
                return Err(StoreError::DamagedBundle { digest, found });
            }
        }
        Ok(manifest)
    }

    fn missing(&self, digest: BundleDigest) -> StoreError {
        StoreError::NoBundle { digest, place: PathBuf::from(self.place.to_string()) }
    }

    /// The bucket's copy, every file as the manifest has it.
    fn fetch(&self, digest: BundleDigest) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let manifest = self.remote_manifest(digest)?.ok_or_else(|| self.missing(digest))?;
        let names = files::names(digest, &manifest)?;
        let wanted: Vec<(String, Path)> =
            names.into_iter().map(|name| (name.clone(), self.key(digest, &name))).collect();
        let client = self.client()?;
        let fetched = self.ask("reading a bundle", async move {
            let fetches = stream::iter(wanted.into_iter().map(|(name, key)| {
                let client = client.clone();
                async move {
                    match client.get(&key).await {
                        Ok(found) => Ok((name, Some(found.bytes().await?))),
                        Err(refusal) if fault::is_missing(&refusal) => Ok((name, None)),
                        Err(refusal) => Err(refusal),
                    }
                }
            }));
            fetches.buffer_unordered(FILES_AT_ONCE).try_collect::<Vec<_>>().await
        })?;
        let mut found = BTreeMap::from([(MANIFEST_FILE.to_owned(), manifest.to_vec())]);
        for (name, bytes) in fetched {
            let missing =
                || StoreError::DamagedFile { digest, file: name.clone(), fault: FileFault::Missing };
            let bytes = bytes.ok_or_else(missing)?;
            found.insert(name, bytes.to_vec());
        }
        files::check(digest, &found)?;
        Ok(found)
    }

    /// Keeps a copy here; without one it is fetched again the next time.
    fn keep(&self, digest: BundleDigest, files: &BTreeMap<String, Vec<u8>>) {
        if let Err(error) = self.kept.put_files(digest, files) {
            let cause = web::causes(&error);
            tracing::warn!(bundle = %digest, %error, cause, "no copy of the bundle is kept here");
        }
    }
}

impl ObjectStore for S3Objects {
    fn put_bundle(&self, bundle: &Bundle) -> Result<BundleDigest, StoreError> {
        let digest = bundle.digest();
        if self.remote_manifest(digest)?.is_none() {
            let payload = |name: &str, bytes: &[u8]| {
                (self.key(digest, name), PutPayload::from_bytes(Bytes::copy_from_slice(bytes)))
            };
            let others = bundle.files().iter().filter(|(name, _)| name.as_str() != MANIFEST_FILE);
            let others: Vec<_> = others.map(|(name, bytes)| payload(name, bytes)).collect();
            let manifest = bundle.files().get(MANIFEST_FILE).map(Vec::as_slice).unwrap_or_default();
            let (key, manifest) = payload(MANIFEST_FILE, manifest);
            let client = self.client()?;
            self.ask("writing a bundle", async move {
                let writer = &client;
                stream::iter(others.into_iter().map(Ok))
                    .try_for_each_concurrent(FILES_AT_ONCE, |(key, bytes)| async move {
                        writer.put(&key, bytes).await.map(drop)
                    })
                    .await?;
                match writer.put_opts(&key, manifest, PutMode::Create.into()).await {
                    // Another writer was faster; what is there has the same content by its name.
                    Err(Refusal::AlreadyExists { .. } | Refusal::Precondition { .. }) => Ok(()),
                    written => written.map(drop),
                }
            })?;
        }
        self.keep(digest, bundle.files());
        Ok(digest)
    }

    fn get(&self, digest: BundleDigest) -> Result<BTreeMap<String, Vec<u8>>, StoreError> {
        let kept = self.kept.get(digest).and_then(|found| files::check(digest, &found).map(|()| found));
        match kept {
            Ok(found) => return Ok(found),
            Err(StoreError::NoBundle { .. }) => {}
            Err(problem) => {
                tracing::warn!(bundle = %digest, %problem, "the copy here is fetched anew");
                // What can't be removed is not replaced; the bucket's copy is answered all the same.
                let _ = self.kept.remove(digest);
            }
        }
        let found = self.fetch(digest)?;
        self.keep(digest, &found);
        Ok(found)
    }

    fn manifest(&self, digest: BundleDigest) -> Result<Vec<u8>, StoreError> {
        if let Ok(manifest) = self.kept.manifest(digest) {
            return Ok(manifest);
        }
        let away = *self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        if away.is_some_and(|since| since.elapsed() < AWAY) {
            return Err(fault::silence(&self.place, "reading a bundle"));
        }
        Ok(self.remote_manifest(digest)?.ok_or_else(|| self.missing(digest))?.to_vec())
    }

    fn list(&self) -> Result<Vec<BundleDigest>, StoreError> {
        let client = self.client()?;
        let prefix = (!self.place.prefix().is_empty()).then(|| Path::from(self.place.prefix()));
        let keys = self.ask("listing bundles", async move {
            client.list(prefix.as_ref()).map_ok(|object| object.location).try_collect::<Vec<_>>().await
        })?;
        let whole = keys.iter().filter_map(|key| {
            let rest = key.as_ref().strip_suffix(MANIFEST_FILE)?.strip_suffix('/')?;
            rest.strip_prefix(self.place.prefix())?.trim_start_matches('/').parse().ok()
        });
        let mut digests: Vec<BundleDigest> = whole.collect();
        digests.sort_unstable();
        Ok(digests)
    }
}

impl fmt::Debug for S3Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Objects({})", self.place)
    }
}

fn connect(place: &S3Place) -> Result<AmazonS3, StoreError> {
    let (access_key, secret_key, session_token) = place.key();
    let address = match place.endpoint() {
        Some(endpoint) => endpoint.clone(),
        None => format!("https://s3.{}.amazonaws.com", place.region())
            .parse::<Url>()
            .map_err(|_| StoreError::S3Place { problem: "the region (MINIO_REGION) is not one" })?,
    };
    let client = web::client(&address, place.root_certificate(), REQUEST_TIMEOUT)?;
    let retry = RetryConfig {
        backoff: BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        },
        max_retries: RETRIES_MAX,
        retry_timeout: RETRY_TIMEOUT,
    };
    let mut builder = AmazonS3Builder::new()
        .with_endpoint(address.as_str().trim_end_matches('/'))
        .with_allow_http(true)
        .with_region(place.region())
        .with_bucket_name(place.bucket())
        .with_access_key_id(access_key)
        .with_secret_access_key(secret_key.reveal())
        .with_http_connector(OurClient(client))
        .with_retry(retry);
    if let Some(token) = session_token {
        builder = builder.with_token(token.reveal());
    }
    builder.build().map_err(|refusal| fault::told(&refusal, place, "preparing"))
}
