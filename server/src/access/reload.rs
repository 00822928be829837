//! Looks now and then whether the files of keys and certificates have changed, and takes them up anew.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Access;
use crate::listen::Tls;
use crate::telemetry::metrics as names;

/// Looks until `stop`. A change that cannot be used is told and counted once, and what was there holds on.
pub async fn reload(access: Arc<Access>, tls: Option<Tls>, every: Duration, stop: CancellationToken) {
    let mut people = Watched::new(access.credentials().paths());
    let mut certificates = Watched::new(tls.as_ref().map(Tls::paths).unwrap_or_default());
    if people.paths.is_empty() && certificates.paths.is_empty() {
        return;
    }
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (access, tls) = (access.clone(), tls.clone());
        let looked = tokio::task::spawn_blocking(move || {
            if people.changed() {
                tell("keys", access.credentials().reload().map_err(|error| error.to_string()));
            }
            if let Some(tls) = tls
                && certificates.changed()
            {
                tell("certificate", tls.reload().map_err(|error| error.to_string()));
            }
            (people, certificates)
        });
        match looked.await {
            Ok(watched) => (people, certificates) = watched,
            Err(error) => {
                tracing::error!(%error, "the files of keys and certificates are not looked at any more");
                return;
            }
        }
    }
}

fn tell(what: &'static str, outcome: Result<(), String>) {
    match outcome {
        Ok(()) => {
            names::count_reload(what, "taken");
            tracing::info!(what, "the files have changed and were taken up");
        }
        Err(problem) => {
            names::count_reload(what, "refused");
            tracing::error!(
                what,
                problem,
                "the files have changed and cannot be used, what was there holds on"
            );
        }
    }
}

/// Files and what they held when they were last looked at.
#[derive(Debug)]
struct Watched {
    paths: Vec<PathBuf>,
    held: [u8; 32],
}

impl Watched {
    fn new(paths: Vec<PathBuf>) -> Self {
        let held = held(&paths);
        Self { paths, held }
    }

    fn changed(&mut self) -> bool {
        let now = held(&self.paths);
        std::mem::replace(&mut self.held, now) != now
    }
}

/// The digest of what the files hold: their times are not enough, a volume of Kubernetes swaps a link.
fn held(paths: &[PathBuf]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for path in paths {
        match std::fs::read(path) {
            Ok(bytes) => {
                hash.update([1]);
                hash.update(bytes.len().to_le_bytes());
                hash.update(bytes);
            }
            Err(_) => hash.update([0]),
        }
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once_and_a_file_that_went_too() {
        let folder = tempfile::tempdir().expect("a folder");
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        std::fs::write(&a, "1").expect("written");
        let mut watched = Watched::new(vec![a.clone(), b.clone()]);
        assert!(!watched.changed());
        std::fs::write(&b, "").expect("written");
        assert!(watched.changed() && !watched.changed());
        std::fs::remove_file(&a).expect("removed");
        assert!(watched.changed() && !watched.changed());
    }
}
