//! Scorers that are called from Python, by `benches/peers/forest.py`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use forest::Booster;
use serde::Deserialize;

use crate::forest::subject::Subject;
use crate::report::{Goal, Measure};

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

/// Each peer beside ours, which were measured already, and on how many rows it and ours differ from the original.
pub(super) fn beside(python: &Path, subject: &Subject, measured: &[Measure]) -> Result<Vec<Measure>> {
    let script = Script::new(python, subject)?;
    let mut measures = Vec::new();
    for line in script.measure()?.lines().filter(|line| line.starts_with('{')) {
        let line: Line = serde_json::from_str(line).with_context(|| format!("{line} is no measure"))?;
        if let (None | Some(1), Some(real), Some(edge)) = (line.batch, line.real, line.edge) {
            let (name, peer) = (&subject.name, &line.peer);
            println!("{name}: {peer} has another raw score on {real} real and {edge} edge rows of 1,000");
            if line.batch.is_none() {
                let wrong =
                    Measure::plain(format!("{name}, rows off, edges too"), "count", f64::from(real + edge));
                measures.push(wrong.with_goal(Goal::AtMost(0.0)));
                continue;
            }
        }
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
    }
    Ok(measures)
}

/// The script with one model and its rows, which stand in files.
struct Script<'a> {
    python: &'a Path,
    subject: &'a Subject,
    folder: PathBuf,
}

impl<'a> Script<'a> {
    fn new(python: &'a Path, subject: &'a Subject) -> Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench-forest");
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("model"), &subject.file)?;
        write(&folder.join("rows"), &subject.rows)?;
        Ok(Self { python, subject, folder })
    }

    /// What the script prints of the peers, and of ours.
    fn measure(&self) -> Result<String> {
        let (edges, ours) = (self.folder.join("edges"), self.folder.join("ours"));
        self.call("--edges", &edges)?;
        let mut scores = self.scores(&self.subject.rows)?;
        scores.extend(self.scores(&read(&edges)?)?);
        write(&ours, &scores)?;
        self.call("--ours", &ours)
    }

    /// Our raw scores.
    fn scores(&self, rows: &[f64]) -> Result<Vec<f64>> {
        let booster = Booster::new(&self.subject.model);
        let count = rows.len() / booster.feature_count();
        let mut scores = vec![f64::NAN; count * booster.output_count()];
        booster.margin_batch(rows, &mut scores)?;
        Ok(scores)
    }

    fn call(&self, option: &str, file: &Path) -> Result<String> {
        let output = Command::new(self.python)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/forest.py"))
            .args([self.folder.join("model"), self.folder.join("rows")])
            .arg(self.subject.model.feature_count().to_string())
            .arg(option)
            .arg(file)
            .stderr(Stdio::null())
            .output()
            .with_context(|| format!("{} cannot be started", self.python.display()))?;
        let (name, status) = (&self.subject.name, output.status);
        ensure!(status.success(), "the Python peers of {name} failed ({option}): {status}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// Little-endian f64.
fn write(file: &Path, values: &[f64]) -> Result<()> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))
}

fn read(file: &Path) -> Result<Vec<f64>> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect())
}
