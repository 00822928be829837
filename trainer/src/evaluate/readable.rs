//! Figures as people read them.

use forecast::score::Figure;

/// A figure in a few digits, with its interval if there is one.
pub(crate) fn readable_figure(figure: Figure) -> String {
    let number = |value: f64| {
        if value.is_nan() {
            "-".to_owned()
        } else if value != 0.0 && value.abs() < 0.01 {
            format!("{value:.2e}")
        } else {
            format!("{value:.4}")
        }
    };
    if figure.low.is_nan() {
        return number(figure.value);
    }
    format!("{} [{}, {}]", number(figure.value), number(figure.low), number(figure.high))
}
