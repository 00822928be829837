//! The shapes of the journal's proofs.

use serde_json::{Value, json};
use store::{ChainFault, Verification};

use super::json::{number, timestamp};
use crate::replay::{Difference, NEEDED_BARS, Replay, ReplayHistory, Verdict};

/// The answer of `GET /journal/verify`.
pub(super) fn verification(found: &Verification) -> Value {
    let fault = |fault: &ChainFault| json!({ "number": fault.number, "record": fault.key, "problem": fault.kind.to_string() });
    json!({
        "holds": found.fault_count == 0,
        "record_count": found.records,
        "head": found.head.to_string(),
        "fault_count": found.fault_count,
        "faults": found.faults.iter().map(fault).collect::<Vec<_>>(),
        "dropped": found.dropped.map(|dropped| json!({
            "record_count": dropped.last.number,
            "hash": dropped.last.hash.to_string(),
            "before": timestamp(dropped.before_ms),
        })),
    })
}

/// The answer of `GET /journal/{id}/replay`. The bits stand beside the numbers, for a NaN is no number in JSON.
pub(super) fn replay(replay: &Replay) -> Value {
    let verdict = match replay.verdict {
        Verdict::Same => "same",
        Verdict::Superseded => "superseded",
        Verdict::Differs => "differs",
        Verdict::NotMade => "not_made",
    };
    let bits = |value: f64| format!("{:016x}", value.to_bits());
    let difference = |difference: &Difference| {
        json!({
            "part": difference.part,
            "name": difference.name,
            "journalled": number(difference.journalled),
            "replayed": number(difference.replayed),
            "journalled_bits": bits(difference.journalled),
            "replayed_bits": bits(difference.replayed),
        })
    };
    let history = |history: &ReplayHistory| {
        json!({
            "symbol": history.symbol,
            "stored_bars": history.stored_bars,
            "needed_bars": NEEDED_BARS,
            "first_bar_time": history.first_bar,
        })
    };
    json!({
        "id": replay.id.to_string(),
        "verdict": verdict,
        "explanation": replay.explanation,
        "last_revision": replay.last_revision,
        "bundle": replay.bundle,
        "compared_count": replay.compared,
        "differences": replay.differences.iter().map(difference).collect::<Vec<_>>(),
        "histories": replay.histories.iter().map(history).collect::<Vec<_>>(),
    })
}
