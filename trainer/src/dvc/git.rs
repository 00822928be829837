//! The few things that are asked of git.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{Result, TrainerError};

/// Who commits where nobody is configured.
const SOMEBODY: [&str; 4] =
    ["-c", "user.name=klinecast-trainer", "-c", "user.email=klinecast-trainer@localhost"];

/// A repository with its files.
#[derive(Debug)]
pub(super) struct Repository {
    folder: PathBuf,
}

impl Repository {
    pub(super) fn open_or_make(folder: &Path) -> Result<Self> {
        let fail = |source| TrainerError::Io { path: folder.to_owned(), act: "written", source };
        std::fs::create_dir_all(folder).map_err(fail)?;
        let repository = Self { folder: folder.to_owned() };
        if !folder.join(".git").exists() {
            repository.git(&["init", "--quiet"])?;
        }
        Ok(repository)
    }

    /// Commits the paths as they are and tags the commit; answers it, and whether it is new. What has its tag already is left.
    pub(super) fn commit(&self, paths: &[&str], message: &str, tag: &str) -> Result<(String, bool)> {
        let reference = format!("refs/tags/{tag}^{{commit}}");
        if let Ok(commit) = self.git(&["rev-parse", "--verify", "--quiet", &reference]) {
            return Ok((commit, false));
        }
        self.git(&[&["add", "--"], paths].concat())?;
        let changed = self.git(&[&["diff", "--cached", "--name-only", "--"], paths].concat())?;
        if !changed.is_empty() {
            let known = self.git(&["config", "user.email"]).is_ok();
            let who: &[&str] = if known { &[] } else { &SOMEBODY };
            let words = [who, &["commit", "--quiet", "--message", message, "--"], paths].concat();
            self.git(&words)?;
        }
        self.git(&["tag", tag])?;
        Ok((self.git(&["rev-parse", "HEAD"])?, true))
    }

    fn git(&self, words: &[&str]) -> Result<String> {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.folder).args(words).stdin(Stdio::null());
        // Those of a hook or of another repository would be taken for this one.
        for variable in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
            command.env_remove(variable);
        }
        let failed = |problem: String| TrainerError::Git { folder: self.folder.clone(), problem };
        let output = command.output().map_err(|error| failed(format!("git can't be started: {error}")))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        Err(failed(format!("git {}: {told}", words.first().copied().unwrap_or_default())))
    }
}
