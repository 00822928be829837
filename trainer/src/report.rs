//! The stages' reports as tables.

mod importance;

use std::fmt;
use std::time::Instant;

use forecast::Task;
use serde::Serialize;

use crate::console::table;
use crate::dataset::Dataset;
use crate::evaluate::{Coverage, Evaluation, TaskEvaluation, readable_figure};
use crate::export::Export;
use crate::ingest::Ingested;
use crate::promote::{Opponent, Trial};
use crate::slice::Cut;
use crate::time::readable;
use crate::trained::TrainingReport;
use crate::validate::Validation;

pub(crate) use importance::importance;

/// Rows of a list that people are shown.
const LISTED_ROWS: usize = 20;

/// What was brought in.
#[must_use]
pub(crate) fn ingested(found: &[Ingested]) -> String {
    let time = |bar: Option<kline::BarTime>| bar.map_or_else(String::new, |bar| readable(bar.milliseconds()));
    let rows = found.iter().map(|one| {
        let counts = [one.fetched, one.written, one.corrected].map(|count| count.to_string());
        let [fetched, written, corrected] = counts;
        let missing = one.missing_bars.to_string();
        vec![one.symbol.to_string(), fetched, written, corrected, missing, time(one.from), time(one.until)]
    });
    let header = ["symbol", "fetched", "written", "corrected", "missing", "first bar", "last bar"];
    let mut text = table(&header, rows);
    let holes = found.iter().flat_map(|one| one.holes.iter().map(|hole| (one.symbol, *hole)));
    let holes: Vec<Vec<String>> = holes
        .map(|(symbol, hole)| {
            let (from, until) = (readable(hole.from), readable(hole.until));
            vec![symbol.to_string(), from, until, hole.bars.to_string()]
        })
        .collect();
    text.push_str(&listed("hole in", &["from", "until", "bars"], &holes));
    let corrections = found.iter().flat_map(|one| one.corrections.iter().map(|at| (one.symbol, *at)));
    let corrections: Vec<Vec<String>> =
        corrections.map(|(symbol, at)| vec![symbol.to_string(), readable(at.open_time)]).collect();
    text.push_str(&listed("corrected", &["opens"], &corrections));
    text
}

/// How a model was judged.
#[must_use]
pub(crate) fn trial(found: &Trial) -> String {
    let opponent = match &found.opponent {
        Opponent::Nobody => "nobody".to_owned(),
        Opponent::Champion(version) => format!("version {version}, the champion"),
        Opponent::Silent { version, problem } => {
            format!("version {version}, which can't be asked: {problem}")
        }
    };
    let rows = found.judgements.iter().map(|judged| {
        let task = judged.task.map_or_else(String::new, |task| task.to_string());
        let passed = if judged.passed { "passed" } else { "FAILED" };
        vec![judged.gate.to_owned(), task, passed.to_owned(), judged.told.clone()]
    });
    let text = table(&["gate", "task", "", "found"], rows);
    format!("version {} for {} against {opponent}\n{text}", found.version, found.to)
}

/// What was exported.
#[must_use]
pub(crate) fn exported(found: &Export) -> String {
    let written: Vec<Vec<String>> = found
        .files
        .iter()
        .filter(|file| file.written)
        .map(|file| {
            let kilobytes = format!("{:.1}", file.bytes as f64 / 1e3);
            vec![file.path.display().to_string(), file.records.to_string(), file.rows.to_string(), kilobytes]
        })
        .collect();
    let complete = found.files.len() - written.len();
    let text = listed("written", &["records", "rows", "kB"], &written);
    let end = match (found.exported_number, found.behind) {
        (0, _) => "the journal's first records are not exported".to_owned(),
        (number, 0) => format!("the journal is exported up to its last record, {number}"),
        (number, behind) => {
            format!("the journal is exported up to record {number}, {behind} later ones are not")
        }
    };
    format!("{text}\n{} files written, {complete} were complete; {end}\n", written.len())
}

/// A table of the first rows, and how many more there are; nothing without any.
fn listed(first: &str, header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let more = rows.len().saturating_sub(LISTED_ROWS);
    let more = if more == 0 { String::new() } else { format!("\n... and {more} more; --json has them") };
    let header = [&[first], header].concat();
    format!("\n{}{more}", table(&header, rows.iter().take(LISTED_ROWS).cloned()))
}

/// How many rows each window has.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Rows {
    rows: [usize; 3],
    rows_left_out: usize,
    features: usize,
    catalogue: String,
    windows: [[i64; 2]; 3],
}

