//! What is kept elsewhere than in the home's folder.

use crate::{DatabaseUrl, MlflowPlace, S3Place};

/// Where each part of what is kept lies; the home's folder has whatever is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// The PostgreSQL database of klines, journal and registry.
    pub database: Option<DatabaseUrl>,
    /// The bucket of the bundles.
    pub bundles: Option<S3Place>,
    /// The MLflow that is the registry, in place of the database's.
    pub registry: Option<MlflowPlace>,
}
