//! Forecasts for people: one pair in full, or many pairs in one line each.

use klinecast::{json, wire};

use super::table::{Cell, Report, Table};
use super::{duration, short, time};

/// One pair: every task with each member's answer and the baselines'.
pub(crate) fn detail(prediction: &wire::Prediction) -> Report {
    let mut table =
        Table::new(&["task", "steps", "ensemble", "80 % band", "LightGBM", "XGBoost", "baselines"]);
    for task in &prediction.tasks {
        let baselines: Vec<String> = task
            .baselines
            .iter()
            .map(|baseline| format!("{} {}", baseline.name, words(&task.task, baseline.answer.as_ref())))
            .collect();
        table.row(vec![
            Cell::plain(&task.task),
            Cell::number(task.horizon_steps.to_string()),
            answer(&task.task, task.ensemble.as_ref()),
            Cell::plain(band(task)),
            Cell::plain(words(&task.task, task.lightgbm.as_ref())),
            Cell::plain(words(&task.task, task.xgboost.as_ref())),
            Cell::faint(baselines.join(", ")),
        ]);
    }
    let title = format!(
        "{} {} at {} on {} UTC{}",
        prediction.symbol,
        if prediction.provisional { "stands" } else { "closed" },
        prediction.close_price,
        time(prediction.bar_time_ms),
        marks(prediction)
    );
    let last = match prediction.provisional {
        true => "from the kline that is still forming: it is neither journalled nor scored".to_owned(),
        false => format!("id {}: klinecast replay makes it again", prediction.id),
    };
    let report = Report::new(title).table(table).note(provenance(prediction));
    let report = match root_mean_square(prediction) {
        Some(note) => report.note(note),
        None => report,
    };
    report.note(last)
}

/// What the squared volatility is expected by, for people who count risk in squares.
fn root_mean_square(prediction: &wire::Prediction) -> Option<String> {
    let value = prediction.tasks.iter().find_map(|task| task.root_mean_square)?;
    Some(format!("the volatility's root mean square, to count risk by, is {:.3} %", value * 100.0))
}

fn provenance(prediction: &wire::Prediction) -> String {
    let quality = prediction.quality.unwrap_or_default();
    format!(
        "bundle {}, row {}, {} of {} features warm, {} bars carried, {} inputs missing, from {}{}, {} old",
        short(&prediction.bundle_digest),
        short(&prediction.row_hash),
        quality.warm_features,
        quality.total_features,
        quality.carried_bars,
        quality.missing_inputs,
        json::enum_name(prediction.source().as_str_name(), "KLINE_SOURCE_"),
        prediction.late_ms.map(|late| format!(" {} after the bar", duration(late))).unwrap_or_default(),
        duration(prediction.staleness_ms),
    )
}

/// What is unusual about a prediction, in brackets; nothing when nothing is.
pub(crate) fn marks(prediction: &wire::Prediction) -> String {
    let mut marks = Vec::new();
    if prediction.provisional {
        marks.push("provisional".to_owned());
    }
    if prediction.revision > 1 {
        marks.push(format!("revision {}", prediction.revision));
    }
    if marks.is_empty() { String::new() } else { format!(" ({})", marks.join(", ")) }
}