impl Rows {
    /// Counts.
    #[must_use]
    pub(crate) fn of(dataset: &Dataset) -> Self {
        let windows = [dataset.split.train, dataset.split.tune, dataset.split.test];
        Self {
            rows: windows.map(|window| dataset.range(window).len()),
            rows_left_out: dataset.rows_left_out,
            features: dataset.width(),
            catalogue: features::Catalogue::standard().hash().to_string(),
            windows: windows.map(|window| [window.from.milliseconds(), window.until.milliseconds()]),
        }
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = ["train", "tune", "test"].into_iter().zip(self.rows.iter().zip(self.windows)).map(
            |(name, (rows, [from, until]))| {
                vec![name.to_owned(), rows.to_string(), readable(from), readable(until)]
            },
        );
        f.write_str(&table(&["window", "rows", "from", "until"], rows))?;
        write!(
            f,
            "\n{} features; {} rows left out before they were warm\n",
            self.features, self.rows_left_out
        )
    }
}

/// What validation found.
#[must_use]
pub(crate) fn validation(found: &Validation) -> String {
    let rows = Task::ALL.iter().filter_map(|task| {
        let balance = found.outcomes.get(task.name())?;
        let shares: Vec<String> = balance.class_shares.iter().map(|share| format!("{share:.3}")).collect();
        Some(vec![task.to_string(), format!("{:.3}", balance.known_shares[0]), shares.join(" ")])
    });
    let mut text = table(&["task", "known outcomes", "class shares"], rows);
    let list = |names: &[String]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    text.push_str(&format!(
        "\n{:.2} % of the values are missing; empty columns: {}; constant: {}; sparse: {}\n{} rows came out the same from the past alone\n",
        found.missing_share * 100.0,
        list(&found.empty_columns),
        list(&found.constant_columns),
        list(&found.sparse_columns),
        found.causal_rows,
    ));
    text
}

/// How training went.
#[must_use]
pub(crate) fn training(found: &TrainingReport) -> String {
    let rows = found.boosters.iter().map(|one| {
        vec![
            format!("{} {}", one.task, one.library),
            one.rounds.to_string(),
            one.fold_rounds.iter().map(usize::to_string).collect::<Vec<_>>().join(" "),
            format!("{:.2}", one.bytes as f64 / 1e6),
            format!("{:.1}", one.seconds),
        ]
    });
    let boosters = table(&["booster", "rounds", "of folds", "MB", "seconds"], rows);
    let choices = found.walk.choices.iter().map(|choice| {
        let gain = 100.0 * (1.0 - choice.loss_with / choice.loss_without);
        let kept = if choice.kept { "kept" } else { "left" };
        vec![choice.task.to_string(), choice.what.clone(), format!("{gain:+.3} %"), kept.to_owned()]
    });
    let choices = table(&["tried on the walk", "beside the mean", "better by", ""], choices);
    let folds = found.walk.folds.iter().flat_map(|fold| &fold.skills).map(|(task, slice)| {
        let interval =
            slice.interval.map_or_else(String::new, |[low, high]| format!(" [{low:.4}, {high:.4}]"));
        let skill = slice.skill.map_or_else(|| "-".to_owned(), |skill| format!("{skill:.4}{interval}"));
        vec![slice.cut.to_string(), task.to_string(), slice.rows.to_string(), skill]
    });
    let folds = table(&["walk", "task", "rows", "skill before calibration"], folds);
    let unused = match found.unused_features.len() {
        0 => String::new(),
        count => format!("\n{count} features that no booster splits on; features --rank names them\n"),
    };
    format!("{boosters}\n{choices}\n{folds}{unused}")
}

/// The test window: the ensemble, its members and the best baseline, each with the task's own figures.
#[must_use]
pub(crate) fn evaluation(found: &Evaluation) -> String {
    let tasks = found.tasks.iter().map(task_table);
    let tables = [tested_table(found), coverage_table(found), value_table(found)];
    tasks.chain(tables).collect::<Vec<_>>().join("\n")
}

/// The ensemble against the best baseline, before and after the number of trials is counted.
fn tested_table(found: &Evaluation) -> String {
    let rows = found.tasks.iter().map(|task| {
        let p = |p: f64| if p < 1e-4 { format!("{p:.1e}") } else { format!("{p:.4}") };
        let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        vec![
            format!("{} against {}", task.task, task.best_baseline),
            or_none(task.paired.map(|test| p(test.p_better))),
            or_none(task.deflated.map(|test| test.trials.to_string())),
            or_none(task.deflated.map(|test| p(test.p_better))),
            or_none(task.deflated.map(|test| p(test.p_better_of_all))),
            or_none(task.deflated_ic.map(|ic| format!("{:.4}: {:.3}", ic.hurdle, ic.probability))),
        ]
    });
    let header = ["paired test", "p", "trials", "deflated", "of all tasks", "ic of chance: above it"];
    table(&header, rows)
}

