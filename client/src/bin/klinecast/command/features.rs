//! `klinecast features`: the latest feature row of a pair.

use anyhow::Result;
use klinecast::{Client, json, wire};

use crate::arguments::Features;
use crate::render;
use crate::render::table::{Cell, Report, Table};

/// Prints the row, one feature a line, in the catalogue's order.
pub(super) async fn run(client: &Client, wanted: &Features, as_json: bool) -> Result<()> {
    let row = client.features(&wanted.symbol, &wanted.names).await?;
    if as_json { render::line(&json::features(&row)) } else { render::print(&report(&row)) }
}

fn report(row: &wire::GetFeaturesResponse) -> Report {
    let mut table = Table::new(&["group", "feature", "value", "unit"]);
    for feature in &row.features {
        let value = match feature.value.is_nan() {
            true => Cell::faint("not warm"),
            false => Cell::number(format!("{:.6}", feature.value)),
        };
        let cells = [
            Cell::plain(&feature.group),
            Cell::plain(&feature.name),
            value,
            Cell::faint(feature.unit.replace('_', " ")),
        ];
        table.row(cells.into());
    }
    let quality = row.quality.unwrap_or_default();
    Report::new(format!("{} at {}", row.symbol, render::time(row.bar_time_ms))).table(table).note(format!(
        "{} of {} features warm, row {}",
        quality.warm_features,
        quality.total_features,
        render::short(&row.row_hash)
    ))
}
