//! A scorecard for people.

use klinecast::wire;

use super::table::{Cell, Report, Table};
use super::{short, time};

/// How many of the last days are drawn.
const DRAWN_DAYS: usize = 30;

/// From much worse than the baseline to much better.
const STEPS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// One line a task, or a pair or bundle and task.
pub(crate) fn report(card: &wire::GetScorecardResponse, by_pair: bool, by_bundle: bool) -> Report {
    let mut headings = Vec::new();
    headings.extend(by_pair.then_some("pair"));
    headings.extend(by_bundle.then_some("bundle"));
    headings.extend(["task", "outcomes", "days", "loss", "baseline's", "skill", "95 %", "besides", "by day"]);
    let mut table = Table::new(&headings);
    for line in &card.lines {
        let mut cells = Vec::new();
        cells.extend(by_pair.then(|| Cell::plain(&line.symbol)));
        cells.extend(by_bundle.then(|| Cell::plain(short(&line.bundle_digest))));
        cells.extend([
            Cell::plain(&line.task),
            Cell::number(line.outcome_count.to_string()),
            Cell::number(line.day_count.to_string()),
            Cell::number(format!("{:.4e}", line.loss)),
            Cell::number(format!("{:.4e}", line.baseline_loss)),
            skill(line),
            interval(line),
            Cell::plain(besides(line)),
            Cell::plain(spark(&line.days)),
        ]);
        table.row(cells);
    }
    if card.lines.is_empty() {
        let title = "no outcome in this window".to_owned();
        return Report::new(title).note(completeness(card).unwrap_or_else(|| {
            "a forecast is scored when its horizon has passed: a step after it was made, at the earliest"
                .to_owned()
        }));
    }
    let title = format!("skill from {} to {} UTC", day(card.from_ms), day(card.until_ms));
    let mut report = Report::new(title).table(table);
    if card.lines.iter().any(|line| line.too_few_days) {
        report = report.note("too few days for an interval: what stands there may be chance".to_owned());
    }
    if let Some(note) = completeness(card) {
        report = report.note(note);
    }
    if card.dropped_before_ms > 0 {
        let first = time(card.dropped_before_ms);
        report =
            report.note(format!("the journal begins at {first}: what was before was dropped by retention"));
    }
    report.note(format!(
        "skill is 1 - loss/baseline's loss against {}; green or red only where the interval leaves 0 out; by day: ▄ is none, lower is worse",
        baselines(card)
    ))
}

fn completeness(card: &wire::GetScorecardResponse) -> Option<String> {
    let note = "not all days of the window are known: the journal is still being read, does not go back so far, has more than is kept in memory, or is damaged";
    (!card.complete).then(|| note.to_owned())
}

