//! `klinecast health`: whether the server serves, by its exit code; for health checks, which show nobody's key.

use std::process::ExitCode;

use anyhow::Result;
use klinecast::Client;

use crate::arguments::Health;
use crate::render;
use crate::render::table::Report;

/// Says whether the service serves, and fails if it does not.
pub(super) async fn run(client: &Client, wanted: &Health, as_json: bool) -> Result<ExitCode> {
    let serves = client.health(&wanted.service).await?;
    if as_json {
        render::line(&serde_json::json!({ "service": wanted.service, "serving": serves }))?;
    } else {
        let word = if serves { "serving" } else { "not serving" };
        render::print(&Report::new(word.to_owned()))?;
    }
    Ok(if serves { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