/// Many pairs, one row each, with the ensemble's answers.
pub(crate) fn overview(predictions: &[wire::Prediction]) -> Report {
    let Some(last) = predictions.iter().max_by_key(|prediction| prediction.bar_time_ms) else {
        return Report::new("no forecasts".to_owned());
    };
    let tasks: Vec<&str> = last.tasks.iter().map(|task| task.task.as_str()).collect();
    // What is the same for every pair stands in the title; what no pair has, nowhere.
    let bars_differ = predictions.iter().any(|prediction| prediction.bar_time_ms != last.bar_time_ms);
    let any_marks = predictions.iter().any(|prediction| !marks(prediction).is_empty());
    let mut headings = vec!["pair"];
    headings.extend(bars_differ.then_some("bar"));
    headings.push("close");
    headings.extend(tasks.iter().copied().map(heading));
    headings.extend(any_marks.then_some(""));
    let mut table = Table::new(&headings);
    for prediction in predictions {
        let mut cells = vec![Cell::plain(&prediction.symbol)];
        cells.extend(
            bars_differ.then(|| Cell::plain(time(prediction.bar_time_ms).get(5..16).unwrap_or_default())),
        );
        cells.push(Cell::number(prediction.close_price.to_string()));
        for name in &tasks {
            let task = prediction.tasks.iter().find(|task| task.task == *name);
            cells.push(answer(name, task.and_then(|task| task.ensemble.as_ref())));
        }
        cells.extend(any_marks.then(|| Cell::faint(marks(prediction).trim())));
        table.row(cells);
    }
    Report::new(format!("forecasts at {} UTC", time(last.bar_time_ms))).table(table).note(format!(
        "returns over 1, 4 and 16 steps of {}, the rest over 4; LightGBM and XGBoost together, bundle {}",
        last.interval,
        short(&last.bundle_digest)
    ))
}

/// A task's column in the overview.
pub(crate) fn heading(task: &str) -> &'static str {
    match task {
        "return_1step" => "1 step",
        "return_4step" => "4 steps",
        "return_16step" => "16 steps",
        "direction_4step" => "direction",
        "direction_multi_4step" => "trend",
        "volatility_4step" => "volatility",
        "vol_regime_4step" => "regime",
        _ => "other",
    }
}

/// One forecast on one line, for logs and pipes.
pub(crate) fn line(prediction: &wire::Prediction) -> String {
    let mut text =
        format!("{} {} close {}", time(prediction.bar_time_ms), prediction.symbol, prediction.close_price);
    for task in &prediction.tasks {
        text.push_str(&format!("  {} {}", task.task, words(&task.task, task.ensemble.as_ref())));
    }
    text + &marks(prediction)
}

pub(crate) fn answer(task: &str, answer: Option<&wire::Answer>) -> Cell {
    let text = words(task, answer);
    match answer.and_then(|answer| answer.answer.as_ref()) {
        Some(wire::answer::Answer::Value(value)) if task.starts_with("return") => Cell::signed(*value, text),
        Some(wire::answer::Answer::Value(_)) => Cell::number(text),
        Some(wire::answer::Answer::Classes(classes)) => match classes.name.as_str() {
            "up" | "strong_up" => Cell::good(text),
            "down" | "strong_down" => Cell::bad(text),
            _ => Cell::plain(text),
        },
        None => Cell::faint(text),
    }
}

/// The level of the band that is shown.
const SHOWN_LEVEL: f64 = 0.8;

/// The two ends of the 80 % band in the unit of the answer; nothing where there is none.
fn band(task: &wire::TaskPrediction) -> String {
    let shown = task.bands.iter().find(|band| (band.level - SHOWN_LEVEL).abs() < 1e-9);
    match shown {
        None => String::new(),
        Some(band) if task.task.starts_with("return") => {
            format!("{:+.1} to {:+.1} bp", band.low * 1e4, band.high * 1e4)
        }
        Some(band) => format!("{:.3} to {:.3} %", band.low * 100.0, band.high * 100.0),
    }
}