fn baselines(card: &wire::GetScorecardResponse) -> String {
    let mut names: Vec<&str> =
        card.lines.iter().flat_map(|line| &line.baselines).map(String::as_str).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

fn day(milliseconds: i64) -> String {
    // The last millisecond of a day is shown as that day, not as the next one's midnight.
    time(milliseconds.saturating_sub(1).max(1)).get(..10).unwrap_or("-").to_owned()
}

fn percent(value: f64) -> String {
    format!("{:+.2} %", value * 100.0)
}

/// In colour only where the interval leaves out zero.
fn skill(line: &wire::ScoreLine) -> Cell {
    match percent(line.skill) {
        _ if line.skill.is_nan() => Cell::faint("-"),
        text if line.skill_low > 0.0 => Cell::signed(1.0, text),
        text if line.skill_high < 0.0 => Cell::signed(-1.0, text),
        text => Cell::number(text),
    }
}

fn interval(line: &wire::ScoreLine) -> Cell {
    if line.skill_low.is_nan() || line.skill_high.is_nan() {
        return Cell::faint(if line.too_few_days { "too few days" } else { "-" });
    }
    Cell::number(format!("{} to {}", percent(line.skill_low), percent(line.skill_high)))
}

/// What else is natural for the task.
fn besides(line: &wire::ScoreLine) -> String {
    let mut parts = Vec::new();
    let mut part = |value: f64, text: String| {
        if !value.is_nan() {
            parts.push(text);
        }
    };
    part(line.hit_rate, format!("{:.1} % hit", line.hit_rate * 100.0));
    part(line.rank_correlation, format!("rank {:+.3}", line.rank_correlation));
    part(line.calibration_error, format!("calibration {:.1} % off", line.calibration_error * 100.0));
    parts.join(", ")
}

/// The skill of the last days as a row of bars around the middle; a day without a skill is a blank.
fn spark(days: &[wire::ScoreDay]) -> String {
    let skills: Vec<f64> = days
        .iter()
        .skip(days.len().saturating_sub(DRAWN_DAYS))
        .map(|day| 1.0 - day.loss / day.baseline_loss)
        .collect();
    let largest =
        skills.iter().filter(|skill| skill.is_finite()).fold(0.0_f64, |most, skill| most.max(skill.abs()));
    let bar = |skill: &f64| {
        if !skill.is_finite() {
            return ' ';
        }
        let share = if largest > 0.0 { skill / largest } else { 0.0 };
        // Down to -1 the lower four, above 0 the upper four.
        let step = if share > 0.0 { 3.0 + (share * 4.0).ceil() } else { (3.0 + share * 3.0).round() };
        STEPS[(step as usize).min(STEPS.len() - 1)]
    };
    skills.iter().map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(task: &str, skill: f64, low: f64, high: f64) -> wire::ScoreLine {
        let day = |day: i64, loss: f64| wire::ScoreDay {
            day_ms: day * 86_400_000,
            outcome_count: 96,
            loss,
            baseline_loss: 1.0,
        };
        wire::ScoreLine {
            task: task.to_owned(),
            outcome_count: 960,
            day_count: 3,
            loss: 0.9,
            baseline_loss: 1.0,
            baselines: vec!["zero".to_owned()],
            skill,
            skill_low: low,
            skill_high: high,
            too_few_days: low.is_nan(),
            hit_rate: 0.5125,
            rank_correlation: f64::NAN,
            calibration_error: f64::NAN,
            days: vec![day(0, 2.0), day(1, 1.0), day(2, 0.5)],
            ..Default::default()
        }
    }

    #[test]
    fn a_card_has_colours_only_beyond_the_interval() {
        let card = wire::GetScorecardResponse {
            lines: vec![
                line("return_1step", 0.1, 0.05, 0.15),
                line("return_4step", -0.1, -0.3, 0.1),
                line("return_16step", 0.3, f64::NAN, f64::NAN),
            ],
            from_ms: 1_706_659_200_000,
            until_ms: 1_706_745_599_999,
            complete: true,
            ..Default::default()
        };
        let text = report(&card, false, false).text();
        let rows: Vec<&str> = text.lines().filter(|row| row.contains("return_")).collect();
        assert!(rows[0].contains("\x1b[38;5;10m") && !rows[1].contains("\x1b[38;5;9m"), "{rows:?}");
        let text = anstream::adapter::strip_str(&text).to_string();
        for part in [
            "2024-01-31 to 2024-01-31",
            "+10.00 %",
            "+5.00 % to +15.00 %",
            "too few days",
            "51.2 % hit",
            "▁▄▆",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("rank") && !text.contains("not all days"), "{text}");
    }

    #[test]
    fn bars_stand_around_the_middle() {
        let day =
            |loss: f64, baseline_loss: f64| wire::ScoreDay { loss, baseline_loss, ..Default::default() };
        assert_eq!(spark(&[day(2.0, 1.0), day(1.0, 1.0), day(0.99, 1.0), day(0.0, 1.0)]), "▁▄▅█");
        assert_eq!(spark(&[day(1.0, 1.0), day(1.0, 0.0)]), "▄ ");
        assert_eq!(spark(&[]), "");
    }

    #[test]
    fn an_empty_window_says_why() {
        let text =
            report(&wire::GetScorecardResponse { complete: true, ..Default::default() }, true, true).text();
        assert!(text.contains("no outcome") && text.contains("horizon"), "{text}");
    }
}
