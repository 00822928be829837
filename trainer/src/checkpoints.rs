//! Boosters as they are fitted, each under a digest of all that it depends on: what goes on after a kill, and what was fitted
//! elsewhere, takes them up.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::artefact::write_durably;
use crate::fit::{Fit, Parameters};
use crate::machine;
use crate::trained::Member;
use crate::{Result, TrainerError};

const ENDING: &str = "booster";

/// What is older and not of the training that has just ended is swept away.
const KEPT: Duration = Duration::from_hours(7 * 24);

/// The name of a booster: a SHA-256 of what it depends on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BoosterKey(String);

impl BoosterKey {
    /// Of all that a booster depends on.
    ///
    /// # Errors
    /// When it can't be written as JSON.
    pub fn of(what: &impl Serialize) -> Result<Self> {
        let failed = |source| TrainerError::Io { path: "a booster's key".into(), act: "written", source };
        machine::digest(what).map(Self).map_err(failed)
    }
}

/// A folder of boosters. Several processes may fill it at the same time.
#[derive(Debug)]
pub struct Checkpoints {
    folder: PathBuf,
    /// Not taken up, only written.
    fresh: bool,
    taken: AtomicU64,
    fitted: AtomicU64,
}

/// The first line of a file; the booster's own bytes follow.
#[derive(Serialize, Deserialize)]
struct Head {
    sha256: String,
    rounds: usize,
    rounds_trained: usize,
    /// In bits: a loss may be no number.
    tune_loss: u64,
    parameters: Parameters,
    seconds: f64,
}

impl Checkpoints {
    /// Of a folder, which is made when there is something to keep. A fresh one takes nothing up.
    #[must_use]
    pub fn new(folder: PathBuf, fresh: bool) -> Self {
        Self { folder, fresh, taken: AtomicU64::new(0), fitted: AtomicU64::new(0) }
    }

    /// How many were taken up, and how many were fitted and kept.
    #[must_use]
    pub fn counts(&self) -> [u64; 2] {
        [&self.taken, &self.fitted].map(|count| count.load(Ordering::Relaxed))
    }

    /// The booster of that name; a damaged file is none.
    ///
    /// # Errors
    /// When a file is there and can't be read.
    pub fn get(&self, key: &BoosterKey) -> Result<Option<Member>> {
        if self.fresh {
            return Ok(None);
        }
        let path = self.path(key);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(TrainerError::Io { path, act: "read", source }),
        };
        let member = member(&bytes);
        self.taken.fetch_add(u64::from(member.is_some()), Ordering::Relaxed);
        Ok(member)
    }

    /// Keeps a booster: whole or not at all.
    ///
    /// # Errors
    /// When the disk is full or the folder can't be written.
    pub fn put(&self, key: &BoosterKey, member: &Member) -> Result<()> {
        let path = self.path(key);
        let Fit { file, rounds, rounds_trained, tune_loss } = &member.fit;
        let head = Head {
            sha256: hex::encode(Sha256::digest(file)),
            rounds: *rounds,
            rounds_trained: *rounds_trained,
            tune_loss: tune_loss.to_bits(),
            parameters: member.parameters.clone(),
            seconds: member.seconds,
        };
        let mut bytes = serde_json::to_vec(&head).map_err(|error| TrainerError::Io {
            path: path.clone(),
            act: "written",
            source: io::Error::other(error),
        })?;
        bytes.push(b'\n');
        bytes.extend_from_slice(file);
        write_durably(&path, &bytes)?;
        self.fitted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Removes boosters that were kept before `now` by more than a week.
    ///
    /// # Errors
    /// When the folder can't be listed or a file not be removed.
    pub fn sweep(&self, now: SystemTime) -> Result<usize> {
        let failed = |path: &Path, source| TrainerError::Io { path: path.to_owned(), act: "removed", source };
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(source) => return Err(failed(&self.folder, source)),
        };
        let mut removed = 0;
        for entry in entries {
            let entry = entry.map_err(|source| failed(&self.folder, source))?;
            let written = entry.metadata().and_then(|metadata| metadata.modified());
            let age = written.ok().and_then(|written| now.duration_since(written).ok());
            if age.is_some_and(|age| age > KEPT) {
                fs::remove_file(entry.path()).map_err(|source| failed(&entry.path(), source))?;
                removed += 1;
            }
        }
        Ok(removed)
    }

    fn path(&self, key: &BoosterKey) -> PathBuf {
        self.folder.join(format!("{}.{ENDING}", key.0))
    }
}

fn member(bytes: &[u8]) -> Option<Member> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let head: Head = serde_json::from_slice(&bytes[..end]).ok()?;
    let file = bytes[end + 1..].to_vec();
    if hex::encode(Sha256::digest(&file)) != head.sha256 {
        return None;
    }
    let Head { rounds, rounds_trained, parameters, seconds, .. } = head;
    let fit = Fit { file, rounds, rounds_trained, tune_loss: f64::from_bits(head.tune_loss) };
    Some(Member { fit, parameters, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn booster(file: &[u8]) -> Member {
        let fit = Fit { file: file.to_vec(), rounds: 3, rounds_trained: 5, tune_loss: f64::NAN };
        Member { fit, parameters: Parameters::default().with("eta", 0.1), seconds: 1.5 }
    }

    #[test]
    fn what_was_kept_comes_back_and_what_is_damaged_or_other_does_not() {
        let folder = tempfile::tempdir().expect("a folder");
        let boosters = Checkpoints::new(folder.path().join("boosters"), false);
        let key = BoosterKey::of(&("return_1step", 7)).expect("a key");
        assert!(boosters.get(&key).expect("readable").is_none());
        boosters.put(&key, &booster(b"tree\nleaf")).expect("kept");
        let back = boosters.get(&key).expect("readable").expect("kept");
        assert_eq!((back.fit.file.as_slice(), back.fit.rounds, back.seconds), (&b"tree\nleaf"[..], 3, 1.5));
        assert!(back.fit.tune_loss.is_nan());
        assert_eq!(boosters.counts(), [1, 1]);
        let other = BoosterKey::of(&("return_1step", 8)).expect("a key");
        assert!(boosters.get(&other).expect("readable").is_none());
        assert!(Checkpoints::new(boosters.folder.clone(), true).get(&key).expect("readable").is_none());

        let path = boosters.path(&key);
        let whole = std::fs::read(&path).expect("a file");
        for damaged in [&whole[..whole.len() - 1], &whole[..10], b""] {
            std::fs::write(&path, damaged).expect("written");
            assert!(boosters.get(&key).expect("readable").is_none());
        }
    }

    #[test]
    fn the_old_are_swept_away() {
        let folder = tempfile::tempdir().expect("a folder");
        let boosters = Checkpoints::new(folder.path().to_owned(), false);
        boosters.put(&BoosterKey::of(&1).expect("a key"), &booster(b"tree")).expect("kept");
        let now = SystemTime::now();
        assert_eq!(boosters.sweep(now + KEPT - Duration::from_secs(60)).expect("swept"), 0);
        assert_eq!(boosters.sweep(now + KEPT + Duration::from_secs(60)).expect("swept"), 1);
    }
}
