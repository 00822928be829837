//! What scoring and explaining cost: a bundle's boosters and a stress model, by one row, ten and a thousand; built with
//! `peers`, beside the original libraries and hessboost.

mod counts;
mod ours;
#[cfg(feature = "peers")]
mod peers;
#[cfg(feature = "peers")]
mod stress;
pub(crate) mod subject;

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use crate::report::report;

/// What to measure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// The folder of a bundle; the newest that `scripts/run` has trained if none is named.
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// The Python that has the peers that are called from it; without it they are left out and said so.
    #[cfg(feature = "peers")]
    #[arg(long, value_name = "PROGRAM")]
    python: Option<PathBuf>,
    /// Also writes JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only does the jobs whose instructions are counted, for the program that counts them.
    #[arg(long, hide = true)]
    counted: bool,
}

/// Batches that are measured.
const BATCHES: [usize; 3] = [1, 10, 1_000];

/// Measures and prints.
pub(crate) fn run(options: &Options) -> Result<()> {
    let folder = match &options.bundle {
        Some(folder) => folder.clone(),
        None => subject::newest_bundle()?,
    };
    let bundle = subject::of_bundle(&folder)?;
    let shown = || bundle.iter().filter(|subject| subject.is_shown());
    #[cfg(feature = "peers")]
    let stress = stress::subjects()?;
    #[cfg(feature = "peers")]
    let shown = || shown().chain(&stress);
    if options.counted {
        return counts::jobs(shown());
    }
    println!("bundle {}", folder.display());
    println!(
        "CPU time of one thread, medians of 7 rounds, us a row unless said; ours, peer, ours over peer, goal"
    );
    let mut measures = ours::of_bundle(&bundle)?;
    #[cfg(feature = "peers")]
    {
        let library = peers::Libraries::load()?;
        for subject in shown() {
            measures.extend(peers::beside(&library, subject)?);
            match &options.python {
                Some(python) => measures.extend(peers::in_python(python, subject, &measures)?),
                None => println!("{}: the peers in Python were left out: no --python", subject.name),
            }
        }
        measures.extend(peers::whole_bar(&library, &bundle)?);
    }
    #[cfg(not(feature = "peers"))]
    for subject in shown() {
        measures.extend(ours::alone(subject)?);
    }
    measures.extend(counts::measures(&folder, shown())?);
    report("forest", &measures, options.json.as_deref())
}
