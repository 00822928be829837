//! A version's way through the stages: how it goes, and how it is told.

mod how;
mod way;

use kline::Milliseconds;

pub use self::how::{Cause, How};
pub use self::way::{StageStep, ways};
use crate::StoreError;
use crate::registry::{Alias, ModelVersion, Registry, Stage, promote};

/// Moves a version to staging, where it is the challenger, with a note of how it came to that; what was in staging before is archived.
/// Step by step; the same again completes what was broken off.
///
/// # Errors
/// [`StoreError::Champion`] for the champion, which would be in two stages; when there is no such version, or the registry can't be
/// written.
pub fn stage(
    registry: &dyn Registry,
    version: u32,
    how: &str,
    at: Milliseconds,
) -> Result<ModelVersion, StoreError> {
    if registry.version(version)?.aliases.contains(&Alias::Champion) {
        return Err(StoreError::Champion { version });
    }
    registry.note(version, how, at)?;
    promote(registry, version, Stage::Staging, at)
}
