//! What moved a forecast, for people: bars to the right raise the score, bars to the left lower it.

use klinecast::wire;

use super::table::{Cell, Report, Table};
use super::time;

/// Characters of a bar on each side.
const SIDE: usize = 12;

/// One report for each task and booster.
pub(crate) fn reports(prediction: &wire::Prediction) -> Vec<Report> {
    let of_task = |task: &wire::TaskPrediction| {
        let of_booster = |explanation: &wire::Explanation| report(prediction, &task.task, explanation);
        task.explanations.iter().map(of_booster).collect::<Vec<_>>()
    };
    prediction.tasks.iter().flat_map(of_task).collect()
}

/// How the reports are to be read, and of what.
pub(crate) fn legend(prediction: &wire::Prediction) -> Report {
    let title = if prediction.tasks.iter().all(|task| task.explanations.is_empty()) {
        "nothing is explained"
    } else {
        "what each feature added to the raw score (SHAP), largest first"
    };
    let note = "the raw score is before the link function and the transformation of the target; of classes, that of the one named";
    Report::new(title.to_owned()).note(note.to_owned()).note(format!("forecast {}", prediction.id))
}

fn report(prediction: &wire::Prediction, task: &str, explanation: &wire::Explanation) -> Report {
    let mut table = Table::new(&["feature", "value", "added", ""]);
    let contributions = &explanation.contributions;
    let largest = contributions
        .iter()
        .map(|contribution| contribution.contribution.abs())
        .chain([explanation.rest.abs()])
        .filter(|size| size.is_finite())
        .fold(0.0, f64::max);
    let mut row = |name: Cell, value: Cell, added: f64| {
        let text = if added.is_finite() { signed(added) } else { "-".to_owned() };
        table.row(vec![name, value, Cell::signed(added, text), Cell::signed_bar(added, bar(added, largest))]);
    };
    for contribution in contributions {
        let value = match contribution.value.is_nan() {
            true => Cell::faint("missing"),
            false => Cell::number(significant(contribution.value)),
        };
        row(Cell::plain(&contribution.feature), value, contribution.contribution);
    }
    row(Cell::faint("all others"), Cell::plain(""), explanation.rest);
    let class = match explanation.class_name.as_str() {
        "" => String::new(),
        name => format!(", {}", name.replace('_', " ")),
    };
    let title = format!(
        "{} {task}{class} by {} on {} UTC{}",
        prediction.symbol,
        booster(&explanation.booster),
        time(prediction.bar_time_ms),
        super::forecast::marks(prediction)
    );
    Report::new(title).table(table).note(format!(
        "expected {} and what was added are the raw score {}",
        significant(explanation.expected),
        significant(explanation.raw_score)
    ))
}

fn booster(name: &str) -> &str {
    match name {
        "lightgbm" => "LightGBM",
        "xgboost" => "XGBoost",
        other => other,
    }
}

/// A bar from the middle to the right or the left, its length in halves of a character.
fn bar(value: f64, largest: f64) -> String {
    let share = if value.is_finite() && largest > 0.0 { (value.abs() / largest).min(1.0) } else { 0.0 };
    let halves = (share * 2.0 * SIDE as f64).round() as usize;
    let (whole, has_half) = (halves / 2, halves % 2 == 1);
    let (right, left) = ("█".repeat(whole), "█".repeat(whole));
    let empty = " ".repeat(SIDE - whole - usize::from(has_half));
    if value > 0.0 {
        format!("{}│{right}{}{empty}", " ".repeat(SIDE), if has_half { "▌" } else { "" })
    } else {
        format!("{empty}{}{left}│{}", if has_half { "▐" } else { "" }, " ".repeat(SIDE))
    }
}

fn signed(value: f64) -> String {
    let text = significant(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

/// Four significant digits.
fn significant(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        1e-3..1e6 => {
            let before_point = value.abs().log10().floor() as i32 + 1;
            format!("{value:.*}", usize::try_from(4 - before_point).unwrap_or_default())
        }
        _ => format!("{value:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(class_name: &str) -> wire::Prediction {
        let contribution = |feature: &str, value, contribution| wire::Contribution {
            feature: feature.to_owned(),
            value,
            contribution,
        };
        let explanation = wire::Explanation {
            booster: "lightgbm".to_owned(),
            class_name: class_name.to_owned(),
            raw_score: 0.65,
            expected: 0.5,
            contributions: vec![
                contribution("rsi_14", 71.25, 0.2),
                contribution("atr_14", f64::NAN, -0.1),
                contribution("flat", 0.0, 0.0),
            ],
            rest: 0.05,
            ..Default::default()
        };
        let task = wire::TaskPrediction {
            task: "direction_4step".to_owned(),
            explanations: vec![explanation],
            ..Default::default()
        };
        wire::Prediction {
            symbol: "BTCUSDT".to_owned(),
            bar_time_ms: 1_748_736_899_999,
            tasks: vec![task],
            ..Default::default()
        }
    }

    #[test]
    fn a_table_has_every_feature_with_what_it_added_and_how_it_adds_up() {
        let reports = reports(&explained("strong_up"));
        assert_eq!(reports.len(), 1);
        let text = anstream::adapter::strip_str(&reports[0].text()).to_string();
        assert!(
            text.starts_with("BTCUSDT direction_4step, strong up by LightGBM on 2025-06-01 00:15:00 UTC\n"),
            "{text}"
        );
        let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_default();
        assert!(line("rsi_14").contains("71.25") && line("rsi_14").contains("+0.2000"), "{text}");
        assert!(line("rsi_14").ends_with(&format!("{}│████████████ │", " ".repeat(12))), "{text}");
        assert!(line("atr_14").contains("missing") && line("atr_14").contains("██████│"), "{text}");
        assert!(line("all others").contains("│███ "), "{text}");
        assert!(text.ends_with("expected 0.5000 and what was added are the raw score 0.6500\n"), "{text}");
    }

    #[test]
    fn a_regression_names_no_class_and_nothing_explained_says_so() {
        let text = reports(&explained(""))[0].text();
        assert!(text.contains("direction_4step by LightGBM"), "{text}");
        let nothing = legend(&wire::Prediction::default()).text();
        assert!(nothing.contains("nothing is explained"), "{nothing}");
    }

    #[test]
    fn bars_are_as_wide_as_each_other_and_never_wider() {
        for (value, largest) in [
            (1.0, 1.0),
            (-1.0, 1.0),
            (0.3, 1.0),
            (-0.04, 1.0),
            (0.0, 0.0),
            (5.0, 1.0),
            (f64::NAN, 1.0),
            (f64::INFINITY, 1.0),
        ] {
            assert_eq!(bar(value, largest).chars().count(), 2 * SIDE + 1, "{value} of {largest}");
        }
        assert_eq!(bar(-0.04, 1.0).trim(), "▐│");
        assert_eq!(bar(0.04, 1.0).trim(), "│▌");
    }

    #[test]
    fn four_digits_are_shown() {
        let shown = [1234.56, 0.012345, -71.256, 1e-5, 2.5e7, 123_456.7, f64::NAN].map(significant);
        assert_eq!(shown, ["1235", "0.01235", "-71.26", "1.000e-5", "2.500e7", "123457", "NaN"]);
    }
}
