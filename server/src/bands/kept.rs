//! The file of a bundle's renewed bands: whose they are, the bands, and a checksum of them.

use forecast::{BundleDigest, RenewedBands};
use kline::Interval;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a file must say to be read.
const SCHEMA_VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema_version: u32,
    bundle: BundleDigest,
    interval: Interval,
    /// SHA-256 of `bands` as they are written, in hexadecimal.
    sha256: String,
    bands: RenewedBands,
}

/// Why a file's bands are not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    /// It is not JSON of this shape, or can't be written as such.
    #[error("it is not the file of a bundle's bands: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is of something else.
    #[error("it is of schema {schema_version}, bundle {bundle} and interval {interval}")]
    Foreign {
        /// Its schema.
        schema_version: u32,
        /// Its bundle.
        bundle: BundleDigest,
        /// Its step.
        interval: Interval,
    },
    /// What it says is not what was written.
    #[error("its checksum is not that of its bands")]
    Checksum,
    /// A band has no ends that can be.
    #[error("a band has an end that is not finite, or out of order")]
    Unsound,
}

/// The file of a bundle's bands.
///
/// # Errors
/// [`KeptError::Malformed`] if a number can't be written.
pub(crate) fn write(
    bundle: BundleDigest,
    interval: Interval,
    bands: &RenewedBands,
) -> Result<Vec<u8>, KeptError> {
    let kept = Kept {
        schema_version: SCHEMA_VERSION,
        bundle,
        interval,
        sha256: checksum(bands)?,
        bands: bands.clone(),
    };
    Ok(serde_json::to_vec(&kept)?)
}

/// The bands that a file says, if it is whole and of this bundle.
///
/// # Errors
/// Whatever is wrong with it.
pub(crate) fn read(
    bytes: &[u8],
    bundle: BundleDigest,
    interval: Interval,
) -> Result<RenewedBands, KeptError> {
    let kept: Kept = serde_json::from_slice(bytes)?;
    if (kept.schema_version, kept.bundle, kept.interval) != (SCHEMA_VERSION, bundle, interval) {
        let Kept { schema_version, bundle, interval, .. } = kept;
        return Err(KeptError::Foreign { schema_version, bundle, interval });
    }
    if kept.sha256 != checksum(&kept.bands)? {
        return Err(KeptError::Checksum);
    }
    if !kept.bands.is_sound() {
        return Err(KeptError::Unsound);
    }
    Ok(kept.bands)
}

/// Maps are sorted and floats written without loss, so that the same bands are the same bytes.
fn checksum(bands: &RenewedBands) -> Result<String, KeptError> {
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(bands)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: BundleDigest = BundleDigest([7; 32]);

    fn bands(low: &str) -> RenewedBands {
        let text = format!(
            r#"{{"19000": {{"BTCUSDT": {{"return_4step": [[{low}, 0.1], [-2.5, 0.30000000000000004]]}}}}}}"#
        );
        serde_json::from_str(&text).expect("well-formed")
    }

    #[test]
    fn bands_come_back_to_the_bit() {
        let bands = bands("-0.1");
        let file = write(BUNDLE, Interval::M15, &bands).expect("written");
        let back = read(&file, BUNDLE, Interval::M15).expect("whole");
        assert_eq!(back, bands);
        assert_eq!(write(BUNDLE, Interval::M15, &back).expect("written"), file);
    }

    #[test]
    fn a_file_that_is_damaged_or_of_something_else_is_not_used() {
        let file = write(BUNDLE, Interval::M15, &bands("-0.1")).expect("written");
        let problem =
            |bytes: &[u8], bundle, interval| read(bytes, bundle, interval).expect_err("refused").to_string();
        let other = BundleDigest([8; 32]);
        assert!(problem(&file, other, Interval::M15).contains("0707"));
        assert!(problem(&file, BUNDLE, Interval::M5).contains("15m"));
        assert!(problem(&file[..file.len() - 1], BUNDLE, Interval::M15).contains("not the file"));
        let text = String::from_utf8(file).expect("text");
        let changed = text.replace("-2.5", "-2.6");
        assert_ne!(changed, text);
        assert!(problem(changed.as_bytes(), BUNDLE, Interval::M15).contains("checksum"));
        let twisted = write(BUNDLE, Interval::M15, &bands("0.2")).expect("written");
        assert!(problem(&twisted, BUNDLE, Interval::M15).contains("out of order"));
    }
}
