//! The report as one HTML page that needs nothing else.

use std::fmt::Write as _;

use super::{Drift, Part, plot};
use crate::time::readable;

const HEAD: &str = "<!doctype html>
<html lang=\"en\"><head><meta charset=\"utf-8\"><title>klinecast: drift</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
table { border-collapse: collapse } th, td { padding: 2px 10px; text-align: right; border-bottom: 1px solid #ddd }
th:first-child, td:first-child { text-align: left; font-family: ui-monospace, monospace }
tr.drifted td:first-child { font-weight: bold; color: #a40000 }
svg { display: block } .before { fill: #c9d3e0 } polyline.now { fill: none; stroke: #a40000; stroke-width: 1.2 } rect.now { fill: #a40000 }
</style></head><body>
<h1>Drift</h1>
";

const LEGEND: &str = "<p>Distance: Wasserstein's, by the reference's standard deviation. KS: Kolmogorov's and Smirnov's statistic. PSI: the \
population stability index by the reference's deciles. Grey: the reference; red: the current window. The last column is the PSI of \
equal parts of the current window, in order of time; a full bar is 1 or more.</p>
<table><thead><tr><th>column</th><th>distance</th><th>KS</th><th>PSI</th><th>missing</th><th>mean</th><th>deviation</th>\
<th>distributions</th><th>PSI by part</th></tr></thead><tbody>
";

/// The page.
pub(super) fn page(drift: &Drift) -> String {
    let mut text = HEAD.to_owned();
    let symbols: Vec<String> = drift.symbols.iter().map(ToString::to_string).collect();
    let _ = write!(
        text,
        "<p>{} of {} columns have drifted: a distance of {} or more.</p>\n<p>Reference: {}.<br>Current: {}.<br>Symbols: {}.<br>\
         Catalogue: <code>{}</code>.</p>\n{LEGEND}",
        drift.drifted,
        drift.columns.iter().filter(|column| column.distance.is_some()).count(),
        drift.distance_max,
        told(&drift.reference),
        told(&drift.current),
        symbols.join(", "),
        drift.catalogue,
    );
    for one in &drift.columns {
        let class = if one.drifted { " class=\"drifted\"" } else { "" };
        let figure =
            |value: Option<f64>| value.map_or_else(|| "none".to_owned(), |value| format!("{value:.4}"));
        let pair = |[before, now]: [f64; 2]| {
            let word = |value: f64| if value.is_nan() { "none".to_owned() } else { format!("{value:.4e}") };
            format!("{}<br>{}", word(before), word(now))
        };
        let _ = writeln!(
            text,
            "<tr{class}><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{:.3}<br>{:.3}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            one.column,
            figure(one.distance),
            figure(one.ks),
            figure(one.psi),
            one.missing[0],
            one.missing[1],
            pair(one.mean),
            pair(one.deviation),
            plot::histogram(&one.histogram),
            plot::bars(&one.psi_by_part),
        );
    }
    text.push_str("</tbody></table>\n</body></html>\n");
    text
}

fn told(part: &Part) -> String {
    let [from, until] = [part.window.from, part.window.until].map(|bar| readable(bar.milliseconds()));
    format!("{from} to {until}, {} rows, {} of them compared", part.rows, part.compared)
}
