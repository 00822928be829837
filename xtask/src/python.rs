//! Python environments under `.tools`, each made once and again when its packages change.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The Python of the environment `name` with these packages.
///
/// # Errors
/// When Python or a package cannot be installed.
pub(crate) fn environment(root: &Path, name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = root.join(".tools").join(name);
    let python = folder.join("bin/python");
    let stamp = folder.join("installed-from");
    let wanted = packages.join("\n");
    if python.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("{name}: installing {} into {}", packages.join(", "), folder.display());
    execute(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let quietly = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    execute(Command::new(&python).args(quietly).args(packages))?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

/// Runs a command to its successful end.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn execute(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} {status}; its message stands above", command.get_program().display());
    }
    Ok(())
}
