//! Student's distribution.

/// The continued fraction has converged when a step changes it by less.
const PRECISION: f64 = 1e-15;

/// It converges in about as many steps as the root of the larger parameter.
const STEPS_MAX: u32 = 10_000;

/// How probable a value of at most `x` is, with `degrees` of freedom (above 0). NaN for NaN.
pub(super) fn student_cdf(x: f64, degrees: f64) -> f64 {
    if x.is_infinite() {
        return if x > 0.0 { 1.0 } else { 0.0 };
    }
    let tail = incomplete_beta(degrees / (degrees + x * x), degrees / 2.0, 0.5) / 2.0;
    if x > 0.0 { 1.0 - tail } else { tail }
}

/// The regularised incomplete beta function (DLMF 8.17), by its continued fraction (8.17.22).
fn incomplete_beta(x: f64, a: f64, b: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return x.clamp(0.0, 1.0);
    }
    // Where the fraction converges slowly, the other tail's does not.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(1.0 - x, b, a);
    }
    let log_beta = libm::lgamma(a) + libm::lgamma(b) - libm::lgamma(a + b);
    let front = libm::exp(a * libm::log(x) + b * libm::log1p(-x) - log_beta) / a;
    front / fraction(x, a, b)
}

/// `1 + d1/(1 + d2/(1 + ...))`, by Lentz's method.
fn fraction(x: f64, a: f64, b: f64) -> f64 {
    // Not 0, so that it can be divided by.
    let safe = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let (mut whole, mut up, mut down) = (1.0, 1.0, 0.0);
    for step in 1..=STEPS_MAX {
        let m = f64::from(step / 2);
        let term = if step % 2 == 0 {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        };
        down = 1.0 / safe(1.0 + term * down);
        up = safe(1.0 + term / up);
        whole *= up * down;
        if (up * down - 1.0).abs() < PRECISION {
            break;
        }
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Goldens {
        student: Vec<[f64; 3]>,
    }

    #[test]
    fn it_is_that_of_scipy() {
        let text = include_str!("../../tests/goldens/paired.json");
        let goldens: Goldens = serde_json::from_str(text).expect("goldens");
        assert!(goldens.student.len() >= 70);
        for [degrees, x, expected] in goldens.student {
            let found = student_cdf(x, degrees);
            let error = (found - expected).abs();
            // The logarithms of gamma of thousands of degrees cancel to eleven digits.
            assert!(error <= 1e-10 * expected || error <= 1e-300, "{degrees} {x}: {found} {expected}");
        }
        assert_eq!((student_cdf(f64::INFINITY, 5.0), student_cdf(f64::NEG_INFINITY, 5.0)), (1.0, 0.0));
        assert!(student_cdf(f64::NAN, 5.0).is_nan());
    }
}
