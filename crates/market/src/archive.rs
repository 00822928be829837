//! The exchange's archive of past klines: one zip a month and one a day, each with a checksum beside it, on the web or in a
//! folder.

mod file;
mod folder;
mod web;

use std::fmt;
use std::path::PathBuf;

use kline::{Interval, Kline, Milliseconds, Symbol};
use sha2::{Digest, Sha256};

use crate::binance::DecodeError;
use crate::binance::archive::read_zip;
use folder::Folder;
use web::Web;

pub use file::{ArchiveFile, Period};

/// Binance's own archive.
pub const BINANCE_ARCHIVE_URL: &str = "https://data.binance.vision";

/// No archive is longer: a month of one-second klines is 100 MB.
const ZIP_BYTES_MAX: usize = 256 << 20;
/// No checksum's file is longer.
const CHECKSUM_BYTES_MAX: usize = 4 << 10;

/// A file of the archive that can't be used, or an archive that can't be asked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// An address that can't be used.
    #[error(
        "the archive {place:?} can't be used: {problem}; give an address such as {BINANCE_ARCHIVE_URL} or a folder"
    )]
    Place {
        /// As it was given.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// No connection, a broken one, or no answer in time.
    #[error(
        "archive file {file} can't be fetched: {problem}; check the network and run this again, it goes on where it was"
    )]
    Unreachable {
        /// The file's address.
        file: String,
        /// The transport's own words.
        problem: String,
    },
    /// The archive answered with a failure.
    #[error(
        "archive file {file} can't be fetched (http {status}); run this again later, it goes on where it was"
    )]
    Status {
        /// The file's address.
        file: String,
        /// The HTTP status.
        status: u16,
    },
    /// A longer file than there is.
    #[error(
        "archive file {file} is longer than {limit} bytes, no file of klines is; look at what is served there"
    )]
    TooLong {
        /// The file.
        file: String,
        /// The bound in bytes.
        limit: usize,
    },
    /// The content is not what the checksum says.
    #[error(
        "archive file {file} is damaged: its SHA-256 is {found}, its checksum says {expected}; fetch it again, or \
         remove it"
    )]
    Checksum {
        /// The file.
        file: String,
        /// As the checksum's file says.
        expected: String,
        /// Of the content.
        found: String,
    },
    /// The checksum's file is missing or is none.
    #[error(
        "archive file {file} has no checksum: {problem}; look at the file beside it that ends in .CHECKSUM"
    )]
    NoChecksum {
        /// The file.
        file: String,
        /// What is there.
        problem: String,
    },
    /// What the archive holds is malformed.
    #[error("archive file {file} can't be read: {source}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// A kline of another time than the file's name says.
    #[error(
        "archive file {file} has a kline that opens at {open_time}, outside of what its name says; remove it"
    )]
    Outside {
        /// The file.
        file: String,
        /// The kline's opening in milliseconds.
        open_time: Milliseconds,
    },
    /// A file or folder can't be read.
    #[error("{path} can't be read: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl ArchiveError {
    /// Whether the same request may succeed later without anyone changing anything.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => matches!(status, 429 | 500..=599),
            _ => false,
        }
    }
}

/// An archive in the layout of [`BINANCE_ARCHIVE_URL`].
#[derive(Debug)]
pub struct Archive {
    place: String,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Web(Web),
    Folder(Folder),
}

/// A file as it was found.
struct Found {
    /// Where, for messages.
    name: String,
    zip: Vec<u8>,
    /// The text beside it; `None` only in a folder.
    checksum: Option<String>,
}

impl Archive {
    /// The archive at an address (`http://`, `https://`) or in a folder. Of the web nothing is asked yet.
    ///
    /// # Errors
    /// [`ArchiveError::Place`] for an address that can't be used, [`ArchiveError::Io`] for a folder that can't be read.
    pub fn open(place: &str) -> Result<Self, ArchiveError> {
        let kind = if place.contains("://") {
            Kind::Web(Web::new(place)?)
        } else {
            Kind::Folder(Folder::open(PathBuf::from(place))?)
        };
        Ok(Self { place: place.to_owned(), kind })
    }

    /// From the first to past the last millisecond of the files that a folder has of a series; `None` on the web, which
    /// can't be listed, and if there is none.
    #[must_use]
    pub fn extent(&self, symbol: Symbol, interval: Interval) -> Option<(Milliseconds, Milliseconds)> {
        match &self.kind {
            Kind::Web(_) => None,
            Kind::Folder(folder) => folder.extent(symbol, interval),
        }
    }

    /// The symbols of which a folder has files of the interval; empty on the web.
    #[must_use]
    pub fn symbols(&self, interval: Interval) -> Vec<Symbol> {
        match &self.kind {
            Kind::Web(_) => Vec::new(),
            Kind::Folder(folder) => folder.symbols(interval),
        }
    }

    /// Fetches, verifies and reads one file; `None` if the archive does not have it. What the network does is tried again
    /// with growing waits, a wrong checksum once. Safe to cancel.
    ///
    /// # Errors
    /// [`ArchiveError`] naming the file.
    pub async fn klines(&self, file: &ArchiveFile) -> Result<Option<Vec<Kline>>, ArchiveError> {
        for last in [false, true] {
            let Some(found) = self.fetch(file).await? else { return Ok(None) };
            match found.verify() {
                Err(error @ ArchiveError::Checksum { .. }) if !last => {
                    tracing::warn!(%error, "fetching it again");
                }
                Err(error) => return Err(error),
                Ok(()) => return found.read(file).map(Some),
            }
        }
        Ok(None)
    }

    async fn fetch(&self, file: &ArchiveFile) -> Result<Option<Found>, ArchiveError> {
        match &self.kind {
            Kind::Web(web) => web.fetch(file).await,
            Kind::Folder(folder) => folder.fetch(file),
        }
    }
}

impl fmt::Display for Archive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place)
    }
}

impl Found {
    fn verify(&self) -> Result<(), ArchiveError> {
        let Some(text) = &self.checksum else { return Ok(()) };
        let expected = text.split_whitespace().next().unwrap_or_default();
        if expected.len() != 64 || !expected.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let problem = format!("{:?} does not begin with one", text.chars().take(80).collect::<String>());
            return Err(ArchiveError::NoChecksum { file: self.name.clone(), problem });
        }
        let found = hex::encode(Sha256::digest(&self.zip));
        if found.eq_ignore_ascii_case(expected) {
            return Ok(());
        }
        Err(ArchiveError::Checksum { file: self.name.clone(), expected: expected.to_owned(), found })
    }

    fn read(&self, file: &ArchiveFile) -> Result<Vec<Kline>, ArchiveError> {
        let klines = match read_zip(&self.zip, file.interval) {
            Ok(klines) => klines,
            // A market that rested.
            Err(DecodeError::Empty) => Vec::new(),
            Err(source) => return Err(ArchiveError::Malformed { file: self.name.clone(), source }),
        };
        let span = file.from()..file.until();
        match klines.iter().find(|kline| !span.contains(&kline.open_time)) {
            None => Ok(klines),
            Some(kline) => Err(ArchiveError::Outside { file: self.name.clone(), open_time: kline.open_time }),
        }
    }
}
