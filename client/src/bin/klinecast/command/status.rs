//! `klinecast status`: how the server is, and how good its answers have been.

use anyhow::Result;
use klinecast::{Client, json, wire};

use crate::render;
use crate::render::table::{Cell, Report, Table};

/// Prints the server's state, each pair's, and each task's live score.
pub(super) async fn run(client: &Client, as_json: bool) -> Result<()> {
    let status = client.status().await?;
    if as_json { render::line(&json::status(&status)) } else { render::print(&report(&status)) }
}

fn report(status: &wire::GetStatusResponse) -> Report {
    let state = json::enum_name(status.state().as_str_name(), "SERVING_STATE_");
    let exchange = json::enum_name(status.exchange_state().as_str_name(), "EXCHANGE_STATE_");
    let mut report =
        Report::new(format!("{state}, exchange {exchange}, watermark {}", render::time(status.watermark_ms)));
    for sentence in &status.waiting_for {
        report = report.note(format!("waits for: {sentence}"));
    }
    for problem in [&status.exchange_problem, &status.bundle_problem] {
        if !problem.is_empty() {
            report = report.note(format!("trouble: {problem}"));
        }
    }
    let mut facts = format!(
        "version {}, up {:.0} s, interval {}, bundle {}, {} subscribers",
        status.server_version,
        status.uptime_seconds,
        status.interval,
        if status.bundle_digest.is_empty() { "none" } else { render::short(&status.bundle_digest) },
        status.subscriber_count,
    );
    if status.journal_lost_count > 0 {
        facts.push_str(&format!(", {} journal records lost", status.journal_lost_count));
    }
    if status.parity_audit_count > 0 {
        let (audits, mismatches) = (status.parity_audit_count, status.parity_mismatch_count);
        facts.push_str(&format!(", {audits} audits of live answers, {mismatches} mismatches"));
    }
    report.table(symbols(status)).table(scores(&status.scores)).note(facts)
}

fn symbols(status: &wire::GetStatusResponse) -> Table {
    let mut table =
        Table::new(&["pair", "ready", "traded", "last bar", "warm features", "bars missing", "stale"]);
    for symbol in &status.symbols {
        table.row(vec![
            Cell::plain(&symbol.symbol),
            if symbol.ready { Cell::good("yes") } else { Cell::bad("no") },
            match (symbol.listing.as_str(), symbol.successor.as_str()) {
                ("trading", _) => Cell::good("yes"),
                ("", _) => Cell::faint("-"),
                (listing, "") => Cell::bad(listing),
                (listing, successor) => Cell::bad(format!("{listing}, now {successor}")),
            },
            Cell::plain(render::time(symbol.last_bar_time_ms)),
            Cell::number(format!("{} of {}", symbol.warm_features, symbol.total_features)),
            Cell::number(symbol.missing_bars.to_string()),
            Cell::number(render::duration(symbol.staleness_ms)),
        ]);
    }
    table
}

fn scores(scores: &[wire::TaskScore]) -> Table {
    let mut table = Table::new(&["task", "outcomes", "loss", "best baseline", "its loss", "skill"]);
    for score in scores {
        let known = score.resolved_count > 0;
        let loss = |loss: f64| if known { Cell::number(format!("{loss:.4e}")) } else { Cell::faint("-") };
        let skill = match score.skill {
            skill if !known || skill.is_nan() => Cell::faint("-"),
            skill => Cell::signed(skill, format!("{:+.2} %", skill * 100.0)),
        };
        table.row(vec![
            Cell::plain(&score.task),
            Cell::number(score.resolved_count.to_string()),
            loss(score.loss),
            Cell::plain(&score.baseline),
            loss(score.baseline_loss),
            skill,
        ]);
    }
    table
}
