//! The champion that this server took up last: what it begins with while the registry is on another machine that is away.

use std::path::Path;

use forecast::BundleDigest;

const FILE: &str = "champion.txt";

/// The number and the bundle that were kept in a home; `None` if nothing readable is there.
pub(crate) fn read(home: &Path) -> Option<(u32, BundleDigest)> {
    let text = std::fs::read_to_string(home.join(FILE)).ok()?;
    let (version, digest) = text.trim_end().split_once(' ')?;
    Some((version.parse().ok()?, digest.parse().ok()?))
}

/// Keeps a champion in a home, as a whole or not at all.
pub(crate) fn write(home: &Path, version: u32, digest: BundleDigest) {
    let (path, partial) = (home.join(FILE), home.join(format!("{FILE}.partial")));
    let written = std::fs::write(&partial, format!("{version} {digest}\n"))
        .and_then(|()| std::fs::rename(&partial, &path));
    if let Err(error) = written {
        tracing::warn!(%error, "the champion is not kept for a start without the registry");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_kept_last_is_read_and_what_is_damaged_is_nothing() {
        let home = tempfile::tempdir().expect("a folder");
        assert_eq!(read(home.path()), None);
        for version in 1..=2 {
            write(home.path(), version, BundleDigest([7; 32]));
        }
        assert_eq!(read(home.path()), Some((2, BundleDigest([7; 32]))));
        std::fs::write(home.path().join(FILE), "2 sha").expect("written");
        assert_eq!(read(home.path()), None);
    }
}
