//! The journal's proofs.

use serde_json::{Value, json};

use super::{enum_name, number, timestamp};
use crate::wire;

/// What a check of the journal found, in the shape of `GET /journal/verify`.
#[must_use]
pub fn verification(found: &wire::Verification) -> Value {
    let fault = |fault: &wire::JournalFault| json!({ "number": fault.number, "record": fault.record, "problem": fault.problem });
    json!({
        "holds": found.fault_count == 0,
        "record_count": found.record_count,
        "head": found.head,
        "fault_count": found.fault_count,
        "faults": found.faults.iter().map(fault).collect::<Vec<_>>(),
        "dropped": found.dropped.as_ref().map(|dropped| json!({
            "record_count": dropped.record_count,
            "hash": dropped.hash,
            "before": timestamp(dropped.before_ms),
        })),
    })
}

/// A prediction that was made again, in the shape of `GET /journal/{id}/replay`.
#[must_use]
pub fn replay(replay: &wire::ReplayPredictionResponse) -> Value {
    let bits = |value: f64| format!("{:016x}", value.to_bits());
    let difference = |difference: &wire::ReplayDifference| {
        json!({
            "part": difference.part,
            "name": difference.name,
            "journalled": number(difference.journalled),
            "replayed": number(difference.replayed),
            "journalled_bits": bits(difference.journalled),
            "replayed_bits": bits(difference.replayed),
        })
    };
    let history = |history: &wire::ReplayHistory| {
        json!({
            "symbol": history.symbol,
            "stored_bars": history.stored_bars,
            "needed_bars": history.needed_bars,
            "first_bar_time": (history.first_bar_time_ms != 0).then_some(history.first_bar_time_ms),
        })
    };
    json!({
        "id": replay.id,
        "verdict": enum_name(replay.verdict().as_str_name(), "REPLAY_VERDICT_"),
        "explanation": replay.explanation,
        "last_revision": replay.last_revision,
        "bundle": replay.bundle_digest,
        "compared_count": replay.compared_count,
        "differences": replay.differences.iter().map(difference).collect::<Vec<_>>(),
        "histories": replay.histories.iter().map(history).collect::<Vec<_>>(),
    })
}
