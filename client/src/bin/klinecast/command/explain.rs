//! `klinecast explain`: what moved a forecast.

use anyhow::Result;
use klinecast::{AsOfOptions, Client, PredictOptions, json};

use crate::arguments::Explain;
use crate::render;
use crate::render::explanation;

/// Prints one table for each task and booster.
pub(super) async fn run(client: &Client, wanted: &Explain, as_json: bool) -> Result<()> {
    let (tasks, explain_top) = (wanted.tasks.clone(), wanted.top);
    let prediction = match wanted.at {
        Some(at_ms) => {
            let options = AsOfOptions { tasks, explain_top, ..Default::default() };
            client.predict_as_of(&wanted.symbol, at_ms, &options).await?
        }
        None => {
            let options = PredictOptions { tasks, explain_top, ..Default::default() };
            client.predict_with(&wanted.symbol, &options).await?
        }
    };
    if as_json {
        return render::line(&json::prediction(&prediction, &client.tasks().await?));
    }
    for report in explanation::reports(&prediction) {
        render::print(&report)?;
    }
    render::print(&explanation::legend(&prediction))
}
