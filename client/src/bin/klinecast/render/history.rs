//! Journalled forecasts for people.

use klinecast::wire;

use super::forecast::{answer, heading, marks, words};
use super::table::{Cell, Report, Table};
use super::{short, time};

/// One row a forecast, with what came true beside each answer if that was asked for.
pub(crate) fn report(shown: &[wire::JournalledPrediction], with_outcomes: bool, has_more: bool) -> Report {
    let predictions: Vec<&wire::Prediction> =
        shown.iter().filter_map(|said| said.prediction.as_ref()).collect();
    let (Some(first), Some(last)) = (predictions.first(), predictions.last()) else {
        return Report::new("no forecasts in this span".to_owned());
    };
    let any_marks = predictions.iter().any(|prediction| !marks(prediction).is_empty());
    let bundles_differ = predictions.iter().any(|prediction| prediction.bundle_digest != last.bundle_digest);
    let mut headings = vec!["bar", "pair", "close"];
    let tasks: Vec<&str> = last.tasks.iter().map(|task| task.task.as_str()).collect();
    headings.extend(tasks.iter().copied().map(heading));
    headings.extend(bundles_differ.then_some("bundle"));
    headings.extend(any_marks.then_some(""));
    let mut table = Table::new(&headings);
    for said in shown {
        let Some(prediction) = &said.prediction else { continue };
        let mut cells = vec![
            Cell::plain(time(prediction.bar_time_ms)),
            Cell::plain(&prediction.symbol),
            Cell::number(prediction.close_price.to_string()),
        ];
        cells.extend(tasks.iter().map(|name| task_cell(said, name, with_outcomes)));
        cells.extend(bundles_differ.then(|| Cell::faint(short(&prediction.bundle_digest))));
        cells.extend(any_marks.then(|| Cell::faint(marks(prediction).trim())));
        table.row(cells);
    }
    let title = format!("forecasts from {} to {} UTC", time(first.bar_time_ms), time(last.bar_time_ms));
    let mut report = Report::new(title).table(table);
    if with_outcomes {
        let note = "forecast → what came true, as far as it has; green where the forecast cost less than the baseline, red where more";
        report = report.note(note.to_owned());
    }
    if has_more {
        report =
            report.note("there is more: --from goes on, --limit shows more, --json shows all".to_owned());
    }
    report
}

fn task_cell(said: &wire::JournalledPrediction, name: &str, with_outcomes: bool) -> Cell {
    let tasks = said.prediction.as_ref().map(|prediction| prediction.tasks.as_slice()).unwrap_or_default();
    let task = tasks.iter().find(|task| task.task == name);
    let ensemble = task.and_then(|task| task.ensemble.as_ref());
    if !with_outcomes {
        return answer(name, ensemble);
    }
    let Some(came) = said.outcomes.iter().find(|came| came.task == name) else {
        return Cell::plain(format!("{} → ?", words(name, ensemble)));
    };
    let truth = match came.class_name.as_str() {
        "" => {
            let value = wire::answer::Answer::Value(came.value);
            words(name, Some(&wire::Answer { answer: Some(value) }))
        }
        class => class.replace('_', " "),
    };
    Cell::signed(came.baseline_loss - came.loss, format!("{} → {truth}", words(name, ensemble)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bar: i64, revision: u32, outcome: Option<f64>) -> wire::JournalledPrediction {
        let value = wire::answer::Answer::Value(0.0002);
        let classes = wire::ClassAnswer { index: 1, name: "up".to_owned(), probabilities: vec![0.38, 0.62] };
        let task = |name: &str, answer| wire::TaskPrediction {
            task: name.to_owned(),
            ensemble: Some(wire::Answer { answer: Some(answer) }),
            ..Default::default()
        };
        let came = |task: &str, value, class_name: &str| wire::Outcome {
            task: task.to_owned(),
            value,
            class_name: class_name.to_owned(),
            loss: 0.5,
            baseline_loss: 0.7,
            ..Default::default()
        };
        wire::JournalledPrediction {
            prediction: Some(wire::Prediction {
                symbol: "BTCUSDT".to_owned(),
                bar_time_ms: 1_748_736_899_999 + bar * 900_000,
                close_price: 36_900.5,
                revision,
                tasks: vec![
                    task("return_1step", value),
                    task("direction_4step", wire::answer::Answer::Classes(classes)),
                ],
                ..Default::default()
            }),
            outcomes: outcome.map_or_else(Vec::new, |value| {
                vec![came("return_1step", value, ""), came("direction_4step", 0.0, "down")]
            }),
        }
    }

    fn text(report: &Report) -> String {
        anstream::adapter::strip_str(&report.text()).to_string()
    }

    #[test]
    fn what_came_true_stands_beside_each_answer() {
        let shown = [said(0, 1, Some(-0.0003)), said(1, 2, None)];
        let text = text(&report(&shown, true, true));
        for part in [
            "forecasts from 2025-06-01 00:15:00 to 2025-06-01 00:30:00 UTC",
            "+2.00 bp → -3.00 bp",
            "up 62 % → down",
            "+2.00 bp → ?",
            "(revision 2)",
            "there is more",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let cell = task_cell(&shown[0], "return_1step", true);
        assert_eq!(cell, Cell::signed(1.0, "+2.00 bp → -3.00 bp"), "it cost less than the baseline");
    }

    #[test]
    fn without_outcomes_only_answers_are_shown() {
        let shown = [said(0, 1, None)];
        let shown = text(&report(&shown, false, false));
        assert!(shown.contains("+2.00 bp") && !shown.contains('→') && !shown.contains("more"), "{shown}");
        assert_eq!(text(&report(&[], true, false)), "no forecasts in this span\n");
    }
}