/// Bands over the whole window, and the symbol and month that are farthest from what was said.
fn coverage_table(found: &Evaluation) -> String {
    let whole = found.coverage.iter().filter(|line| line.cut == Cut::All);
    let rows = whole.map(|line| {
        let farthest = |is_of: fn(&Cut) -> bool| {
            let parts = found
                .coverage
                .iter()
                .filter(|part| part.task == line.task && part.level == line.level && is_of(&part.cut));
            let distance = |part: &Coverage| (part.held - line.level).abs();
            let farthest = parts.max_by(|a, b| distance(a).total_cmp(&distance(b)));
            farthest.map_or_else(String::new, |part| format!("{:.3} {}", part.held, part.cut))
        };
        vec![
            line.task.to_string(),
            format!("{:.2}", line.level),
            format!("{:.4}", line.held),
            farthest(|cut| matches!(cut, Cut::Symbol(_))),
            farthest(|cut| matches!(cut, Cut::Month(_))),
            farthest(|cut| matches!(cut, Cut::Regime(_))),
        ]
    });
    table(&["bands", "level", "held", "farthest symbol", "farthest month", "farthest regime"], rows)
}

/// What following the direction was worth.
fn value_table(found: &Evaluation) -> String {
    let rows = found.net_values.iter().map(|value| {
        let interval =
            value.sharpe_interval.map_or_else(String::new, |[low, high]| format!(" [{low:.1}, {high:.1}]"));
        vec![
            format!("{:.0} % most confident", 100.0 * value.share),
            format!("{}", value.cost_bp),
            format!("{:.4}", value.hit_rate),
            format!("{:.2}", value.turnover),
            format!("{:.2}", value.daily_bp),
            value.sharpe.map_or_else(|| "-".to_owned(), |sharpe| format!("{sharpe:.1}{interval}")),
            value.deflated.map_or_else(
                || "-".to_owned(),
                |of| format!("{:.1} of {}: {:.3}", of.hurdle, of.trials, of.probability),
            ),
        ]
    });
    let header =
        ["direction followed", "cost bp", "right", "turnover", "bp a day", "Sharpe", "of chance: above it"];
    table(&header, rows)
}

fn task_table(task: &TaskEvaluation) -> String {
    let own: &[&str] = match task.task {
        Task::Return1Step | Task::Return4Step | Task::Return16Step => &["r2", "ic"],
        Task::Direction4Step => &["auc", "skill_climatology", "accuracy", "ece"],
        Task::DirectionMulti4Step | Task::VolRegime4Step => &["skill_climatology", "accuracy", "ece"],
        Task::Volatility4Step => &["r2_log", "qlike", "qlike_scaled"],
    };
    let names: Vec<&str> = ["loss", "skill"].into_iter().chain(own.iter().copied()).collect();
    let title = format!("{} ({} rows)", task.task, task.rows);
    let header: Vec<&str> = std::iter::once(title.as_str()).chain(names.iter().copied()).collect();
    let rows = task.models.iter().map(|model| {
        let mark = if model.model == task.best_baseline.name() { " *" } else { "" };
        let figures = names
            .iter()
            .map(|name| task.figure(&model.model, name).map_or_else(String::new, readable_figure));
        std::iter::once(format!("{}{mark}", model.model)).chain(figures).collect()
    });
    table(&header, rows)
}

/// What the whole run took.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Total {
    wall_seconds: f64,
    peak_memory_bytes: Option<u64>,
}

impl Total {
    /// Reads the time since `started` and the process's greatest resident memory, where the system tells it.
    #[must_use]
    pub(crate) fn measure(started: Instant) -> Self {
        Self { wall_seconds: started.elapsed().as_secs_f64(), peak_memory_bytes: peak_memory() }
    }
}

/// Linux tells it in `/proc/self/status`.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "done in {:.1} s", self.wall_seconds)?;
        if let Some(bytes) = self.peak_memory_bytes {
            write!(f, ", {:.2} GiB of memory at most", bytes as f64 / f64::from(1 << 30))?;
        }
        writeln!(f)
    }
}
