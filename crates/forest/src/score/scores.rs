//! Where the scores of several rows go.

/// Room for the outputs of rows, which stand a fixed distance apart.
#[derive(Debug)]
pub(crate) struct Scores<'a> {
    /// From the first row's first output on.
    values: &'a mut [f64],
    outputs: usize,
    stride: usize,
}

impl<'a> Scores<'a> {
    /// Rows that have nothing between them.
    pub(crate) fn dense(values: &'a mut [f64], outputs: usize) -> Scores<'a> {
        Scores { values, outputs, stride: outputs }
    }

    /// A part of wider rows: `outputs` values of every `stride`, from the first of `values` on.
    pub(crate) fn among(values: &'a mut [f64], outputs: usize, stride: usize) -> Scores<'a> {
        Scores { values, outputs, stride }
    }

    /// The same room, for as long as it is lent.
    pub(crate) fn by_ref(&mut self) -> Scores<'_> {
        Scores { values: &mut *self.values, outputs: self.outputs, stride: self.stride }
    }

    /// The rows, one after another.
    #[inline(always)]
    pub(crate) fn rows(&mut self) -> impl Iterator<Item = &mut [f64]> {
        self.values.chunks_mut(self.stride).map(|row| &mut row[..self.outputs])
    }

    /// One output of the rows.
    #[inline(always)]
    pub(super) fn of_output(&mut self, output: usize) -> impl Iterator<Item = &mut f64> {
        self.values[output..].iter_mut().step_by(self.stride)
    }

    /// The first rows and the others.
    pub(super) fn split_at(self, rows: usize) -> (Scores<'a>, Scores<'a>) {
        let (outputs, stride) = (self.outputs, self.stride);
        // The last row may end with its outputs.
        let at = (rows * stride).min(self.values.len());
        let (first, others) = self.values.split_at_mut(at);
        (Scores { values: first, outputs, stride }, Scores { values: others, outputs, stride })
    }
}
