//! `klinecast journal verify`: whether the journal is as it was written.

use std::process::ExitCode;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use klinecast::{Client, json, wire};

use crate::render;
use crate::render::table::{Cell, Report, Table};

/// Checks the whole journal and prints what was found; a failure if a record is not as it was written.
pub(super) async fn verify(client: &Client, as_json: bool) -> Result<ExitCode> {
    // Hidden by itself where standard error is no terminal.
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{bar:40} {human_pos} of {human_len} records, {eta} left")?);
    let found = client.verify_journal(|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    let found = found.await;
    bar.finish_and_clear();
    let found = found?;
    if as_json { render::line(&json::verification(&found)) } else { render::print(&report(&found)) }?;
    Ok(if found.fault_count == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn report(found: &wire::Verification) -> Report {
    let records = found.record_count;
    let head = format!("the chain ends with {}: keep it to tell later that nothing was cut off", found.head);
    let anchor = found.dropped.as_ref().map(|dropped| {
        let (count, before, hash) = (dropped.record_count, render::time(dropped.before_ms), &dropped.hash);
        format!("it starts after the anchor, record {count} with {hash}: those before {before} were dropped by retention")
    });
    if found.fault_count == 0 {
        let report = Report::new(format!("journal holds: {records} records are as they were written"));
        return anchor.into_iter().fold(report, Report::note).note(head);
    }
    let mut table = Table::new(&["number", "record", "problem"]);
    for fault in &found.faults {
        table.row(vec![
            if fault.number > 0 { Cell::number(fault.number.to_string()) } else { Cell::faint("-") },
            Cell::plain(&fault.record),
            Cell::bad(&fault.problem),
        ]);
    }
    let title = format!("journal does not hold: {} faults in {records} records", found.fault_count);
    anchor.into_iter().fold(Report::new(title).table(table), Report::note).note(head)
}
