//! Offences by kind and name: the first sighting and how many followed.

use std::collections::BTreeMap;

use forecast::{Offence, OffenceKind};

/// Reports name so many offences; a broken machine has one for every column, and a file must stay readable.
const OFFENCES_MOST: usize = 500;

#[derive(Debug, Default)]
pub(super) struct Findings {
    seen: BTreeMap<(OffenceKind, String), (String, u64)>,
}

impl Findings {
    /// Notes a sighting; `detail` is asked for the first one only.
    pub(super) fn note(&mut self, kind: OffenceKind, name: String, detail: impl FnOnce() -> String) {
        self.seen.entry((kind, name)).and_modify(|(_, count)| *count += 1).or_insert_with(|| (detail(), 1));
    }

    pub(super) fn into_offences(self) -> Vec<Offence> {
        let offence = |((kind, name), (detail, count))| {
            let detail = if count > 1 { format!("{detail}, and {} times more", count - 1) } else { detail };
            Offence { kind, name, detail }
        };
        self.seen.into_iter().take(OFFENCES_MOST).map(offence).collect()
    }
}
