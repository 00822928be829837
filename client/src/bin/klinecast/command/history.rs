//! `klinecast history`: forecasts that were made before.

use anyhow::Result;
use klinecast::{Client, json};

use crate::arguments::History;
use crate::render;
use crate::render::history::report;

/// How many forecasts a table has when nothing else is asked for.
const TABLE: u64 = 100;

/// Prints one table, or one JSON line a forecast.
pub(super) async fn run(client: &Client, wanted: &History, as_json: bool) -> Result<()> {
    if as_json { lines(client, wanted).await } else { table(client, wanted).await }
}

async fn lines(client: &Client, wanted: &History) -> Result<()> {
    let mut left = wanted.limit.unwrap_or(u64::MAX);
    let mut history = client.history(wanted.query(left));
    let mut tasks = None;
    while left > 0
        && let Some(said) = history.next().await?
    {
        let known = match tasks.take() {
            Some(known) => known,
            None => client.tasks().await?,
        };
        if let Some(line) = json::journalled(&said, &known) {
            render::line(&line)?;
        }
        tasks = Some(known);
        left -= 1;
    }
    Ok(())
}

async fn table(client: &Client, wanted: &History) -> Result<()> {
    let limit = wanted.limit.unwrap_or(TABLE);
    let mut history = client.history(wanted.query(limit));
    let mut shown = Vec::new();
    let mut has_more = false;
    while let Some(said) = history.next().await? {
        has_more = shown.len() as u64 == limit;
        if has_more {
            break;
        }
        shown.push(said);
    }
    render::print(&report(&shown, wanted.outcomes, has_more))
}
