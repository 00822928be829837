//! Scorers that are called from Python, by `benches/peers/forest.py`.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::forest::subject::Subject;
use crate::report::Measure;

/// One line of the script.
#[derive(Debug, Deserialize)]
struct Line {
    peer: String,
    batch: Option<usize>,
    us: Option<f64>,
    /// Rows of a thousand with another raw score than the original's.
    real: Option<u32>,
    /// The same of rows that stand on thresholds.
    edge: Option<u32>,
    note: Option<String>,
}

/// Each peer beside ours, which were measured already, and on how many rows it differs from the original.
pub(super) fn beside(python: &Path, subject: &Subject, measured: &[Measure]) -> Result<Vec<Measure>> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = manifest.join("../target/bench-forest");
    std::fs::create_dir_all(&folder)?;
    let (model, rows) = (folder.join("model"), folder.join("rows"));
    std::fs::write(&model, &subject.file)?;
    std::fs::write(&rows, subject.rows.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
    let output = Command::new(python)
        .arg(manifest.join("peers/forest.py"))
        .args([&model, &rows])
        .arg(subject.model.feature_count().to_string())
        .stderr(Stdio::null())
        .output()
        .with_context(|| format!("{} cannot be started", python.display()))?;
    ensure!(output.status.success(), "the Python peers of {} failed: {}", subject.name, output.status);
    let mut measures = Vec::new();
    for line in String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with('{')) {
        let line: Line = serde_json::from_str(line).with_context(|| format!("{line} is no measure"))?;
        let (Some(batch), Some(us)) = (line.batch, line.us) else {
            println!("{}: {} was not measured: {}", subject.name, line.peer, line.note.unwrap_or_default());
            continue;
        };
        // Names of peers live as long as the program does; there are six.
        let peer: &'static str = Box::leak(line.peer.into_boxed_str());
        let name = format!("{}, {batch} rows", subject.name);
        let ours =
            measured.iter().find(|measure| measure.name == name).map_or(f64::NAN, |measure| measure.ours);
        measures.push(Measure::plain(name, "us", ours).beside(peer, us));
        if let (1, Some(real), Some(edge)) = (batch, line.real, line.edge) {
            println!(
                "{}: {peer} has another raw score on {real} real and {edge} edge rows of 1,000",
                subject.name
            );
        }
    }
    Ok(measures)
}
