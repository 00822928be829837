//! One answer for each pair, then the end.

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::{binary, foreground, http};

/// Prints the latest answer of each pair: as a table, or as one JSON line a pair, exactly what
/// `POST /predict/{symbol}` answers.
pub(super) async fn once(http_address: &str, server: &str, json: bool) -> Result<()> {
    if !json {
        let mut predict = binary("klinecast")?;
        predict.args(["--server", server, "predict"]);
        return foreground(predict, "klinecast predict").await;
    }
    for symbol in symbols(server).await? {
        let answer = http::post(http_address, &format!("/predict/{symbol}")).await?;
        if answer.status != 200 {
            bail!("no forecast for {symbol}: HTTP {} {}", answer.status, answer.body);
        }
        let answer: Value = serde_json::from_str(&answer.body).context("the server's answer is not JSON")?;
        println!("{answer}");
    }
    Ok(())
}

async fn symbols(server: &str) -> Result<Vec<String>> {
    let output = binary("klinecast")?.args(["--server", server, "status", "--json"]).output().await;
    let output = output.context("cannot start klinecast status")?;
    if !output.status.success() {
        bail!("klinecast status failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let status: Value =
        serde_json::from_slice(&output.stdout).context("klinecast status did not answer JSON")?;
    let symbols: Vec<String> = status["symbols"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|symbol| symbol["symbol"].as_str().map(str::to_owned))
        .collect();
    if symbols.is_empty() {
        bail!("the server serves no symbol: {status}");
    }
    Ok(symbols)
}
