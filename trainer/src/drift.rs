//! How far the rows of now are from those that a model has learned from, column by column.

mod evidently;
mod page;
mod plot;

use std::path::Path;

use features::{Catalogue, CatalogueHash};
use forecast::Task;
use kline::Symbol;
use serde::Serialize;

use crate::artefact::{write_bytes, write_json};
use crate::console;
use crate::dataset::Dataset;
use crate::distribution::{Sample, kolmogorov_smirnov, sampled_rows, stability_index, wasserstein};
use crate::parquet::number;
use crate::split::Window;
use crate::time::readable;
use crate::{Result, TrainerError};

/// Evidently's threshold of Wasserstein's distance by the reference's deviation: a column at that distance has drifted.
pub const DISTANCE_MAX: f64 = 0.1;

/// Parts of the current window.
const PARTS: usize = 12;

/// Bins of a column's histogram.
const BINS: usize = 24;

/// Quantiles that the stability index looks at.
const DECILES: usize = 10;

/// Lines of the table.
const LISTED_MAX: usize = 20;

/// A window's rows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Part {
    /// The window.
    pub window: Window,
    /// Its rows.
    pub rows: usize,
    /// Those that are compared: all, or at most 20,000 that are spread evenly.
    pub compared: usize,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Drift {
    /// What is compared with: without a word the champion's training window.
    pub reference: Part,
    /// What is compared.
    pub current: Part,
    /// The current window in parts, in order of time.
    pub parts: Vec<Window>,
    /// The catalogue that made the features of both.
    pub catalogue: CatalogueHash,
    /// The markets.
    pub symbols: Vec<Symbol>,
    /// The distance from which on a column has drifted.
    pub distance_max: f64,
    /// Columns that have.
    pub drifted: usize,
    /// The same as a share of those that have values in both windows.
    pub drifted_share: f64,
    /// Every feature, and every task's outcome as `outcome_NAME`; the farthest first.
    pub columns: Vec<ColumnDrift>,
}

/// A column in both windows, the reference first where there are two numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnDrift {
    /// Its name.
    pub column: String,
    /// Whether it has drifted.
    pub drifted: bool,
    /// Wasserstein's distance by the reference's standard deviation; `None` if a window has no values.
    pub distance: Option<f64>,
    /// Kolmogorov's and Smirnov's statistic.
    pub ks: Option<f64>,
    /// The population stability index, by the reference's deciles.
    pub psi: Option<f64>,
    /// The same of each part of the current window.
    pub psi_by_part: Vec<f64>,
    /// The share of missing values.
    pub missing: [f64; 2],
    /// Means.
    pub mean: [f64; 2],
    /// Standard deviations.
    pub deviation: [f64; 2],
    /// Between the first and the last percentile of both: bounds of bins of the same width, and the share of the values in each.
    pub histogram: Histogram,
}

/// Shares of values in bins of the same width; what lies outside counts to the outermost.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Histogram {
    /// The first bin's beginning and the last one's end.
    pub bounds: [f64; 2],
    /// Shares of the reference.
    pub reference: Vec<f64>,
    /// Shares of the current window.
    pub current: Vec<f64>,
}

