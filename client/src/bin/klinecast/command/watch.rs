//! `klinecast watch`: forecasts as they are made.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Result;
use klinecast::{Client, Update, Watch, json, wire};
use serde_json::Value;

use crate::arguments;
use crate::render;
use crate::render::forecast::{line, overview};
use crate::render::table::Report;

/// How long to gather the predictions of one bar before drawing.
const GATHER: Duration = Duration::from_millis(60);

/// Prints what comes until stopped: JSON lines, one table that is drawn over at a terminal, or else one line a forecast.
pub(super) async fn run(client: &Client, wanted: &arguments::Watch, as_json: bool) -> Result<()> {
    let mut watch = client.watch_with(wanted.options());
    if !as_json && std::io::stdout().is_terminal() {
        return board(&mut watch, wanted.conflate).await;
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
                render::line(&with_place(json::prediction(&prediction, &known), &watch))?;
                tasks = Some(known);
            }
            Update::Prediction(prediction) => render::sentence(&line(&prediction))?,
            other => {
                if let Some(trouble) = trouble(&other, wanted.conflate) {
                    render::complaint(&trouble);
                }
            }
        }
    }
}

/// One table, drawn over as the forecasts come.
async fn board(watch: &mut Watch, conflates: bool) -> Result<()> {
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
                let shown = latest.get(&prediction.symbol);
                // An earlier bar that was amended is no news of the pair.
                if shown.is_none_or(|shown| shown.bar_time_ms <= prediction.bar_time_ms) {
                    latest.insert(prediction.symbol.clone(), *prediction);
                }
                stale = true;
            }
            other => {
                if let Some(trouble) = trouble(&other, conflates) {
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

/// Where the prediction told last stands in the journal, and the token that goes on after it; `null` while there is none.
fn with_place(mut prediction: Value, watch: &Watch) -> Value {
    prediction["sequence"] = Some(watch.sequence()).filter(|sequence| *sequence > 0).into();
    prediction["resume_token"] = watch.token().into();
    prediction
}

/// What a person has to know of an update; nothing of forecasts that were left out on request.
fn trouble(update: &Update, conflates: bool) -> Option<String> {
    match update {
        Update::Reconnecting { attempt, wait, reason } => {
            Some(format!("reconnecting in {:.1} s (attempt {attempt}): {reason}", wait.as_secs_f64()))
        }
        Update::Lagged { dropped_count } if !conflates => {
            Some(format!("too slow for {dropped_count} forecasts, fetching them from the journal"))
        }
        Update::NotRecovered { after_bar_time_ms, reason } => {
            let after = render::time(*after_bar_time_ms);
            Some(format!("forecasts after {after} are lost as far as the journal has dropped them: {reason}"))
        }
        Update::Prediction(_) | Update::Heartbeat { .. } | Update::Lagged { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_a_trouble_unless_it_was_asked_for() {
        let lagged = Update::Lagged { dropped_count: 7 };
        assert!(trouble(&lagged, false).is_some_and(|text| text.contains('7')));
        assert_eq!(trouble(&lagged, true), None);
    }

    #[test]
    fn what_cannot_be_recovered_is_said_with_the_bar_and_the_reason() {
        let lost = Update::NotRecovered {
            after_bar_time_ms: 1_748_736_899_999,
            reason: "record 9 is gone".to_owned(),
        };
        let text = trouble(&lost, true).unwrap_or_default();
        assert!(text.contains("2025-06-01 00:15:00") && text.ends_with("record 9 is gone"), "{text}");
    }
}
