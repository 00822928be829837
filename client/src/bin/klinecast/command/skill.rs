//! `klinecast skill`: how good the forecasts were.

use anyhow::Result;
use klinecast::{Client, json, wire};

use crate::arguments::{Group, Skill};
use crate::render;
use crate::render::scorecard::report;

/// Prints the scorecard over a window.
pub(super) async fn run(client: &Client, wanted: &Skill, as_json: bool) -> Result<()> {
    let between = wanted.from.is_some() || wanted.until.is_some();
    let request = wire::GetScorecardRequest {
        window_days: if between { 0 } else { wanted.window.0 },
        from_ms: wanted.from.unwrap_or_default(),
        until_ms: wanted.until.unwrap_or_default(),
        by: wanted.by.iter().map(|group| wire::ScoreGroup::from(*group).into()).collect(),
        symbols: wanted.symbols.clone(),
        tasks: wanted.tasks.clone(),
        bundle: wanted.bundle.clone(),
        with_days: true,
    };
    let card = client.scorecard(request).await?;
    if as_json {
        return render::line(&json::scorecard(&card));
    }
    let by = |group| wanted.by.contains(&group);
    render::print(&report(&card, by(Group::Pair), by(Group::Bundle)))
}
