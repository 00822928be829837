//! What can go wrong with a store.

use std::path::PathBuf;

use forecast::{BundleDigest, BundleError};
use kline::{BarTime, KlineError, Symbol};

use crate::datasets::DatasetDigest;
use crate::mlflow::MlflowFault;
use crate::objects::{FileFault, S3Fault};

/// A store that could not answer or keep something. Nothing is half kept: writes are transactions or renames.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database refused a statement.
    #[error(
        "database {path:?}: {action} failed; check that the disk has room and that the file may be written"
    )]
    Database {
        /// The file.
        path: PathBuf,
        /// What was being done.
        action: &'static str,
        /// The database's words.
        source: rusqlite::Error,
    },
    /// PostgreSQL could not be reached, or refused a statement.
    #[error("database {database}: {action} failed: {problem}; {remedy}")]
    Postgres {
        /// Its address, without the password.
        database: String,
        /// What was being done.
        action: &'static str,
        /// The database's words, or the connection's.
        problem: String,
        /// What to do.
        remedy: &'static str,
    },
    /// All connections were in use for too long.
    #[error("database {database}: every connection is in use; try again when less is asked at once")]
    Busy {
        /// Its address, without the password.
        database: String,
    },
    /// An address that can't be used. It may have a password in it, so nothing of it is repeated.
    #[error(
        "the database's address can't be used: {problem}; it is postgresql://user:password@host:port/database, with % \
         before what is special in it"
    )]
    DatabaseUrl {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file of root certificates can't be used.
    #[error(
        "root certificate {path:?} of the {of} can't be used: {problem}; name a file of certificates in PEM form"
    )]
    RootCertificate {
        /// Whose it is.
        of: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// TLS can't be set up.
    #[error(
        "TLS to the database can't be set up: {problem}; report it, or use sslmode=disable on a private network"
    )]
    Tls {
        /// What the library says.
        problem: String,
    },
    /// A place in a bucket can't be read. It may have a secret in it, so little of it is repeated.
    #[error(
        "the place in a bucket can't be used: {problem}; name a server (MINIO_ENDPOINT) or s3://bucket/folder, and a key"
    )]
    S3Place {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// An S3 server could not be reached, or did not do what it was asked for.
    #[error("{place}: {action} failed: {problem}; {}", fault.remedy())]
    S3 {
        /// Bucket and server, without the key.
        place: String,
        /// What was being done.
        action: &'static str,
        /// Which kind of fault.
        fault: S3Fault,
        /// The server's words, or the connection's.
        problem: String,
    },
    /// Which MLflow is meant can't be read. It may have a secret in it, so little of it is repeated.
    #[error(
        "MLflow's address can't be used: {problem}; it is what MLFLOW_TRACKING_URI names, for example http://mlflow:5000"
    )]
    MlflowPlace {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// MLflow could not be reached, or did not do what it was asked for.
    #[error("MLflow at {server}: {action} failed: {problem}; {}", fault.remedy())]
    Mlflow {
        /// Its address.
        server: String,
        /// What was being done.
        action: &'static str,
        /// Which kind of fault.
        fault: MlflowFault,
        /// Its words, or the connection's.
        problem: String,
    },
    /// No client of web servers can be made.
    #[error(
        "no client of web servers can be made: {problem}; install the system's root certificates (ca-certificates)"
    )]
    WebClient {
        /// What the library says.
        problem: String,
    },
    /// The system gives no thread.
    #[error(
        "the thread that talks to a database or a server can't be started; allow this process more threads"
    )]
    Thread(#[source] std::io::Error),
    /// A model was judged against one champion, and another is it now.
    #[error(
        "version {version} was judged against {}, but {} is the champion now; judge it again", named(*judged_against), named(*found)
    )]
    OtherChampion {
        /// The model.
        version: u32,
        /// The champion when it was judged.
        judged_against: Option<u32>,
        /// The champion of now.
        found: Option<u32>,
    },
    /// The champion was to go back to staging.
    #[error("version {version} is the champion, in production; make another the champion first")]
    Champion {
        /// The model.
        version: u32,
    },
    /// Something goes by a version that was to be taken out of the registry.
    #[error("version {version} is {by}, and stays in the registry")]
    InUse {
        /// The model.
        version: u32,
        /// By what, for example `the champion`.
        by: String,
    },
    /// The database was written by a newer program.
    #[error(
        "database {database} has schema {found}, this program knows up to {known}; use the newer program"
    )]
    NewerSchema {
        /// The file, or the address without the password.
        database: String,
        /// The schema in the file.
        found: u32,
        /// The newest schema known here.
        known: u32,
    },
    /// A file or folder could not be read or written.
    #[error("{action} {path:?} failed{}", remedy(source))]
    Files {
        /// What was being done.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// A stored kline is no kline any more: the file was changed from outside.
    #[error("stored kline of {symbol} that opens at {open_time} is not valid; ingest that range again")]
    StoredKline {
        /// The market.
        symbol: Symbol,
        /// Its open time in milliseconds.
        open_time: i64,
        /// The broken rule.
        source: KlineError,
    },
    /// A stored record can't be read back.
    #[error(
        "stored {what} of {symbol} at bar {bar} can't be read; it was written by another version or damaged"
    )]
    StoredRecord {
        /// `prediction` or `resolution`.
        what: &'static str,
        /// The market.
        symbol: Symbol,
        /// The bar.
        bar: BarTime,
        /// What is wrong with the text.
        source: serde_json::Error,
    },
    /// A stored name, digest or stage can't be read back.
    #[error("stored {what} {text:?} can't be read; the database was changed from outside")]
    StoredText {
        /// What it should be.
        what: &'static str,
        /// As it stands in the database.
        text: String,
    },
    /// A record of the journal is not as it was written.
    #[error(
        "journal record {number} ({record}) is not as it was written; `klinecast journal verify` names all that are not"
    )]
    BrokenChain {
        /// Its number in the chain.
        number: i64,
        /// Its key.
        record: String,
    },
    /// A record could not be turned into text.
    #[error("a {what} could not be written as JSON")]
    Encode {
        /// What.
        what: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// No bundle of that name is kept.
    #[error("bundle {digest} is not in {place:?}; publish it, or copy its folder there")]
    NoBundle {
        /// The bundle.
        digest: BundleDigest,
        /// Where it was looked for.
        place: PathBuf,
    },
    /// A kept bundle's manifest is not the one it is named by.
    #[error("bundle {digest} is damaged: its manifest has the digest {found}; publish it again")]
    DamagedBundle {
        /// The bundle that was asked for.
        digest: BundleDigest,
        /// The digest of what is there.
        found: BundleDigest,
    },
    /// A kept bundle's file is not as its manifest says.
    #[error("bundle {digest} is damaged: {file:?} {fault}; remove it there and publish it again")]
    DamagedFile {
        /// The bundle.
        digest: BundleDigest,
        /// The file's path within it.
        file: String,
        /// What is wrong.
        fault: FileFault,
    },
    /// No dataset of that name is kept.
    #[error(
        "dataset {digest} is not in {place}; `klinecast-trainer version` keeps one where the klines are that made it"
    )]
    NoDataset {
        /// The dataset.
        digest: DatasetDigest,
        /// Where it was looked for.
        place: String,
    },
    /// A kept dataset is not as its manifest says.
    #[error("dataset {digest} in {place} is damaged: {file:?} {fault}; remove it there and keep it again")]
    DamagedDataset {
        /// The dataset.
        digest: DatasetDigest,
        /// Where it lies.
        place: String,
        /// The file's path within it.
        file: String,
        /// What is wrong.
        fault: FileFault,
    },
    /// A bundle to be kept does not hold together.
    #[error("a bundle that does not verify is not kept")]
    Bundle(#[from] BundleError),
    /// No model of that version.
    #[error("model version {version} is not registered; versions {known} are")]
    NoVersion {
        /// As it was asked for.
        version: u32,
        /// The registered versions.
        known: String,
    },
    /// Another thread failed while it held the database.
    #[error("the database connection was left in an unknown state by a failed thread; restart the process")]
    Poisoned,
}

/// What to do where the system's words alone don't say it.
fn remedy(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            "; make room on the disk, then try again"
        }
        _ => "",
    }
}

fn named(version: Option<u32>) -> String {
    version.map_or_else(|| "nobody".to_owned(), |version| format!("version {version}"))
}
