//! `klinecast follow` and `klinecast unfollow`: which pairs the server follows.

use anyhow::Result;
use klinecast::Client;
use serde_json::json;

use crate::render;

/// Changes what is followed and prints all that is followed then.
pub(super) async fn run(client: &Client, (add, remove): (&[String], &[String]), as_json: bool) -> Result<()> {
    let symbols = client.follow(add, remove).await?;
    if as_json {
        return render::line(&json!({ "symbols": symbols }));
    }
    render::sentence(&format!("{} pairs are followed now: {}", symbols.len(), symbols.join(", ")))
}
