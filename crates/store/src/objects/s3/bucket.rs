//! Folders in a bucket, each of which is whole as soon as its last file is there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use kline::Milliseconds;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{BackoffConfig, ClientOptions, ObjectStoreExt, PutMode, PutPayload, RetryConfig};
use object_store::{Error as Refusal, ObjectStore as _};
use url::Url;

use super::fault::{self, S3Fault};
use super::place::S3Place;
use crate::StoreError;
use crate::web::{self, Driver};

/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How long a request is tried again, and how often.
const RETRY_TIMEOUT: Duration = Duration::from_secs(15);
const RETRIES_MAX: usize = 6;
/// How long one answer to our caller may take, with all its requests.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);
/// Files that are under way at once.
const FILES_AT_ONCE: usize = 4;
/// A server that was away is not asked again for so long, by those who only want to show something.
const AWAY: Duration = Duration::from_secs(5);

/// A place in a bucket of any S3 server. Everything here blocks.
pub(crate) struct Bucket {
    place: S3Place,
    client: OnceLock<AmazonS3>,
    driver: Driver,
    away_since: Mutex<Option<Instant>>,
}

/// A folder that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Folder {
    /// Its name under the place.
    pub(crate) name: String,
    /// When its last file was written, by the server's clock, Unix milliseconds.
    pub(crate) written_at: Milliseconds,
}

/// Hands out the one client that this crate makes.
#[derive(Debug)]
struct OurClient(reqwest::Client);

impl HttpConnector for OurClient {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl Bucket {
    /// Nothing is sent yet.
    pub(crate) fn new(place: S3Place) -> Self {
        let (client, driver) = (OnceLock::new(), Driver::new("s3"));
        Self { place, client, driver, away_since: Mutex::new(None) }
    }

    pub(crate) const fn place(&self) -> &S3Place {
        &self.place
    }

    fn client(&self) -> Result<AmazonS3, StoreError> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let made = connect(&self.place)?;
        Ok(self.client.get_or_init(|| made).clone())
    }

    fn key(&self, folder: &str, name: &str) -> Path {
        Path::from(format!("{}/{folder}/{name}", self.place.prefix()))
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

    /// Says that the server is away if it was a moment ago.
    pub(crate) fn require_not_away(&self, action: &'static str) -> Result<(), StoreError> {
        let away = *self.away_since.lock().unwrap_or_else(PoisonError::into_inner);
        match away {
            Some(since) if since.elapsed() < AWAY => Err(fault::silence(&self.place, action)),
            _ => Ok(()),
        }
    }

    /// A file of a folder; `None` if it is not there.
    pub(crate) fn read(
        &self,
        action: &'static str,
        folder: &str,
        name: &str,
    ) -> Result<Option<Bytes>, StoreError> {
        let (client, key) = (self.client()?, self.key(folder, name));
        self.ask(action, async move { read(&client, &key).await })
    }

    /// Files of a folder, each with its name; `None` for one that is not there.
    pub(crate) fn read_all(
        &self,
        action: &'static str,
        folder: &str,
        names: Vec<String>,
    ) -> Result<Vec<(String, Option<Bytes>)>, StoreError> {
        let wanted: Vec<(String, Path)> =
            names.into_iter().map(|name| (name.clone(), self.key(folder, &name))).collect();
        let client = self.client()?;
        self.ask(action, async move {
            let reads = stream::iter(wanted.into_iter().map(|(name, key)| {
                let client = client.clone();
                async move { read(&client, &key).await.map(|bytes| (name, bytes)) }
            }));
            reads.buffer_unordered(FILES_AT_ONCE).try_collect().await
        })
    }

    /// Writes a folder's files: the last one after all others, on condition that it is not there.
    pub(crate) fn write(
        &self,
        action: &'static str,
        folder: &str,
        files: &BTreeMap<String, Vec<u8>>,
        last: &str,
    ) -> Result<(), StoreError> {
        let payload = |name: &str, bytes: &[u8]| {
            (self.key(folder, name), PutPayload::from_bytes(Bytes::copy_from_slice(bytes)))
        };
        let others = files.iter().filter(|(name, _)| name.as_str() != last);
        let others: Vec<_> = others.map(|(name, bytes)| payload(name, bytes)).collect();
        let (key, bytes) = payload(last, files.get(last).map(Vec::as_slice).unwrap_or_default());
        let client = self.client()?;
        self.ask(action, async move {
            let writer = &client;
            stream::iter(others.into_iter().map(Ok))
                .try_for_each_concurrent(FILES_AT_ONCE, |(key, bytes)| async move {
                    writer.put(&key, bytes).await.map(drop)
                })
                .await?;
            match writer.put_opts(&key, bytes, PutMode::Create.into()).await {
                // Another writer was faster; what is there has the same content by its name.
                Err(Refusal::AlreadyExists { .. } | Refusal::Precondition { .. }) => Ok(()),
                written => written.map(drop),
            }
        })
    }

    /// The folders whose last file is there, sorted by name.
    pub(crate) fn folders(&self, action: &'static str, last: &str) -> Result<Vec<Folder>, StoreError> {
        let client = self.client()?;
        let prefix = (!self.place.prefix().is_empty()).then(|| Path::from(self.place.prefix()));
        let objects = self.ask(action, async move {
            client.list(prefix.as_ref()).try_collect::<Vec<object_store::ObjectMeta>>().await
        })?;
        let whole = objects.iter().filter_map(|object| {
            let rest = object.location.as_ref().strip_suffix(last)?.strip_suffix('/')?;
            let name = rest.strip_prefix(self.place.prefix())?.trim_start_matches('/').to_owned();
            Some(Folder { name, written_at: object.last_modified.timestamp_millis() })
        });
        let mut folders: Vec<Folder> = whole.collect();
        folders.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(folders)
    }

    /// Takes a folder away, its last file first: from then on nobody sees it. What is broken off is taken away by the same again.
    pub(crate) fn remove(&self, action: &'static str, folder: &str, last: &str) -> Result<(), StoreError> {
        let (client, last) = (self.client()?, self.key(folder, last));
        let prefix = Path::from(format!("{}/{folder}", self.place.prefix()));
        self.ask(action, async move {
            let client = &client;
            let keys: Vec<Path> =
                client.list(Some(&prefix)).map_ok(|object| object.location).try_collect().await?;
            let others = keys.into_iter().filter(|key| *key != last).map(Ok);
            let gone = |key: Path| async move {
                match client.delete(&key).await {
                    Err(refusal) if fault::is_missing(&refusal) => Ok(()),
                    answer => answer,
                }
            };
            gone(last.clone()).await?;
            stream::iter(others).try_for_each_concurrent(FILES_AT_ONCE, gone).await
        })
    }
}

async fn read(client: &AmazonS3, key: &Path) -> object_store::Result<Option<Bytes>> {
    match client.get(key).await {
        Ok(found) => found.bytes().await.map(Some),
        Err(refusal) if fault::is_missing(&refusal) => Ok(None),
        Err(refusal) => Err(refusal),
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bucket({})", self.place)
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
        // One by one a refusal is told as that of any other request.
        .with_disable_bulk_delete(true)
        .with_retry(retry);
    if let Some(token) = session_token {
        builder = builder.with_token(token.reveal());
    }
    builder.build().map_err(|refusal| fault::told(&refusal, place, "preparing"))
}
