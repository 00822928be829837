//! Remakes the golden files with the original tools, in a Python environment under `.tools`.

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::python::{environment, execute};
use crate::repository;

/// What to remake.
#[derive(Debug, Args)]
pub struct Options {
    /// The rooms whose golden files to remake; all that have some when none is named.
    rooms: Vec<String>,
}

/// One script that makes golden files beside itself, so that `git diff` shows what changed.
struct Script {
    room: &'static str,
    path: &'static str,
    packages: &'static [&'static str],
}

const FORECAST: &[&str] = &["arch==8.*", "statsmodels==0.14.*", "scipy==1.*", "numpy==2.*"];

const SCRIPTS: &[Script] = &[
    Script {
        room: "features",
        path: "crates/features/tests/goldens/make.py",
        packages: &["TA-Lib==0.8.2", "numpy==2.*"],
    },
    Script { room: "forecast", path: "crates/forecast/tests/goldens/make.py", packages: FORECAST },
    Script { room: "forecast", path: "crates/forecast/tests/goldens/deflated.py", packages: FORECAST },
    Script { room: "forecast", path: "crates/forecast/tests/goldens/blocks.py", packages: FORECAST },
    Script {
        room: "forest",
        path: "crates/forest/tests/goldens/make.py",
        packages: &["lightgbm==4.7.0", "xgboost-cpu==3.2.0", "numpy==2.*"],
    },
];

/// Runs the scripts of the rooms that were named, or all.
///
/// # Errors
/// When a room has no script, or a script fails.
pub fn make(options: &Options) -> Result<()> {
    if let Some(room) = options.rooms.iter().find(|room| SCRIPTS.iter().all(|script| script.room != **room)) {
        let mut known: Vec<&str> = SCRIPTS.iter().map(|script| script.room).collect();
        known.dedup();
        bail!("room `{room}` has no golden files; the rooms that have: {}", known.join(", "));
    }
    let root = repository::root();
    for script in SCRIPTS {
        if options.rooms.is_empty() || options.rooms.iter().any(|room| room == script.room) {
            let python = environment(&root, &format!("goldens-{}", script.room), script.packages)?;
            eprintln!("goldens: {}: running {}", script.room, script.path);
            execute(Command::new(&python).arg(root.join(script.path)).current_dir(&root))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_script_is_where_it_is_said_to_be() {
        for script in SCRIPTS {
            assert!(repository::root().join(script.path).is_file(), "{}", script.path);
        }
    }

    #[test]
    fn a_room_without_goldens_is_named_with_those_that_have() {
        let error = make(&Options { rooms: vec!["kline".to_owned()] }).expect_err("no goldens");
        assert!(
            error
                .to_string()
                .contains("`kline` has no golden files; the rooms that have: features, forecast, forest")
        );
    }
}
