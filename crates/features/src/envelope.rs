//! The envelope of a saved state: magic, version, catalogue hash, content, checksum.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{Catalogue, CatalogueHash, SnapshotError};

const MAGIC_BYTES: usize = 8;
const HASH: usize = 32;
const HEADER: usize = MAGIC_BYTES + 2 + HASH;

/// How one kind of state is written down: eight bytes that name the kind, and the version of its shape and meaning. The
/// catalogue's hash is always part of it, since no state outlives its catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// The kind of state.
    pub magic: &'static [u8; MAGIC_BYTES],
    /// Raised whenever the state's shape or meaning changes.
    pub version: u16,
}

impl Envelope {
    /// The bytes of a state.
    #[must_use]
    pub fn seal(&self, state: &impl Serialize) -> Vec<u8> {
        let mut bytes = self.magic.to_vec();
        bytes.extend(self.version.to_le_bytes());
        bytes.extend(Catalogue::standard().hash().0);
        // Writing to memory cannot fail for these types; were it to, the checksum of what is there would not hide it, since
        // the content would not read back.
        let mut bytes = postcard::to_extend(state, bytes).unwrap_or_default();
        let checksum = Sha256::digest(&bytes);
        bytes.extend_from_slice(&checksum);
        bytes
    }

    /// The state that bytes hold, every part of the envelope checked first.
    ///
    /// # Errors
    /// Bytes that are truncated, changed, of another kind, version or catalogue.
    pub fn open<State: DeserializeOwned>(&self, bytes: &[u8]) -> Result<State, SnapshotError> {
        let length = bytes.len();
        if !bytes.starts_with(self.magic) || length < HEADER + HASH {
            return Err(SnapshotError::NotASnapshot { length });
        }
        let found = u16::from_le_bytes([bytes[MAGIC_BYTES], bytes[MAGIC_BYTES + 1]]);
        if found != self.version {
            return Err(SnapshotError::Version { found, expected: self.version });
        }
        let (content, checksum) = bytes.split_at(length - HASH);
        if Sha256::digest(content).as_slice() != checksum {
            return Err(SnapshotError::Checksum { length });
        }
        let mut hash = [0; HASH];
        hash.copy_from_slice(&content[MAGIC_BYTES + 2..HEADER]);
        let expected = Catalogue::standard().hash();
        if hash != expected.0 {
            return Err(SnapshotError::Catalogue { found: CatalogueHash(hash), expected });
        }
        postcard::from_bytes(&content[HEADER..])
            .map_err(|error| SnapshotError::Malformed { reason: error.to_string() })
    }
}
