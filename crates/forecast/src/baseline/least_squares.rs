//! Linear least squares by the normal equations, one row at a time.

use crate::cholesky;

/// Sums of a regression of `y` on `N` columns.
#[derive(Debug, Clone)]
pub(super) struct LeastSquares<const N: usize> {
    /// The lower triangle of `X'X`.
    products: Box<[[f64; N]; N]>,
    moments: [f64; N],
    rows: usize,
}

impl<const N: usize> LeastSquares<N> {
    pub(super) fn new() -> Self {
        Self { products: Box::new([[0.0; N]; N]), moments: [0.0; N], rows: 0 }
    }

    pub(super) fn push(&mut self, x: &[f64; N], y: f64) {
        for row in 0..N {
            if x[row] != 0.0 {
                for column in 0..=row {
                    self.products[row][column] += x[row] * x[column];
                }
                self.moments[row] += x[row] * y;
            }
        }
        self.rows += 1;
    }

    pub(super) const fn rows(&self) -> usize {
        self.rows
    }

    /// The coefficients, with `ridge` added to the diagonal (Hoerl and Kennard 1970). A column that never varied gets
    /// a coefficient of zero.
    pub(super) fn solve(&self, ridge: &[f64; N]) -> [f64; N] {
        cholesky::solve(&self.products, &self.moments, ridge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn exact_relations_are_found(
            truth in prop::array::uniform3(-5.0f64..5.0),
            rows in prop::collection::vec(prop::array::uniform2(-3.0f64..3.0), 20..40),
        ) {
            let mut fit = LeastSquares::<3>::new();
            for [a, b] in &rows {
                let x = [1.0, *a, *b];
                fit.push(&x, x.iter().zip(&truth).map(|(x, t)| x * t).sum());
            }
            for (found, expected) in fit.solve(&[0.0; 3]).iter().zip(&truth) {
                prop_assert!((found - expected).abs() < 1e-6, "{found} {expected}");
            }
        }
    }

    #[test]
    fn a_column_that_repeats_another_gets_nothing() {
        let mut fit = LeastSquares::<3>::new();
        for value in 0..20 {
            let x = f64::from(value);
            fit.push(&[1.0, x, 2.0 * x], 3.0 * x + 1.0);
        }
        let found = fit.solve(&[0.0; 3]);
        assert!((found[0] - 1.0).abs() < 1e-9 && (found[1] - 3.0).abs() < 1e-9, "{found:?}");
        assert_eq!(found[2], 0.0);
    }
}
