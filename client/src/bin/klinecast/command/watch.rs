//! `klinecast watch`: forecasts as they are made.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Result;
use klinecast::{Client, Update, Watch, json, wire};

use crate::arguments::Selection;
use crate::render;
use crate::render::forecast::{line, overview};
use crate::render::table::Report;

/// How long to gather the predictions of one bar before drawing.
const GATHER: Duration = Duration::from_millis(60);

/// Prints what comes until stopped: JSON lines, one table that is drawn over at a terminal, or else one line a forecast.
pub(super) async fn run(client: &Client, selection: &Selection, as_json: bool) -> Result<()> {
    let mut watch = client.watch(&selection.symbols, &selection.tasks);
    if !as_json && std::io::stdout().is_terminal() {
        return board(&mut watch).await;
    }
    // The classes' names, asked for when there is a server that sends something.
    let mut tasks = None;
    loop {
        match watch.next().await? {
            Update::Prediction(prediction) if as_json => {
                let known = match tasks.take() {
                    Some(known) => known,
                    None => client.tasks().await?,
                };
                render::line(&json::prediction(&prediction, &known))?;
                tasks = Some(known);
            }
            Update::Prediction(prediction) => render::sentence(&line(&prediction))?,
            other => {
                if let Some(trouble) = trouble(&other) {
                    render::complaint(&trouble);
                }
            }
        }
    }
}

/// One table, drawn over as the forecasts come.
async fn board(watch: &mut Watch) -> Result<()> {
    let mut latest: BTreeMap<String, wire::Prediction> = BTreeMap::new();
    let mut note = "waiting for the first forecast".to_owned();
    let mut drawn_lines = 0;
    let mut stale = true;
    loop {
        let update = match stale {
            // Dropping a wait under way loses nothing: `Watch::next` is cancel-safe.
            true => tokio::time::timeout(GATHER, watch.next()).await.ok(),
            false => Some(watch.next().await),
        };
        let Some(update) = update else {
            drawn_lines = draw(&latest, &note, drawn_lines)?;
            stale = false;
            continue;
        };
        match update? {
            Update::Prediction(prediction) => {
                note = format!("{} pairs, stop with Ctrl-C", latest.len().max(1));
                latest.insert(prediction.symbol.clone(), *prediction);
                stale = true;
            }
            other => {
                if let Some(trouble) = trouble(&other) {
                    note = trouble;
                    stale = true;
                }
            }
        }
    }
}

fn draw(latest: &BTreeMap<String, wire::Prediction>, note: &str, drawn_lines: usize) -> Result<usize> {
    let predictions: Vec<wire::Prediction> = latest.values().cloned().collect();
    let report: Report = overview(&predictions).note(note.to_owned());
    render::draw_over(&report, drawn_lines)
}

fn trouble(update: &Update) -> Option<String> {
    match update {
        Update::Reconnecting { attempt, wait, reason } => {
            Some(format!("reconnecting in {:.1} s (attempt {attempt}): {reason}", wait.as_secs_f64()))
        }
        Update::Lagged { dropped_count } => {
            Some(format!("too slow for {dropped_count} forecasts, fetching them from the journal"))
        }
        Update::NotRecovered { reason, .. } => Some(reason.clone()),
        Update::Prediction(_) | Update::Heartbeat { .. } => None,
    }
}
