//! A lesson's rows in bins, once for both libraries.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::beyond;
use super::lesson::Lesson;
use super::recipe;
use crate::Result;
use crate::console::Console;
use crate::dataset::{Dataset, RowKey};
use crate::fit::{Binned, Binning, FitError, Matrix};

/// The rows that are learned from, and those that the loss is followed on.
#[derive(Debug, Clone)]
pub(super) struct Bins {
    pub(super) learned: Arc<Binned>,
    pub(super) followed: Option<Arc<Binned>>,
}

/// What was binned last, for whoever asks for the same.
#[derive(Default)]
pub(super) struct LastBins(Mutex<Option<(Places, Bins)>>);

/// Rows by their places: learned from, and followed.
type Places = (Range<usize>, Option<Range<usize>>);

impl LastBins {
    /// A lesson's; who asks while they are made waits for them.
    pub(super) fn of(
        &self,
        dataset: &Dataset,
        lesson: &Lesson,
        threads: usize,
        console: &Console,
    ) -> Result<Bins> {
        let places = (lesson.learned.clone(), lesson.followed());
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some((known, bins)) if *known == places => Ok(bins.clone()),
            _ => {
                let bar = console.spinner(&format!("{}: the rows are binned", lesson.name));
                let bins = Bins::of(dataset, places.clone(), threads)?;
                *last = Some((places, bins.clone()));
                bar.finish_and_clear();
                Ok(bins)
            }
        }
    }
}

impl Bins {
    /// Those of some rows, which leave the memory as they are read.
    pub(super) fn of(dataset: &Dataset, (learned, followed): Places, threads: usize) -> Result<Self> {
        let names: Vec<&str> = features::Catalogue::standard().names().collect();
        let part_of = alternating(dataset, learned.clone());
        let binning = Binning { names: &names, bins: recipe::BINS, threads, part_of: Some(&part_of) };
        let learned = read(dataset, learned, |matrix| Binned::new(matrix, binning))?;
        // What the loss is followed on is followed as a whole.
        let follow = |rows| read(dataset, rows, |matrix| learned.like(matrix, threads));
        let followed = followed.map(follow).transpose()?.map(Arc::new);
        Ok(Self { learned: Arc::new(learned), followed })
    }
}

/// Every other bar of a symbol, and the bars between, of which every other symbol is shifted by one: two halves that know nearly
/// the same. A library's own sample of rows costs as much as all of them; a round that learns from a half costs half.
fn alternating(dataset: &Dataset, rows: Range<usize>) -> Vec<u8> {
    let part = |key: &RowKey| (key.bar.index(dataset.interval) + i64::from(key.symbol)).rem_euclid(2) as u8;
    let found: Vec<u8> = dataset.keys(rows).iter().map(part).collect();
    // Hardly any rows: a half without one could not be learned from.
    if found.contains(&0) && found.contains(&1) { found } else { vec![0; found.len()] }
}

fn read<R>(
    dataset: &Dataset,
    rows: Range<usize>,
    read: impl FnOnce(Matrix<'_, f64>) -> std::result::Result<R, FitError>,
) -> Result<R> {
    let release = |read: Range<usize>| dataset.release(rows.start + read.start..rows.start + read.end);
    let matrix = Matrix::new(dataset.values(rows.clone()), dataset.width())?;
    read(matrix.releasing(&release)).map_err(|fault| beyond::told(dataset, rows.clone(), fault))
}
