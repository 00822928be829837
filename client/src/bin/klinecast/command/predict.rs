//! `klinecast predict`: the latest forecast of some pairs, or what was said at a moment.

use std::process::ExitCode;

use anyhow::Result;
use klinecast::wire::predict_batch_item::Outcome;
use klinecast::{AsOfOptions, Client, PredictOptions, json, wire};

use crate::arguments::Predict;
use crate::render;
use crate::render::explanation;
use crate::render::forecast::{detail, overview};

/// Prints every task of one pair, or one line a pair. Fails when a pair that was asked for has no answer.
pub(super) async fn run(client: &Client, wanted: &Predict, as_json: bool) -> Result<ExitCode> {
    let (predictions, code) = match (wanted.at, wanted.selection.symbols.as_slice()) {
        (Some(at), symbols) => (as_of(client, wanted, at, symbols).await?, ExitCode::SUCCESS),
        (None, [symbol]) => (vec![client.predict_with(symbol, &options(wanted)).await?], ExitCode::SUCCESS),
        (None, _) => batch(client, wanted, as_json).await?,
    };
    if as_json {
        let tasks = client.tasks().await?;
        for prediction in &predictions {
            render::line(&json::prediction(prediction, &tasks))?;
        }
        return Ok(code);
    }
    match (wanted.selection.symbols.as_slice(), predictions.as_slice()) {
        ([_], [prediction]) => render::print(&detail(prediction))?,
        (_, predictions) => render::print(&overview(predictions))?,
    }
    if wanted.explain.is_some() {
        for report in predictions.iter().flat_map(explanation::reports) {
            render::print(&report)?;
        }
    }
    Ok(code)
}

fn options(wanted: &Predict) -> PredictOptions {
    PredictOptions {
        tasks: wanted.selection.tasks.clone(),
        about: wanted.about(),
        explain_top: wanted.explain.unwrap_or_default(),
    }
}

/// What was said about each pair at a moment.
async fn as_of(
    client: &Client,
    wanted: &Predict,
    at_ms: i64,
    symbols: &[String],
) -> Result<Vec<wire::Prediction>> {
    let options = AsOfOptions {
        tasks: wanted.selection.tasks.clone(),
        first_revision: wanted.first_revision,
        explain_top: wanted.explain.unwrap_or_default(),
    };
    let mut predictions = Vec::with_capacity(symbols.len());
    for symbol in symbols {
        predictions.push(client.predict_as_of(symbol, at_ms, &options).await?);
    }
    Ok(predictions)
}

/// Several pairs; says of each that has no answer why.
async fn batch(
    client: &Client,
    wanted: &Predict,
    as_json: bool,
) -> Result<(Vec<wire::Prediction>, ExitCode)> {
    let items = client.predict_batch_with(&wanted.selection.symbols, &options(wanted)).await?;
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
    Ok((predictions, code))
}
