//! What moved an answer.

use serde_json::{Map, Value, json};

use super::{named, number};
use crate::wire;

/// The explanations of one task by booster, in the shape of `predictions.<task>.explanations`.
pub(super) fn explanations(explanations: &[wire::Explanation]) -> Value {
    let of_booster = |explanation: &wire::Explanation| (explanation.booster.clone(), explained(explanation));
    Value::Object(explanations.iter().map(of_booster).collect::<Map<_, _>>())
}

fn explained(explanation: &wire::Explanation) -> Value {
    let contribution = |contribution: &wire::Contribution| {
        json!({
            "feature": contribution.feature,
            "value": number(contribution.value),
            "contribution": number(contribution.contribution),
        })
    };
    json!({
        "class": named(&explanation.class_name),
        "raw_score": number(explanation.raw_score),
        "expected": number(explanation.expected),
        "contributions": explanation.contributions.iter().map(contribution).collect::<Vec<_>>(),
        "rest": number(explanation.rest),
    })
}
