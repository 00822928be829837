//! The quality of the klines as tables: a line a symbol, then the worst days.

use kline::Symbol;

use super::{DayQuality, Fault, SymbolQuality};
use crate::console;
use crate::time::readable_day;

/// Lines of the table of the worst days.
const WORST_MAX: usize = 15;

/// Lines of the table of holes.
const HOLES_MAX: usize = 10;

/// Days in a row of one symbol: one with klines, or all without any.
struct Stretch<'a> {
    symbol: Symbol,
    first: &'a DayQuality,
    last: &'a DayQuality,
}

/// A line a symbol, and the worst days of all.
#[must_use]
pub(crate) fn table(found: &[SymbolQuality]) -> String {
    let rows = found.iter().map(|one| {
        let mut row = vec![
            match one.continues {
                Some(before) => format!("{} (until {} {})", one.symbol, before.until, before.name),
                None => one.symbol.to_string(),
            },
            one.bars.to_string(),
            one.gaps.to_string(),
            one.missing_bars.to_string(),
            one.longest_gap_bars.to_string(),
        ];
        row.extend(Fault::ALL.map(|fault| one.faults.of(fault).to_string()));
        row.extend([one.bars_without_flow.to_string(), format!("{:.4}", one.score)]);
        row
    });
    let mut header = vec!["symbol", "bars", "gaps", "missing", "longest"];
    let faults = Fault::ALL.map(|fault| fault.name().replace('_', " "));
    header.extend(faults.iter().map(String::as_str));
    header.extend(["no flow", "score"]);
    format!("{}{}", console::table(&header, rows), worst_days(found))
}

/// The days with the least scores of those that have klines, and the holes of whole days, the longest first.
fn worst_days(found: &[SymbolQuality]) -> String {
    let stretches = found.iter().flat_map(stretches);
    let (mut holes, mut days): (Vec<Stretch<'_>>, Vec<Stretch<'_>>) =
        stretches.partition(|one| is_empty(one.first));
    if holes.is_empty() && days.is_empty() {
        return "\nno day lacks anything\n".to_owned();
    }
    days.sort_by(|a, b| {
        let order = a.first.score.total_cmp(&b.first.score);
        order.then(b.last.day.cmp(&a.last.day)).then(a.symbol.cmp(&b.symbol))
    });
    let length = |one: &Stretch<'_>| one.last.day - one.first.day;
    holes.sort_by(|a, b| length(b).cmp(&length(a)).then(a.symbol.cmp(&b.symbol)));
    let days = listed("worst days of", &days, WORST_MAX);
    format!("{days}{}", listed("days without klines of", &holes, HOLES_MAX))
}

fn listed(title: &str, stretches: &[Stretch<'_>], most: usize) -> String {
    if stretches.is_empty() {
        return String::new();
    }
    let rows = stretches.iter().take(most).map(|Stretch { symbol, first, last }| {
        let days = if first.day == last.day {
            readable_day(first.day)
        } else {
            format!("{} to {}", readable_day(first.day), readable_day(last.day))
        };
        vec![symbol.to_string(), days, told(first), format!("{:.4}", first.score)]
    });
    let table = console::table(&[title, "day", "what", "score"], rows);
    match stretches.len().saturating_sub(most) {
        0 => format!("\n{table}\n"),
        more => format!("\n{table}\n... and {more} more; quality.json has them\n"),
    }
}

fn is_empty(day: &DayQuality) -> bool {
    day.missing_bars == day.expected_bars
}

fn told(day: &DayQuality) -> String {
    if is_empty(day) {
        return "no klines".to_owned();
    }
    let missing = (day.missing_bars > 0).then(|| format!("missing {}", day.missing_bars));
    let faults =
        day.faults.found().map(|(fault, count)| format!("{} {count}", fault.name().replace('_', " ")));
    missing.into_iter().chain(faults).collect::<Vec<_>>().join(", ")
}

fn stretches(found: &SymbolQuality) -> Vec<Stretch<'_>> {
    let mut stretches: Vec<Stretch<'_>> = Vec::new();
    let mut before: Option<&DayQuality> = None;
    for day in &found.days {
        match (before, stretches.last_mut()) {
            (Some(before), Some(stretch)) if is_empty(before) && is_empty(day) => stretch.last = day,
            _ if day.score < 1.0 => {
                stretches.push(Stretch { symbol: found.symbol, first: day, last: day });
            }
            _ => (),
        }
        before = Some(day);
    }
    stretches
}
