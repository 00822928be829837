//! The audit's report for people.

use std::fmt::Write as _;

use forecast::{CausalityCertificate, Comparison};

use crate::console::table;
use crate::time::readable;

/// What was compared, what held, and who offended.
#[must_use]
pub(crate) fn causality_table(found: &CausalityCertificate) -> String {
    let row = |name: &str, compared: Comparison| {
        let Comparison { copies, rows, bits } = compared;
        vec![name.to_owned(), copies.to_string(), rows.to_string(), format!("{:.3e}", bits as f64)]
    };
    let rows = [
        row("nothing looks ahead", found.ahead),
        row("outcomes look only ahead", found.back),
        row("declared inputs, no others", found.inputs),
    ];
    let mut text = table(&["proof", "changed copies", "rows compared", "bits"], rows);
    let verdict = if found.passed { "passed" } else { "failed" };
    let bars = [found.cut_bars.first(), found.cut_bars.last()]
        .map(|bar| bar.map_or_else(|| "-".to_owned(), |bar| readable(bar.milliseconds())));
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "\n{verdict}: {} of {} features alive, {} of {} declared inputs proven; cut at {} bars from {} to {}, seed {}",
        found.features_alive,
        found.features,
        found.inputs_proven,
        found.inputs_declared,
        found.cut_bars.len(),
        bars[0],
        bars[1],
        found.seed
    );
    if !found.filled_columns.is_empty() {
        let _ = writeln!(
            text,
            "columns missing in the klines, made up for the audit: {}",
            found.filled_columns.join(", ")
        );
    }
    if !found.stand_ins.is_empty() {
        let names: Vec<&str> = found.stand_ins.iter().map(kline::Symbol::as_str).collect();
        let _ = writeln!(text, "markets made up for the audit: {}", names.join(", "));
    }
    if !found.offences.is_empty() {
        let rows = found.offences.iter().map(|offence| {
            vec![offence.name.clone(), offence.kind.as_str().to_owned(), offence.detail.clone()]
        });
        text.push_str(&table(&["offender", "offence", "seen"], rows));
        text.push('\n');
    }
    text
}
