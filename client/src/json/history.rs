//! Journalled predictions.

use serde_json::{Map, Value, json};

use super::{named, number, prediction};
use crate::wire;

/// A journalled prediction with what came true of it, in the shape of an item of `GET /predictions`; `None` for one without
/// a prediction.
#[must_use]
pub fn journalled(said: &wire::JournalledPrediction, tasks: &wire::ListTasksResponse) -> Option<Value> {
    let mut object = prediction(said.prediction.as_ref()?, tasks);
    let outcomes = said.outcomes.iter().map(|came| (came.task.clone(), outcome(came)));
    object["outcomes"] = Value::Object(outcomes.collect::<Map<_, _>>());
    Some(object)
}

fn outcome(came: &wire::Outcome) -> Value {
    json!({
        "value": number(came.value),
        "class": named(&came.class_name),
        "loss": number(came.loss),
        "baseline": came.baseline,
        "baseline_loss": number(came.baseline_loss),
        "prediction_revision": came.prediction_revision,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_stand_beside_the_prediction_by_task() {
        let came = wire::Outcome {
            task: "direction_4step".to_owned(),
            value: 1.0,
            class_name: "up".to_owned(),
            loss: f64::NAN,
            baseline: "climatology".to_owned(),
            baseline_loss: 0.69,
            prediction_revision: 2,
        };
        let number = wire::Outcome { task: "return_1step".to_owned(), value: -0.5, ..Default::default() };
        let said = wire::JournalledPrediction {
            prediction: Some(wire::Prediction { symbol: "BTCUSDT".to_owned(), ..Default::default() }),
            outcomes: vec![came, number],
        };
        let json = journalled(&said, &wire::ListTasksResponse::default()).unwrap_or_default();
        assert_eq!(json["symbol"], "BTCUSDT");
        let expected = json!({
            "value": 1.0,
            "class": "up",
            "loss": null,
            "baseline": "climatology",
            "baseline_loss": 0.69,
            "prediction_revision": 2,
        });
        assert_eq!(json["outcomes"]["direction_4step"], expected);
        assert_eq!(json["outcomes"]["return_1step"]["class"], Value::Null);
        assert_eq!(journalled(&wire::JournalledPrediction::default(), &Default::default()), None);
    }
}
