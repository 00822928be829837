//! Skeleton.
pub(crate) fn definitions() -> Vec<crate::FeatureDefinition> {
    Vec::new()
}
