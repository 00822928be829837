//! `klinecast replay`: a journalled forecast made again.

use std::process::ExitCode;

use anyhow::Result;
use klinecast::{Client, json, wire};

use crate::arguments::Replay;
use crate::render;
use crate::render::table::{Cell, Report, Table};

/// Makes a forecast again and prints what differs; a failure if what is stored does not give what was journalled.
pub(super) async fn run(client: &Client, wanted: &Replay, as_json: bool) -> Result<ExitCode> {
    let replay = client.replay(&wanted.id).await?;
    if as_json { render::line(&json::replay(&replay)) } else { render::print(&report(&replay)) }?;
    Ok(match replay.verdict() {
        wire::ReplayVerdict::Same | wire::ReplayVerdict::Superseded => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

fn report(replay: &wire::ReplayPredictionResponse) -> Report {
    let verdict = json::enum_name(replay.verdict().as_str_name(), "REPLAY_VERDICT_").replace('_', " ");
    let mut table = Table::new(&["where", "number", "journalled", "made again", "bits then", "bits now"]);
    let bits = |value: f64| Cell::faint(format!("{:016x}", value.to_bits()));
    for difference in &replay.differences {
        table.row(vec![
            Cell::plain(&difference.part),
            Cell::plain(&difference.name),
            Cell::number(difference.journalled.to_string()),
            Cell::number(difference.replayed.to_string()),
            bits(difference.journalled),
            bits(difference.replayed),
        ]);
    }
    let count = match replay.differences.len() {
        0 => String::new(),
        count => format!(" ({count} of {} numbers)", replay.compared_count),
    };
    let bars: Vec<String> = replay
        .histories
        .iter()
        .map(|history| format!("{} {}", history.symbol, history.stored_bars))
        .collect();
    Report::new(format!("{}: {verdict}{count}", replay.id))
        .table(table)
        .note(replay.explanation.clone())
        .note(format!(
            "bundle {}, from stored bars of {}",
            render::short(&replay.bundle_digest),
            bars.join(", ")
        ))
}
