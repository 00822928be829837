//! Plots as inline SVG.

use std::fmt::Write as _;

use super::super::ReliabilityBin;

const HEIGHT: f64 = 120.0;
const BAR: f64 = 18.0;

/// One bar.
pub(super) struct Bar {
    pub(super) name: String,
    /// NaN is no bar.
    pub(super) value: f64,
    /// Drawn as a line over the bar.
    pub(super) interval: Option<[f64; 2]>,
}

impl Bar {
    fn told(&self) -> String {
        let interval =
            self.interval.map_or_else(String::new, |[low, high]| format!(" [{low:.4}, {high:.4}]"));
        format!("{}: {:.4}{interval}", self.name, self.value)
    }
}

/// Bars from zero, good ones up, with their names below and a caption.
pub(super) fn bars(caption: &str, bars: &[Bar]) -> String {
    let known = || {
        let ends = bars.iter().flat_map(|bar| bar.interval.into_iter().flatten().chain([bar.value]));
        ends.filter(|value| value.is_finite())
    };
    let (low, high) =
        known().fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let span = if high > low { high - low } else { 1.0 };
    let y = |value: f64| 12.0 + (high - value) / span * HEIGHT;
    let width = bars.len() as f64 * BAR + 50.0;
    let mut svg = format!(
        "<figure><svg role=\"img\" aria-label=\"{caption}\" width=\"{width:.0}\" height=\"{:.0}\">",
        HEIGHT + 80.0
    );
    for (at, bar) in bars.iter().enumerate() {
        let x = 44.0 + at as f64 * BAR;
        let (name, value) = (&bar.name, bar.value);
        if value.is_finite() {
            let (top, bottom) = (y(value.max(0.0)), y(value.min(0.0)));
            let colour = if value >= 0.0 { "--good" } else { "--bad" };
            let _ = write!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" fill=\"var({colour})\"><title>{}</title></rect>",
                BAR - 4.0,
                (bottom - top).max(0.5),
                bar.told()
            );
        }
        if let Some([low, high]) = bar.interval {
            let middle = x + (BAR - 4.0) / 2.0;
            let _ = write!(
                svg,
                "<line x1=\"{middle:.1}\" x2=\"{middle:.1}\" y1=\"{:.1}\" y2=\"{:.1}\" stroke=\"currentColor\"/>",
                y(high),
                y(low)
            );
        }
        let (tx, ty) = (x + 9.0, HEIGHT + 22.0);
        let _ = write!(
            svg,
            "<text x=\"{tx:.1}\" y=\"{ty:.1}\" transform=\"rotate(60 {tx:.1} {ty:.1})\">{name}</text>"
        );
    }
    for value in [low, 0.0, high] {
        let _ = write!(svg, "<text x=\"0\" y=\"{:.1}\">{value:.3}</text>", y(value) + 3.0);
    }
    let zero = y(0.0);
    let _ = write!(
        svg,
        "<line x1=\"42\" x2=\"{width:.0}\" y1=\"{zero:.1}\" y2=\"{zero:.1}\" stroke=\"var(--line)\"/></svg><figcaption>{caption}</figcaption></figure>"
    );
    svg
}

/// What was stated against what happened; a point's size grows with its rows.
pub(super) fn reliability(bins: &[ReliabilityBin]) -> String {
    let side = 160.0;
    let place = |stated: f64, happened: f64| (30.0 + stated * side, 10.0 + (1.0 - happened) * side);
    let most = bins.iter().map(|bin| bin.rows).max().unwrap_or(1) as f64;
    let ((x1, y1), (x2, y2)) = (place(0.0, 0.0), place(1.0, 1.0));
    let mut svg = format!(
        "<figure><svg role=\"img\" aria-label=\"reliability\" width=\"210\" height=\"200\"><line x1=\"{x1}\" y1=\"{y1}\" x2=\"{x2}\" y2=\"{y2}\" stroke=\"var(--line)\"/>"
    );
    for bin in bins {
        let (x, y) = place(bin.stated, bin.happened);
        let radius = 2.0 + 5.0 * (bin.rows as f64 / most).sqrt();
        let _ = write!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"var(--good)\" fill-opacity=\".7\"><title>stated {:.3}, happened {:.3}, {} rows</title></circle>",
            bin.stated, bin.happened, bin.rows
        );
    }
    for share in [0.0, 0.5, 1.0] {
        let (x, y) = place(share, 0.0);
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{share}</text>", x - 6.0, y + 14.0);
        let (x, y) = place(0.0, share);
        let _ = write!(svg, "<text x=\"{:.1}\" y=\"{:.1}\">{share}</text>", x - 26.0, y + 3.0);
    }
    svg.push_str(
        "</svg><figcaption>stated probability against the share that came true</figcaption></figure>",
    );
    svg
}
