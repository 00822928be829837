//! `klinecast predict`: the latest forecast of some pairs.

use std::process::ExitCode;

use anyhow::Result;
use klinecast::wire::predict_batch_item::Outcome;
use klinecast::{Client, json};

use crate::arguments::Selection;
use crate::render;
use crate::render::forecast::{detail, overview};

/// Prints every task of one pair, or one line a pair. Fails when a pair that was asked for has no answer.
pub(super) async fn run(client: &Client, selection: &Selection, as_json: bool) -> Result<ExitCode> {
    if let [symbol] = selection.symbols.as_slice() {
        let prediction = client.predict(symbol, &selection.tasks).await?;
        match as_json {
            true => render::line(&json::prediction(&prediction, &client.tasks().await?))?,
            false => render::print(&detail(&prediction))?,
        }
        return Ok(ExitCode::SUCCESS);
    }
    let items = client.predict_batch(&selection.symbols, &selection.tasks).await?;
    let mut predictions = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for item in items {
        match item.outcome {
            Some(Outcome::Prediction(prediction)) => predictions.push(prediction),
            Some(Outcome::Problem(problem)) => {
                code = ExitCode::FAILURE;
                if as_json {
                    render::line(&json::problem(&item.symbol, &problem))?;
                } else {
                    render::complaint(&format!("{}: {}; {}", item.symbol, problem.message, problem.remedy));
                }
            }
            None => code = ExitCode::FAILURE,
        }
    }
    if as_json {
        let tasks = client.tasks().await?;
        for prediction in &predictions {
            render::line(&json::prediction(prediction, &tasks))?;
        }
    } else {
        render::print(&overview(&predictions))?;
    }
    Ok(code)
}
