//! Instructions of a row, of a tree and of a node visit: ours and, built with `peers`, those of the C interfaces.

use std::path::Path;

use anyhow::{Context as _, Result};
use forest::Booster;

use super::ours;
#[cfg(feature = "peers")]
use super::peers;
use super::subject::Subject;
use crate::instructions::{Counted, Counts, count};
use crate::report::Measure;

/// Rows of one call, and rows that are counted. A thousand a call would take minutes, and cost what ten do.
pub(super) const BATCHES: [(usize, usize); 2] = [(1, 2), (10, 10)];

/// The peers whose counts stand beside ours.
const PEERS: [&str; 3] = ["SingleRowFast", "PredictForMat", "PredictFromDense"];

/// The name of a job.
pub(super) fn job(subject: &Subject, batch: usize, scorer: &str) -> String {
    format!("{}, {batch} rows, {scorer}", subject.name)
}

/// Does the jobs, in the program that is counted.
pub(super) fn jobs<'a>(subjects: impl Iterator<Item = &'a Subject>) -> Result<()> {
    #[cfg(feature = "peers")]
    let libraries = peers::Libraries::load()?;
    let counted = Counted::begin()?;
    for subject in subjects {
        let booster = Booster::new(&subject.model);
        for (batch, rows) in BATCHES {
            let subject = subject.with_rows(rows)?;
            counted.job(&job(&subject, batch, "ours"), &mut ours::score(&booster, &subject.rows, batch));
            #[cfg(feature = "peers")]
            peers::count(&libraries, &subject, batch, &counted)?;
        }
    }
    Ok(())
}

/// Has the jobs counted. Where that is not possible it is said, and the rest of the suite stands.
pub(super) fn measures<'a>(
    bundle: &Path,
    subjects: impl Iterator<Item = &'a Subject>,
) -> Result<Vec<Measure>> {
    let bundle = bundle.to_str().context("the bundle's path is no text")?;
    let counts = match count(["forest", "--counted", "--bundle", bundle]) {
        Ok(counts) => counts,
        Err(why) => {
            println!("instructions were not counted: {why}");
            return Ok(Vec::new());
        }
    };
    let mut measures = Vec::new();
    for subject in subjects {
        for (batch, rows) in BATCHES {
            measures.extend(of_a_row(&subject.with_rows(rows)?, batch, &counts));
        }
    }
    Ok(measures)
}

fn of_a_row(subject: &Subject, batch: usize, counts: &Counts) -> Vec<Measure> {
    let rows = (subject.rows.len() / subject.model.feature_count()) as f64;
    let of = |scorer: &str| counts.get(&job(subject, batch, scorer)).map(|count| *count as f64 / rows);
    let Some(ours) = of("ours") else { return Vec::new() };
    let name = format!("{}, {batch} rows", subject.name);
    let measure = |what: &str, count| Measure::plain(format!("{name}{what}"), "instructions", count);
    let peers = PEERS.iter().filter_map(|peer| Some((*peer, of(peer)?)));
    let mut measures: Vec<Measure> =
        peers.map(|(peer, count)| measure("", ours).beside(peer, count)).collect();
    if measures.is_empty() {
        measures.push(measure("", ours));
    }
    measures.push(measure(", a tree", ours / subject.model.tree_count() as f64));
    measures.push(measure(", a visit", ours / subject.visits));
    measures
}
