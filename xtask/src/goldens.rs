//! Remakes the golden files with the original tools, in a Python environment under `.tools`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::repository;

/// What to remake.
#[derive(Debug, Args)]
pub struct Options {
    /// The rooms whose golden files to remake; all that have some when none is named.
    rooms: Vec<String>,
}

/// Runs each room's `make.py` with the packages of the `requirements.txt` beside it. The scripts write beside
/// themselves, so that `git diff` shows what changed.
///
/// # Errors
/// When a room has no script, or a script fails.
pub fn make(options: &Options) -> Result<()> {
    let root = repository::root();
    let known = scripts(&root)?;
    for room in &options.rooms {
        if !known.iter().any(|(name, _)| name == room) {
            let names: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            bail!("room `{room}` has no golden files; the rooms that have: {}", names.join(", "));
        }
    }
    for (room, script) in
        known.iter().filter(|(room, _)| options.rooms.is_empty() || options.rooms.contains(room))
    {
        let python = environment(&root, room, script)?;
        eprintln!("goldens: {room}: running {}", script.strip_prefix(&root).unwrap_or(script).display());
        execute(Command::new(&python).arg(script).current_dir(script.parent().unwrap_or(&root)))?;
    }
    Ok(())
}

/// Every room's script: `crates/<room>/tests/**/make*.py`.
fn scripts(root: &Path) -> Result<Vec<(String, PathBuf)>> {
    let found = repository::files(&root.join("crates"), "py")?;
    let room = |path: &Path| -> Option<String> {
        let relative = path.strip_prefix(root.join("crates")).ok()?;
        relative.iter().next().map(|name| name.to_string_lossy().into_owned())
    };
    let makes = |path: &Path| path.file_stem().is_some_and(|stem| stem.to_string_lossy().starts_with("make"));
    Ok(found.into_iter().filter(|path| makes(path)).filter_map(|path| Some((room(&path)?, path))).collect())
}

/// The Python environment of one script, made when its requirements changed.
fn environment(root: &Path, room: &str, script: &Path) -> Result<PathBuf> {
    let requirements = script.with_file_name("requirements.txt");
    let wanted = std::fs::read_to_string(&requirements)
        .with_context(|| format!("{} has no requirements.txt beside it", script.display()))?;
    let folder = root.join(".tools").join(format!("goldens-{room}"));
    let python = folder.join("bin/python");
    let stamp = folder.join("installed-from");
    if python.is_file() && std::fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("goldens: {room}: making a Python environment in {}", folder.display());
    execute(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    execute(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"])
            .arg(&requirements),
    )?;
    std::fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(python)
}

fn execute(command: &mut Command) -> Result<()> {
    let status =
        command.status().with_context(|| format!("cannot start {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} {status}; its message stands above", command.get_program().display());
    }
    Ok(())
}