impl Drift {
    /// Compares two windows of a dataset.
    ///
    /// # Errors
    /// [`TrainerError::TooLittle`] when one of them has no rows.
    pub fn between(dataset: &Dataset, reference: Window, current: Window) -> Result<Self> {
        let part = |name: &'static str, window: Window| {
            let range = dataset.range(window);
            let (rows, compared) = (range.len(), sampled_rows(range).count());
            if rows == 0 {
                let span = [window.from, window.until].map(|bar| readable(bar.milliseconds()));
                let remedy = format!("from {} to {} there are none, name another window", span[0], span[1]);
                return Err(TrainerError::TooLittle { window: name, rows, needed: 1, remedy });
            }
            Ok(Part { window, rows, compared })
        };
        let (before, now) = (part("the reference", reference)?, part("the current window", current)?);
        let parts = parts(current, dataset);
        let outcomes = Task::ALL.into_iter().map(|task| format!("outcome_{task}"));
        let names = Catalogue::standard().names().map(str::to_owned).chain(outcomes);
        let columns =
            names.enumerate().map(|(at, name)| column(dataset, [reference, current], &parts, at, name));
        let mut columns: Vec<ColumnDrift> = columns.collect();
        columns.sort_by(|a, b| {
            let order = b.distance.unwrap_or(-1.0).total_cmp(&a.distance.unwrap_or(-1.0));
            order.then_with(|| a.column.cmp(&b.column))
        });
        let drifted = columns.iter().filter(|column| column.drifted).count();
        let compared = columns.iter().filter(|column| column.distance.is_some()).count();
        Ok(Self {
            reference: before,
            current: now,
            parts,
            catalogue: Catalogue::standard().hash(),
            symbols: dataset.symbols.clone(),
            distance_max: DISTANCE_MAX,
            drifted,
            drifted_share: drifted as f64 / compared.max(1) as f64,
            columns,
        })
    }

    /// Writes `drift.json`, `drift.html`, and what Evidently reads: `reference.parquet`, `current.parquet` and
    /// `evidently.json`.
    ///
    /// # Errors
    /// [`TrainerError::Io`] or [`TrainerError::Parquet`].
    pub fn write(&self, dataset: &Dataset, folder: &Path) -> Result<()> {
        write_json(&folder.join("drift.json"), self)?;
        write_bytes(&folder.join("drift.html"), page::page(self).as_bytes())?;
        evidently::write(self, dataset, folder)
    }

    /// The columns that are farthest, as a table.
    #[must_use]
    pub fn table(&self) -> String {
        let figure = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.4}"));
        let rows = self.columns.iter().take(LISTED_MAX).map(|one| {
            vec![
                one.column.clone(),
                figure(one.distance),
                figure(one.ks),
                figure(one.psi),
                format!("{:.3} {:.3}", one.missing[0], one.missing[1]),
                if one.drifted { "drifted".to_owned() } else { String::new() },
            ]
        });
        let table = console::table(&["column", "distance", "KS", "PSI", "missing before, now", ""], rows);
        let (drifted, share) = (self.drifted, self.drifted_share * 100.0);
        let bound = self.distance_max;
        format!("{table}\n{drifted} columns ({share:.0} %) have drifted: a distance of {bound} or more\n")
    }
}

/// The current window in parts of the same length; fewer if it has not so many bars.
fn parts(window: Window, dataset: &Dataset) -> Vec<Window> {
    let interval = dataset.interval;
    let bars = window.until.steps_since(window.from, interval) + 1;
    let count = bars.clamp(1, PARTS as i64);
    let start = |part: i64| window.from.plus(bars * part / count, interval);
    (0..count).map(|part| Window { from: start(part), until: start(part + 1).plus(-1, interval) }).collect()
}

fn column(dataset: &Dataset, windows: [Window; 2], parts: &[Window], at: usize, name: String) -> ColumnDrift {
    let sample = |window: Window| {
        let rows = sampled_rows(dataset.range(window));
        Sample::new(rows.map(|row| number(dataset, row, at)))
    };
    let samples = windows.map(sample);
    let [reference, current] = &samples;
    let edges = reference.quantiles(DECILES);
    let below = |sample: &Sample| edges.iter().map(|edge| sample.below(*edge)).collect::<Vec<f64>>();
    let before = below(reference);
    let index = |sample: &Sample| {
        if sample.values().is_empty() { 0.0 } else { stability_index(&edges, &before, &below(sample)) }
    };
    let comparable = samples.iter().all(|sample| !sample.values().is_empty());
    let distance = comparable.then(|| wasserstein(reference, current));
    ColumnDrift {
        column: name,
        drifted: distance.is_some_and(|distance| distance >= DISTANCE_MAX),
        distance,
        ks: comparable.then(|| kolmogorov_smirnov(reference, current)),
        psi: comparable.then(|| index(current)),
        psi_by_part: if comparable {
            parts.iter().map(|part| index(&sample(*part))).collect()
        } else {
            Vec::new()
        },
        missing: [0, 1].map(|at| samples[at].missing()),
        mean: [0, 1].map(|at| samples[at].moments().0),
        deviation: [0, 1].map(|at| samples[at].moments().1),
        histogram: if comparable { histogram(reference, current) } else { Histogram::default() },
    }
}

fn histogram(reference: &Sample, current: &Sample) -> Histogram {
    let ends = |sample: &Sample| {
        let last = sample.values().len() - 1;
        [sample.values()[last / 100], sample.values()[last - last / 100]]
    };
    let [a, b] = [ends(reference), ends(current)];
    let (low, high) = (a[0].min(b[0]), a[1].max(b[1]));
    let width = (high - low) / BINS as f64;
    let shares = |sample: &Sample| {
        let inner = (1..BINS).map(|bin| sample.below(low + width * bin as f64));
        let mut before = 0.0;
        let shares = inner.chain([1.0]).map(|below| {
            let share = below - before;
            before = below;
            share
        });
        shares.collect()
    };
    Histogram { bounds: [low, high], reference: shares(reference), current: shares(current) }
}
