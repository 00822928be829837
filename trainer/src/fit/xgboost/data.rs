//! Rows as XGBoost holds them: as they are, to be answered, or in bins, to be learned from.

use std::ptr;
use std::rc::Rc;

use super::cells::{BINS_MOST, Cells, Edges};
use super::feed::{self, Feed};
use super::held::{Held, array_interface};
use super::objective::Lessons;
use super::{TURNS, XgBoost, text};
use crate::fit::{FitError, Matrix};

/// So many rows tell well enough where the bins' edges lie: LightGBM takes as many by itself.
const SAMPLE_ROWS: usize = 200_000;

/// Rows to be answered.
pub struct XgBoostData(pub(super) Held);

/// Binned rows with labels and weights, to be learned from: in one part, or in several that rounds learn from by turns; or to be
/// followed. What is missing lies below everything else (`missing.rs`).
pub struct XgBoostBins {
    pub(super) parts: Vec<Part>,
    /// Which part each row is in.
    part_of: Vec<u8>,
    pub(super) edges: Rc<Edges>,
    pub(super) columns: usize,
}

/// Rows that are learned from together.
pub(super) struct Part {
    /// As the library holds them; nothing if they are only followed.
    pub(super) held: Option<Held>,
    pub(super) cells: Cells,
    labels: Vec<f32>,
    weights: Vec<f32>,
}

/// How rows are binned.
#[derive(Debug, Clone, Copy)]
pub struct Binning<'a> {
    /// The most bins of a column; the training parameters must have the same `max_bin`.
    pub bins: usize,
    /// Threads; they change no bit.
    pub threads: usize,
    /// Which part each row is in, from 0 on, none of them empty; without it all are in one.
    pub part_of: Option<&'a [u8]>,
}