/// An answer in words: returns in basis points, volatility in per cent, classes with their probability.
pub(crate) fn words(task: &str, answer: Option<&wire::Answer>) -> String {
    match answer.and_then(|answer| answer.answer.as_ref()) {
        None => "-".to_owned(),
        Some(wire::answer::Answer::Value(value)) if task.starts_with("return") => {
            format!("{:+.2} bp", value * 1e4)
        }
        Some(wire::answer::Answer::Value(value)) => format!("{:.3} %", value * 100.0),
        Some(wire::answer::Answer::Classes(classes)) => {
            let probability =
                usize::try_from(classes.index).ok().and_then(|index| classes.probabilities.get(index));
            let name = classes.name.replace('_', " ");
            probability
                .map_or_else(|| name.clone(), |probability| format!("{name} {:.0} %", probability * 100.0))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(value: f64) -> Option<wire::Answer> {
        Some(wire::Answer { answer: Some(wire::answer::Answer::Value(value)) })
    }

    fn prediction(revision: u32) -> wire::Prediction {
        let classes =
            wire::ClassAnswer { index: 1, name: "strong_up".to_owned(), probabilities: vec![0.38, 0.62] };
        let task = |task: &str, ensemble| wire::TaskPrediction {
            task: task.to_owned(),
            ensemble,
            ..Default::default()
        };
        wire::Prediction {
            symbol: "BTCUSDT".to_owned(),
            bar_time_ms: 1_748_736_899_999,
            close_price: 36_900.5,
            revision,
            tasks: vec![
                task("return_4step", value(-0.00012)),
                task("volatility_4step", value(0.0042)),
                task(
                    "direction_4step",
                    Some(wire::Answer { answer: Some(wire::answer::Answer::Classes(classes)) }),
                ),
                task("vol_regime_4step", None),
            ],
            ..Default::default()
        }
    }

    #[test]
    fn a_line_has_every_task_in_its_unit() {
        assert_eq!(
            line(&prediction(1)),
            "2025-06-01 00:15:00 BTCUSDT close 36900.5  return_4step -1.20 bp  volatility_4step 0.420 %  \
             direction_4step strong up 62 %  vol_regime_4step -"
        );
        assert!(line(&prediction(2)).ends_with(" (revision 2)"));
    }

    #[test]
    fn a_nowcast_is_marked_wherever_it_is_shown() {
        let nowcast = wire::Prediction { provisional: true, ..prediction(1) };
        assert!(line(&nowcast).ends_with(" (provisional)"));
        assert!(overview(&[nowcast.clone(), prediction(1)]).text().contains("(provisional)"));
        let text = detail(&nowcast).text();
        assert!(text.contains("BTCUSDT stands at") && text.contains("(provisional)"), "{text}");
        assert!(text.contains("neither journalled nor scored") && !text.contains("replay"), "{text}");
        assert!(detail(&prediction(1)).text().contains("replay"));
    }

    #[test]
    fn the_80_per_cent_band_of_a_return_and_of_the_volatility_is_shown() {
        let band = |level, low, high| wire::Band { level, low, high };
        let mut with_bands = prediction(1);
        with_bands.tasks[0].bands = vec![band(0.8, -0.0031, 0.00281), band(0.9, -0.0042, 0.0039)];
        with_bands.tasks[1].bands = vec![band(0.8, 0.0021, 0.0084), band(0.9, 0.001, 0.02)];
        let text = anstream::adapter::strip_str(&detail(&with_bands).text()).to_string();
        assert!(text.contains("-31.0 to +28.1 bp") && text.contains("0.210 to 0.840 %"), "{text}");
        assert!(!text.contains("-42.0") && text.contains("80 % band"), "{text}");
        assert!(!text.contains("root mean square"), "{text}");
        with_bands.tasks[1].root_mean_square = Some(0.0057);
        let text = anstream::adapter::strip_str(&detail(&with_bands).text()).to_string();
        assert!(text.contains("root mean square, to count risk by, is 0.570 %"), "{text}");
    }

    #[test]
    fn an_overview_has_one_row_a_pair_and_one_column_a_task() {
        let older = wire::Prediction { bar_time_ms: 1_748_735_999_999, ..prediction(2) };
        let text = overview(&[prediction(1), older]).text();
        let text = anstream::adapter::strip_str(&text).to_string();
        for part in
            ["4 steps", "direction", "-1.20 bp", "0.420 %", "strong up 62 %", "06-01 00:15", "(revision 2)"]
        {
            assert!(text.contains(part), "{part} in {text}");
        }
        let text = overview(&[prediction(1), prediction(1)]).text();
        assert_eq!(
            text.matches("06-01 00:15").count(),
            1,
            "one bar for all stands in the title alone: {text}"
        );
        assert_eq!(anstream::adapter::strip_str(&overview(&[]).text()).to_string(), "no forecasts\n");
    }
}
