//! One trainer at a time works on a home's training artefacts.
//!
//! The lock is the kernel's (flock): it goes with the process that holds it, however that ends, so that what is left of a
//! killed trainer holds nobody up. What stands in the file is for people.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::clock::now;
use crate::machine::host;
use crate::time::readable;
use crate::{Result, TrainerError};

const FILE: &str = "trainer.lock";

/// Who works on the artefacts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its process.
    pub pid: u32,
    /// On which machine.
    pub host: String,
    /// Since when, Unix milliseconds.
    pub since: i64,
    /// The subcommand. Not the whole command line: an address in it may have a password.
    pub command: String,
}

/// Whether others may work beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nobody else.
    Alone,
    /// Those who fit single boosters: they write nothing but whole new files.
    Beside,
}

/// Held for as long as it lives.
#[derive(Debug)]
pub struct TrainingLock {
    _file: File,
}

impl TrainingLock {
    /// Takes the lock of a folder of artefacts, making the folder; does not wait.
    ///
    /// # Errors
    /// [`TrainerError::Locked`] with its holder, or when the file can't be opened.
    pub fn take(folder: &Path, access: Access, command: &str) -> Result<Self> {
        Self::take_file(&folder.join(FILE), access, command)
    }

    /// Takes the lock of a schedule's status file; does not wait.
    ///
    /// # Errors
    /// [`TrainerError::ScheduleKept`] with who keeps it, or when the file can't be opened.
    pub fn keep_schedule(status: &Path) -> Result<Self> {
        match Self::take_file(&status.with_added_extension("lock"), Access::Alone, "schedule") {
            Err(TrainerError::Locked { holder, .. }) => {
                Err(TrainerError::ScheduleKept { path: status.to_owned(), holder })
            }
            taken => taken,
        }
    }

    fn take_file(path: &Path, access: Access, command: &str) -> Result<Self> {
        let path = path.to_owned();
        let fail = |source| TrainerError::Io { path: path.clone(), act: "written", source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(fail)?;
        }
        let opened = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = opened.map_err(fail)?;
        let taken = match access {
            Access::Alone => file.try_lock(),
            Access::Beside => file.try_lock_shared(),
        };
        match taken {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(TrainerError::Locked { path, holder: told(&mut file) });
            }
            Err(TryLockError::Error(source)) => return Err(fail(source)),
        }
        let holder =
            Holder { pid: std::process::id(), host: host(), since: now(), command: command.to_owned() };
        // The lock holds without it, on a full disk too.
        let _ = write(&mut file, &holder);
        Ok(Self { _file: file })
    }
}

fn write(file: &mut File, holder: &Holder) -> std::io::Result<()> {
    let text = serde_json::to_vec(holder).map_err(std::io::Error::other)?;
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(&text)
}

/// The holder as people read it.
fn told(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.read_to_string(&mut text).ok();
    match read.and_then(|_| serde_json::from_str::<Holder>(&text).ok()) {
        Some(Holder { pid, host, since, command }) => {
            let since = readable(since);
            format!("process {pid} on {host} since {since} (klinecast-trainer {command})")
        }
        None => "another trainer".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_alone_or_several_beside() {
        let folder = tempfile::tempdir().expect("a folder");
        let take = |access| TrainingLock::take(folder.path(), access, "run");
        let first = take(Access::Alone).expect("free");
        for access in [Access::Alone, Access::Beside] {
            let told = take(access).expect_err("held").to_string();
            let process = format!("process {} on ", std::process::id());
            assert!(told.contains(&process) && told.contains("klinecast-trainer run"), "{told}");
        }
        drop(first);
        let beside = [take(Access::Beside).expect("free"), take(Access::Beside).expect("beside")];
        assert!(take(Access::Alone).is_err());
        drop(beside);
        take(Access::Alone).expect("free again");
    }
}