impl XgBoost {
    /// Copies a matrix into the library.
    ///
    /// # Errors
    /// When the library refuses, for example because a value is infinite.
    pub fn data(&self, rows: Matrix<'_, f32>, threads: usize) -> Result<XgBoostData, FitError> {
        let _turn = TURNS.take()?;
        let array = array_interface(rows.values(), &[rows.rows(), rows.columns()], "");
        let array = text(&array)?;
        let settings = text(&format!(r#"{{"missing": NaN, "nthread": {threads}}}"#))?;
        let mut handle = ptr::null_mut();
        // SAFETY: the interface names a live buffer of exactly rows * columns f32 (checked by Matrix), which is
        // copied before the call returns.
        let status = unsafe { (self.api.matrix_create)(array.as_ptr(), settings.as_ptr(), &raw mut handle) };
        self.api.check("XGDMatrixCreateFromDense", status)?;
        let (rows, columns) = (rows.rows(), rows.columns());
        Ok(XgBoostData(Held { api: Rc::clone(&self.api), handle, rows, columns }))
    }

    /// Bins a matrix for training; the rows are read in pieces, in single precision, and only their bins are kept: those of a
    /// sample, where there are many rows. Rows to follow must be binned like those to train on: give these as `reference`.
    ///
    /// # Errors
    /// When a value is too large for single precision, a part has no row, there are more bins than a byte can tell, or the
    /// library refuses.
    pub fn binned(
        &self,
        rows: Matrix<'_, f64>,
        binning: Binning<'_>,
        reference: Option<&XgBoostBins>,
    ) -> Result<XgBoostBins, FitError> {
        if binning.bins > BINS_MOST {
            return Err(FitError::TooLarge { what: "the number of bins", value: binning.bins });
        }
        if let Some(reference) = reference.filter(|reference| reference.columns != rows.columns()) {
            let (found, expected) = (rows.columns(), reference.columns);
            return Err(FitError::Shape { what: "a row", found, expected });
        }
        let part_of = binning.part_of.map_or_else(|| vec![0; rows.rows()], <[u8]>::to_vec);
        if part_of.len() != rows.rows() {
            let (found, expected) = (part_of.len(), rows.rows());
            return Err(FitError::Shape { what: "the list of parts", found, expected });
        }
        let _turn = TURNS.take()?;
        let (helds, edges) = match reference {
            Some(reference) => (Vec::new(), Rc::clone(&reference.edges)),
            None => self.held(rows, &part_of, binning)?,
        };
        let mut helds = helds.into_iter();
        let mut parts = Vec::new();
        for part in 0..=part_of.iter().copied().max().unwrap_or(0) {
            let cells = Cells::of(rows, &|row| part_of[row] == part, &edges, binning.threads)?;
            let (labels, weights) = (Vec::new(), vec![1.0; cells.rows()]);
            parts.push(Part { held: helds.next(), cells, labels, weights });
        }
        Ok(XgBoostBins { parts, part_of, edges, columns: rows.columns() })
    }

    /// Each part as the library bins it, and where the bins of all of them end.
    fn held(
        &self,
        rows: Matrix<'_, f64>,
        part_of: &[u8],
        binning: Binning<'_>,
    ) -> Result<(Vec<Held>, Rc<Edges>), FitError> {
        let is_sampled = |row| is_sampled(row, rows.rows());
        let sample = (rows.rows() > SAMPLE_ROWS)
            .then(|| self.binned_part(Feed::new(&self.api, rows, &is_sampled)?, binning, None))
            .transpose()?;
        let mut helds: Vec<Held> = Vec::new();
        for part in 0..=part_of.iter().copied().max().unwrap_or(0) {
            let is_part = |row: usize| part_of[row] == part;
            let feed = Feed::new(&self.api, rows, &is_part)?;
            helds.push(self.binned_part(feed, binning, sample.as_ref().or(helds.first()))?);
        }
        // Parts share the edges, and there is at least one.
        let edges = helds.first().map(Edges::of).transpose()?;
        let edges = edges.ok_or(FitError::Shape { what: "the matrix", found: 0, expected: 1 })?;
        Ok((helds, Rc::new(edges)))
    }

    fn binned_part(
        &self,
        mut feed: Feed<'_>,
        Binning { bins, threads, .. }: Binning<'_>,
        reference: Option<&Held>,
    ) -> Result<Held, FitError> {
        let settings = text(&format!(r#"{{"missing": NaN, "nthread": {threads}, "max_bin": {bins}}}"#))?;
        let mut handle = ptr::null_mut();
        let reference = reference.map_or(ptr::null_mut(), |held| held.handle);
        // SAFETY: the library calls back during this call only, on this thread, with the pointer to `feed`, which
        // is live and not used otherwise meanwhile; `reference` is null or a live matrix.
        let status = unsafe {
            (self.api.binned_create)(
                (&raw mut feed).cast(),
                feed.proxy.handle,
                reference,
                feed::again,
                feed::next,
                settings.as_ptr(),
                &raw mut handle,
            )
        };
        feed.fault.take().map_or(Ok(()), Err)?;
        self.api.check("XGQuantileDMatrixCreateFromCallback", status)?;
        let (rows, columns) = (feed.rows(), feed.proxy.columns);
        Ok(Held { api: Rc::clone(&self.api), handle, rows, columns })
    }
}

/// Whether a row of so many is in the sample: as many as there are to be, spread evenly over all (the multiples of the golden ratio,
/// Weyl), whatever the order of the symbols is.
fn is_sampled(row: usize, rows: usize) -> bool {
    const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
    let place = (row as u64).wrapping_mul(GOLDEN) as f64 / u64::MAX as f64;
    place * (rows as f64) < SAMPLE_ROWS as f64
}

impl XgBoostBins {
    /// Sets what is to be learned, one value a row.
    ///
    /// # Errors
    /// When the number of values is not the number of rows.
    pub fn set_labels(&mut self, labels: &[f32]) -> Result<(), FitError> {
        self.set("the list of labels", labels, |part| &mut part.labels)
    }

    /// Sets the rows' weights; a row of weight 0 teaches nothing.
    ///
    /// # Errors
    /// When the number of values is not the number of rows.
    pub fn set_weights(&mut self, weights: &[f32]) -> Result<(), FitError> {
        self.set("the list of weights", weights, |part| &mut part.weights)
    }

    fn set(
        &mut self,
        what: &'static str,
        values: &[f32],
        of: impl Fn(&mut Part) -> &mut Vec<f32>,
    ) -> Result<(), FitError> {
        if values.len() != self.part_of.len() {
            return Err(FitError::Shape { what, found: values.len(), expected: self.part_of.len() });
        }
        for (number, part) in self.parts.iter_mut().enumerate() {
            let own = values.iter().zip(&self.part_of).filter(|(_, of)| usize::from(**of) == number);
            *of(part) = own.map(|(value, _)| *value).collect();
        }
        Ok(())
    }
}

impl Part {
    /// What is learned of its rows.
    ///
    /// # Errors
    /// When they have no labels yet.
    pub(super) fn lessons(&self) -> Result<Lessons<'_>, FitError> {
        let (found, expected) = (self.labels.len(), self.cells.rows());
        if found != expected {
            return Err(FitError::Shape { what: "the list of labels", found, expected });
        }
        Ok(Lessons { labels: &self.labels, weights: &self.weights })
    }
}
