//! Makes a published bundle the champion.

use forecast::BundleDigest;
use kline::Milliseconds;
use serde::Serialize;
use store::{Home, Stage};

use crate::Result;

/// What was promoted.
#[derive(Debug, Clone, Serialize)]
pub struct Promoted {
    /// The version in the registry.
    pub version: u32,
    /// The bundle.
    pub bundle: BundleDigest,
    /// The champion before, if there was another.
    pub before: Option<u32>,
}

/// Points the alias champion to a version (the newest if none is named), moves it to production and archives the
/// one before.
///
/// # Errors
/// When there is no such version, or the registry can't be written.
pub fn promote(home: &Home, version: Option<u32>, now: Milliseconds) -> Result<Promoted> {
    let registry = home.registry();
    let newest =
        || Ok::<u32, store::StoreError>(registry.versions()?.first().map_or(0, |model| model.version));
    let version = match version {
        Some(version) => version,
        None => newest()?,
    };
    let before = registry.champion()?.map(|model| model.version).filter(|before| *before != version);
    let model = store::promote(registry, version, Stage::Production, now)?;
    Ok(Promoted { version: model.version, bundle: model.bundle, before })
}
