//! The file of what was renewed for a bundle: for which, what, and a checksum of it.

use forecast::{BundleDigest, Renewed};
use kline::Interval;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a file must say to be read.
const SCHEMA_VERSION: u32 = 3;

/// What a file is of: read first, as another schema may say the rest in another way.
#[derive(Debug, Deserialize)]
struct Head {
    schema_version: u32,
    bundle: BundleDigest,
    interval: Interval,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    schema_version: u32,
    bundle: BundleDigest,
    interval: Interval,
    /// SHA-256 of `renewed` as it is written, in hexadecimal.
    sha256: String,
    renewed: Renewed,
}

/// Why a file is not used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeptError {
    /// It is not JSON of this shape, or can't be written as such.
    #[error("it is not the file of what was renewed for a bundle: {0}")]
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
    #[error("its checksum is not that of what it says")]
    Checksum,
    /// A band or a factor can't be.
    #[error("a band has an end that is not finite or out of order, or a confidence is out of range")]
    Unsound,
}

/// The file of what was renewed for a bundle.
///
/// # Errors
/// [`KeptError::Malformed`] if a number can't be written.
pub(crate) fn write(
    bundle: BundleDigest,
    interval: Interval,
    renewed: &Renewed,
) -> Result<Vec<u8>, KeptError> {
    let kept = Kept {
        schema_version: SCHEMA_VERSION,
        bundle,
        interval,
        sha256: checksum(renewed)?,
        renewed: renewed.clone(),
    };
    Ok(serde_json::to_vec(&kept)?)
}

/// What a file says, if it is whole and of this bundle.
///
/// # Errors
/// Whatever is wrong with it.
pub(crate) fn read(bytes: &[u8], bundle: BundleDigest, interval: Interval) -> Result<Renewed, KeptError> {
    let head: Head = serde_json::from_slice(bytes)?;
    if (head.schema_version, head.bundle, head.interval) != (SCHEMA_VERSION, bundle, interval) {
        let Head { schema_version, bundle, interval } = head;
        return Err(KeptError::Foreign { schema_version, bundle, interval });
    }
    let kept: Kept = serde_json::from_slice(bytes)?;
    if kept.sha256 != checksum(&kept.renewed)? {
        return Err(KeptError::Checksum);
    }
    if !kept.renewed.is_sound() {
        return Err(KeptError::Unsound);
    }
    Ok(kept.renewed)
}

/// Maps are sorted and floats written without loss, so that the same is the same bytes.
fn checksum(renewed: &Renewed) -> Result<String, KeptError> {
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(renewed)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: BundleDigest = BundleDigest([7; 32]);

    fn bands(low: &str) -> Renewed {
        let text = format!(
            r#"{{"19000": {{"BTCUSDT": {{"confidence": {{"direction_4step": {{"factor": 0.30000000000000004, "shift": -0.1}}}}, "return_4step": [[{low}, 0.1], [-2.5, 0.30000000000000004]]}}}}}}"#
        );
        serde_json::from_str(&text).expect("well-formed")
    }

    #[test]
    fn what_was_renewed_comes_back_to_the_bit() {
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
        // An earlier build said a confidence as one number.
        let belief = r#"{"factor":0.30000000000000004,"shift":-0.1}"#;
        let earlier = text.replace(belief, "0.3").replace(r#""schema_version":3"#, r#""schema_version":2"#);
        assert!(!earlier.contains("factor"), "{earlier}");
        assert!(problem(earlier.as_bytes(), BUNDLE, Interval::M15).contains("schema 2"));
        let changed = text.replace("-2.5", "-2.6");
        assert_ne!(changed, text);
        assert!(problem(changed.as_bytes(), BUNDLE, Interval::M15).contains("checksum"));
        let twisted = write(BUNDLE, Interval::M15, &bands("0.2")).expect("written");
        assert!(problem(&twisted, BUNDLE, Interval::M15).contains("out of order"));
    }
}
