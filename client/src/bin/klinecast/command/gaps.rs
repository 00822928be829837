//! `klinecast gaps`: what is missing, what was, and what became of it.

use anyhow::Result;
use klinecast::{Client, json, wire};

use crate::arguments::Gaps;
use crate::render;
use crate::render::table::{Cell, Report, Table};

/// Prints the ledger of missing bars.
pub(super) async fn run(client: &Client, wanted: &Gaps, as_json: bool) -> Result<()> {
    let symbol = wanted.symbol.clone().unwrap_or_default();
    let gaps = client.gaps(&symbol, wanted.unfilled).await?;
    if as_json {
        return gaps.iter().try_for_each(|gap| render::line(&json::gap(gap)));
    }
    let bars: u64 = gaps.iter().map(|gap| gap.bar_count).sum();
    let report = Report::new(match gaps.len() {
        0 => "no bar is missing".to_owned(),
        count => format!("{count} gaps, {bars} bars"),
    });
    render::print(&if gaps.is_empty() { report } else { report.table(table(&gaps)) })
}

fn table(gaps: &[wire::Gap]) -> Table {
    let mut table =
        Table::new(&["pair", "first bar ends", "last bar ends", "bars", "noticed", "what became of it"]);
    for gap in gaps {
        let settled = render::time(gap.settled_at_ms);
        table.row(vec![
            Cell::plain(&gap.symbol),
            Cell::plain(render::time(gap.from_bar_time_ms)),
            Cell::plain(render::time(gap.to_bar_time_ms)),
            Cell::number(gap.bar_count.to_string()),
            Cell::plain(render::time(gap.noticed_at_ms)),
            match gap.state() {
                wire::GapState::Filled => {
                    let source = json::enum_name(gap.source().as_str_name(), "KLINE_SOURCE_");
                    Cell::good(format!("filled from {source} at {settled}"))
                }
                wire::GapState::Lacking => Cell::bad(format!("the exchange lacks it, asked at {settled}")),
                wire::GapState::Open | wire::GapState::Unspecified => Cell::bad("asked for"),
            },
        ]);
    }
    table
}
