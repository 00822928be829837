//! What stays: the newest, the young, and what something refers to.

use std::collections::BTreeSet;

use forecast::BundleDigest;
use kline::Milliseconds;
use store::{DatasetDigest, ModelVersion, Stage};

use crate::runs::RunState;

const DAY: Milliseconds = 86_400_000;

/// What is kept in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keeping {
    /// The newest so many.
    pub newest: usize,
    /// What is younger than so many days.
    pub days: u32,
}

impl Keeping {
    /// Whether what was made then is old.
    pub(super) fn is_old(self, made_at: Milliseconds, now: Milliseconds) -> bool {
        now - made_at > i64::from(self.days) * DAY
    }

    /// Before when something in MLflow is old: at least a day ago, for another home may be about to publish.
    pub(super) fn old_elsewhere(self, now: Milliseconds) -> Milliseconds {
        now - i64::from(self.days.max(1)) * DAY
    }
}

/// Of datasets, the newest first, those that nothing refers to.
pub(super) fn old_datasets(
    all: Vec<(DatasetDigest, Milliseconds)>,
    trained_on: &BTreeSet<DatasetDigest>,
    keeping: Keeping,
    now: Milliseconds,
) -> Vec<DatasetDigest> {
    let may_go = |(digest, written_at): &(DatasetDigest, Milliseconds)| {
        !trained_on.contains(digest) && keeping.is_old(*written_at, now)
    };
    all.into_iter().skip(keeping.newest).filter(may_go).map(|(digest, _)| digest).collect()
}

/// Of runs, the newest first, those that are old.
pub(super) fn old_runs<P>(
    runs: Vec<(P, RunState)>,
    keeping: Keeping,
    now: Milliseconds,
) -> Vec<(P, RunState)> {
    let is_old = |(_, state): &(P, RunState)| keeping.is_old(state.began, now);
    runs.into_iter().skip(keeping.newest).filter(is_old).collect()
}

/// Whether a version stays for its own sake, whatever refers to it: one of the newest, young, or in use.
fn stays((place, model): &(usize, &ModelVersion), keeping: Keeping, now: Milliseconds) -> bool {
    *place < keeping.newest
        || !model.aliases.is_empty()
        || matches!(model.stage, Stage::Staging | Stage::Production)
        || !keeping.is_old(model.registered_at, now)
}

/// The bundles of versions, the newest first, that stay for their own sake.
pub(super) fn kept_for_themselves(
    versions: &[ModelVersion],
    keeping: Keeping,
    now: Milliseconds,
) -> Vec<BundleDigest> {
    let staying = versions.iter().enumerate().filter(|model| stays(model, keeping, now));
    staying.map(|(_, model)| model.bundle).collect()
}

/// Of versions, the newest first, those that nothing refers to: nor the champion before, nor who is a parent.
pub(super) fn old_versions<'a>(
    versions: &'a [ModelVersion],
    before: Option<u32>,
    parents: &BTreeSet<BundleDigest>,
    keeping: Keeping,
    now: Milliseconds,
) -> Vec<&'a ModelVersion> {
    let free = versions.iter().enumerate().filter(|model| !stays(model, keeping, now));
    let free = free.map(|(_, model)| model);
    free.filter(|model| before != Some(model.version) && !parents.contains(&model.bundle)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use store::Alias;

    fn version(version: u32, stage: u8, alias: u8, registered_at: Milliseconds) -> ModelVersion {
        let stage = [Stage::None, Stage::Staging, Stage::Production, Stage::Archived][usize::from(stage)];
        let aliases = match alias {
            1 => vec![Alias::Champion],
            2 => vec![Alias::Challenger],
            _ => Vec::new(),
        };
        let (bundle, metrics) = (BundleDigest([version as u8; 32]), Default::default());
        ModelVersion { version, bundle, stage, aliases, registered_at, metrics }
    }

    proptest! {
        #[test]
        fn no_dataset_goes_that_a_bundle_was_trained_on(
            ages in prop::collection::vec((0i64..100 * DAY, any::<bool>()), 0..12),
            newest in 0usize..5,
            days in 0u32..100,
        ) {
            let now = 100 * DAY;
            let mut all: Vec<_> =
                ages.iter().enumerate().map(|(at, (age, _))| (DatasetDigest([at as u8; 32]), now - age)).collect();
            all.sort_by_key(|(_, written_at)| std::cmp::Reverse(*written_at));
            let used = ages.iter().enumerate().filter(|(_, (_, used))| *used);
            let used: BTreeSet<_> = used.map(|(at, _)| DatasetDigest([at as u8; 32])).collect();
            for gone in old_datasets(all.clone(), &used, Keeping { newest, days }, now) {
                let place = all.iter().position(|(digest, _)| *digest == gone).expect("one of them");
                prop_assert!(!used.contains(&gone) && place >= newest && now - all[place].1 > i64::from(days) * DAY);
            }
            let free = old_datasets(all.clone(), &used, Keeping { newest: 0, days: 0 }, now + 1);
            prop_assert_eq!(free.len(), all.len() - used.len());
        }

        #[test]
        fn nothing_goes_that_something_refers_to(
            models in prop::collection::vec((0u8..4, 0u8..3, 0i64..100 * DAY), 0..12),
            newest in 0usize..5,
            days in 0u32..100,
            before in prop::option::of(1u32..12),
            parents in prop::collection::btree_set(1u8..12, 0..4),
        ) {
            let count = models.len() as u32;
            let newest_first = models.into_iter().enumerate();
            let versions: Vec<ModelVersion> = newest_first
                .map(|(at, (stage, alias, registered))| version(count - at as u32, stage, alias, registered))
                .collect();
            let now = 100 * DAY;
            let parents: BTreeSet<_> = parents.into_iter().map(|at| BundleDigest([at; 32])).collect();
            let keeping = Keeping { newest, days };
            let staying = kept_for_themselves(&versions, keeping, now);
            for gone in old_versions(&versions, before, &parents, keeping, now) {
                prop_assert!(!parents.contains(&gone.bundle) && !staying.contains(&gone.bundle));
                prop_assert!(gone.aliases.is_empty());
                prop_assert!(matches!(gone.stage, Stage::None | Stage::Archived));
                prop_assert!(now - gone.registered_at > i64::from(days) * DAY);
                prop_assert!(gone.version + newest as u32 <= count && before != Some(gone.version));
            }
            let all = old_versions(&versions, None, &BTreeSet::new(), Keeping { newest: 0, days: 0 }, now + 1);
            let free = |model: &&ModelVersion| model.aliases.is_empty() && matches!(model.stage, Stage::None | Stage::Archived);
            prop_assert_eq!(all.len(), versions.iter().filter(free).count());
        }
    }
}
