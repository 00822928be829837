//! The stages' figures in Prometheus's text format: as a file, which the node exporter's textfile collector reads and `schedule`
//! answers, and pushed to a push gateway. The names are those of the earlier pipeline.

mod push;
mod serve;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use forecast::TaskKind;

use crate::artefact::write_bytes;
use crate::console::Console;
use crate::dataset::Dataset;
use crate::evaluate::Evaluation;
use crate::expectation::Checked;
use crate::quality::SymbolQuality;
use crate::trained::MemberReport;
use crate::{Result, TrainerError};

pub use push::{Gateway, GatewayParts};
pub use serve::serve;

/// Where the figures go. Each stage replaces its own and leaves the others' as they are.
#[derive(Debug, Clone, Default)]
pub struct MetricsFile {
    file: Option<PathBuf>,
    gateway: Option<(Gateway, Console)>,
}

/// All values of one metric.
struct Family {
    name: &'static str,
    help: &'static str,
    /// Labels and value.
    values: Vec<(Vec<(&'static str, String)>, f64)>,
}

impl MetricsFile {
    /// A file, or none.
    #[must_use]
    pub const fn new(file: Option<PathBuf>) -> Self {
        Self { file, gateway: None }
    }

    /// Pushes them besides; a gateway that does not take them is warned of, and no stage fails for it.
    #[must_use]
    pub fn pushed(self, gateway: Option<Gateway>, console: Console) -> Self {
        Self { gateway: gateway.map(|gateway| (gateway, console)), ..self }
    }

    /// # Errors
    /// [`TrainerError::Io`], as of the others.
    pub(crate) fn quality(&self, found: &[SymbolQuality]) -> Result<()> {
        self.replace(Family {
            name: "data_quality_score",
            help: "share of the symbol's bars that are there and without a fault, from 0 to 1",
            values: found.iter().map(|of| (vec![("symbol", of.symbol.to_string())], of.score)).collect(),
        })
    }

    pub(crate) fn features(&self, dataset: &Dataset) -> Result<()> {
        let count = dataset.width() as f64;
        self.replace(Family {
            name: "feature_count",
            help: "features of the symbol",
            values: dataset.symbols.iter().map(|of| (vec![("symbol", of.to_string())], count)).collect(),
        })
    }

    pub(crate) fn validation(&self, found: &Checked) -> Result<()> {
        self.replace(Family {
            name: "validation_failures",
            help: "failed expectations that forbid training, by the last validation",
            values: vec![(Vec::new(), found.errors as f64)],
        })
    }

    pub(crate) fn training(&self, found: &[MemberReport]) -> Result<()> {
        let labels =
            |of: &MemberReport| vec![("task", of.task.to_string()), ("library", of.library.to_owned())];
        self.replace(Family {
            name: "model_training_duration",
            help: "time that the booster's training took, in seconds",
            values: found.iter().map(|of| (labels(of), of.seconds)).collect(),
        })
    }

    pub(crate) fn evaluation(&self, found: &Evaluation) -> Result<()> {
        let regressions = found.tasks.iter().filter(|of| of.task.kind() == TaskKind::Regression);
        let values = regressions.flat_map(|of| {
            ["ensemble", "lightgbm", "xgboost"].into_iter().filter_map(|model| {
                let loss = of.figure(model, "loss")?.value;
                Some((vec![("task", of.task.to_string()), ("model", model.to_owned())], loss.sqrt()))
            })
        });
        self.replace(Family {
            name: "model_performance_rmse",
            help: "root of the mean squared error on the test window",
            values: values.collect(),
        })
    }

    /// Puts a metric in the place of what is said of it so far.
    fn replace(&self, family: Family) -> Result<()> {
        if let Some((gateway, console)) = &self.gateway
            && let Err(problem) = gateway.push(family.text())
        {
            console.warn(&problem.to_string());
        }
        let Some(path) = &self.file else { return Ok(()) };
        let before = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(TrainerError::Io { path: path.clone(), act: "read", source }),
        };
        let mut families = read(&before);
        families.insert(family.name.to_owned(), family.text());
        let text: String = families.into_values().collect();
        write_bytes(path, text.as_bytes())
    }
}

impl Family {
    fn text(&self) -> String {
        let Self { name, help, values } = self;
        let mut text = format!("# HELP {name} {help}\n# TYPE {name} gauge\n");
        for (labels, value) in values {
            let labels: Vec<String> =
                labels.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
            let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
            let _ = writeln!(text, "{name}{labels} {value}");
        }
        text
    }
}

/// The metrics of a file by their names, each with all its lines. What stands before the first is of no metric and left out.
fn read(text: &str) -> BTreeMap<String, String> {
    let mut families = BTreeMap::<String, String>::new();
    let mut current = None;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix("# HELP ").and_then(|rest| rest.split(' ').next()) {
            current = Some(name.to_owned());
        }
        if let Some(name) = &current {
            let lines = families.entry(name.clone()).or_default();
            lines.push_str(line);
            lines.push('\n');
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(name: &'static str, value: f64) -> Family {
        Family { name, help: "a thing", values: vec![(vec![("symbol", "BTCUSDT".to_owned())], value)] }
    }

    #[test]
    fn a_stage_replaces_its_own_figures_and_leaves_the_others() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/trainer.prom");
        let file = MetricsFile::new(Some(path.clone()));
        for (name, value) in [("b", 1.0), ("a", 0.5), ("b", 2.25)] {
            file.replace(family(name, value)).expect("written");
        }
        let expected = "# HELP a a thing\n# TYPE a gauge\na{symbol=\"BTCUSDT\"} 0.5\n\
                        # HELP b a thing\n# TYPE b gauge\nb{symbol=\"BTCUSDT\"} 2.25\n";
        assert_eq!(std::fs::read_to_string(path).expect("a file"), expected);
        assert!(MetricsFile::default().replace(family("a", 1.0)).is_ok());
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let told = MetricsFile::new(Some(folder.path().to_owned())).replace(family("a", 1.0));
        assert!(told.is_err_and(|error| error.to_string().contains(&*folder.path().to_string_lossy())));
    }
}
