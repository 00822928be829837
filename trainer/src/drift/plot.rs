//! Small plots as inline SVG.

use std::fmt::Write as _;

use super::Histogram;

const WIDTH: f64 = 168.0;
const HEIGHT: f64 = 40.0;

/// The reference's shares as an area, the current window's as a line.
pub(super) fn histogram(found: &Histogram) -> String {
    let most = found.reference.iter().chain(&found.current).copied().fold(f64::MIN_POSITIVE, f64::max);
    let path = |shares: &[f64]| {
        let width = WIDTH / shares.len().max(1) as f64;
        let mut path = String::new();
        for (bin, share) in shares.iter().enumerate() {
            let (left, top) = (bin as f64 * width, HEIGHT * (1.0 - share / most));
            let _ = write!(path, "{left:.1},{top:.1} {:.1},{top:.1} ", left + width);
        }
        path
    };
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" width=\"{WIDTH}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"distributions\">\
         <polygon class=\"before\" points=\"0,{HEIGHT} {}{WIDTH},{HEIGHT}\"/><polyline class=\"now\" points=\"{}\"/></svg>",
        path(&found.reference),
        path(&found.current).trim_end(),
    )
}

/// A bar a part of the current window, as high as its stability index; one of 1 fills the plot.
pub(super) fn bars(values: &[f64]) -> String {
    let width = WIDTH / 2.0 / values.len().max(1) as f64;
    let mut inside = String::new();
    for (part, value) in values.iter().enumerate() {
        let height = HEIGHT * value.clamp(0.0, 1.0);
        let _ = write!(
            inside,
            "<rect class=\"now\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{value:.3}</title></rect>",
            part as f64 * width,
            HEIGHT - height,
            width * 0.8,
        );
    }
    let wide = WIDTH / 2.0;
    format!(
        "<svg viewBox=\"0 0 {wide} {HEIGHT}\" width=\"{wide}\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"PSI by part\">{inside}</svg>"
    )
}
