//! The envelope of a saved state: magic, version, catalogue hash, content, checksum.

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::{Catalogue, CatalogueHash, SnapshotError};

const MAGIC: &[u8; 8] = b"klcfeat\0";

/// Raised whenever the state's shape or meaning changes.
const VERSION: u16 = 2;

const HASH: usize = 32;
const HEADER: usize = MAGIC.len() + 2 + HASH;

/// The bytes of a state.
pub(crate) fn write(state: &impl Serialize) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    bytes.extend(VERSION.to_le_bytes());
    bytes.extend(Catalogue::standard().hash().0);
    // Writing to memory cannot fail for these types; were it to, the checksum of what is there would not hide it, since
    // the content would not read back.
    let mut bytes = postcard::to_extend(state, bytes).unwrap_or_default();
    let checksum = Sha256::digest(&bytes);
    bytes.extend_from_slice(&checksum);
    bytes
}

/// The state that bytes hold, every part of the envelope checked first.
pub(crate) fn read<State: DeserializeOwned>(bytes: &[u8]) -> Result<State, SnapshotError> {
    let length = bytes.len();
    if !bytes.starts_with(MAGIC) || length < HEADER + HASH {
        return Err(SnapshotError::NotASnapshot { length });
    }
    let found = u16::from_le_bytes([bytes[MAGIC.len()], bytes[MAGIC.len() + 1]]);
    if found != VERSION {
        return Err(SnapshotError::Version { found, expected: VERSION });
    }
    let (content, checksum) = bytes.split_at(length - HASH);
    if Sha256::digest(content).as_slice() != checksum {
        return Err(SnapshotError::Checksum { length });
    }
    let mut hash = [0; HASH];
    hash.copy_from_slice(&content[MAGIC.len() + 2..HEADER]);
    let expected = Catalogue::standard().hash();
    if hash != expected.0 {
        return Err(SnapshotError::Catalogue { found: CatalogueHash(hash), expected });
    }
    postcard::from_bytes(&content[HEADER..])
        .map_err(|error| SnapshotError::Malformed { reason: error.to_string() })
}
