//! The least-squares line through a window.

use super::ratio;

/// The least-squares line of a window's values on their places 0, 1, 2 ... (oldest first).
///
/// Source: TA-Lib `LINEARREG_SLOPE`, computed about the means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Regression {
    /// Change per place.
    pub slope: f64,
    /// Share of the variance that the line explains, 0 to 1; 0 for a constant.
    pub r_squared: f64,
}

impl Regression {
    /// Fits a window; a slope of 0 for fewer than two values, NaN where one is NaN.
    #[must_use]
    pub fn of(window: &[f64]) -> Self {
        let Some(&newest) = window.last() else {
            return Self { slope: f64::NAN, r_squared: f64::NAN };
        };
        let count = window.len() as f64;
        let middle = (count - 1.0) / 2.0;
        let shift = super::sum_of(window, |value| value - newest) / count;
        let (chunks, rest) = window.as_chunks::<4>();
        let (mut xy, mut yy) = ([0.0f64; 4], [0.0f64; 4]);
        let mut x = -middle;
        let mut add = |lane: usize, x: f64, value: f64| {
            let y = (value - newest) - shift;
            xy[lane] += x * y;
            yy[lane] += y * y;
        };
        for chunk in chunks {
            add(0, x, chunk[0]);
            add(1, x + 1.0, chunk[1]);
            add(2, x + 2.0, chunk[2]);
            add(3, x + 3.0, chunk[3]);
            x += 4.0;
        }
        for value in rest {
            add(0, x, *value);
            x += 1.0;
        }
        let total = |[a, b, c, d]: [f64; 4]| (a + b) + (c + d);
        let (sxx, sxy, syy) = (count * (count * count - 1.0) / 12.0, total(xy), total(yy));
        let slope = ratio(sxy, sxx);
        Self { slope, r_squared: ratio(slope * sxy, syy).clamp(0.0, 1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_and_a_constant_has_no_slope() {
        let line: Vec<f64> = (0..20).map(|x| 5.0 - 0.25 * f64::from(x)).collect();
        assert_eq!(Regression::of(&line), Regression { slope: -0.25, r_squared: 1.0 });
        assert_eq!(Regression::of(&[0.1; 20]), Regression { slope: 0.0, r_squared: 0.0 });
        assert!(Regression::of(&[1.0, f64::NAN, 2.0]).slope.is_nan());
    }
}
