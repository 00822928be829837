//! When a closing frame leaves: once and at its time, or otherwise.

use kline::{Interval, Milliseconds, Symbol};

use super::{FaultEntry, FaultKind, Faults};
use crate::LineId;

/// A held final leaves so long after the next bar's close: after the next bar's final.
const AFTER_THE_NEXT: Milliseconds = 150;

impl Faults {
    /// When the closing frame of a bar that ends just before `boundary` leaves on a connection, where it should
    /// leave at `usual`: nothing is never, several times are duplicates.
    pub(crate) fn departures(
        &mut self,
        line: LineId,
        (symbol, interval): (Symbol, Interval),
        boundary: Milliseconds,
        usual: Milliseconds,
    ) -> Vec<Milliseconds> {
        use FaultKind as Kind;
        let mut times = vec![usual];
        for active in &self.active {
            let kind = active.episode.kind;
            if !active.at(boundary) || !active.strikes_symbol(symbol) || !active.strikes_line(line) {
                continue;
            }
            // Connections that are struck together are struck alike.
            let of_symbol = symbol.as_str().bytes().fold(0, |sum: u64, byte| sum * 31 + u64::from(byte));
            let mut draw = active.episode.draw(of_symbol ^ boundary.cast_unsigned() ^ interval as u64);
            match kind {
                Kind::MissingFinal => times.clear(),
                Kind::LateFinal => {
                    let late = draw.spread(2_000, 1_500_000);
                    times.iter_mut().for_each(|time| *time += late);
                }
                Kind::DuplicateFinal => {
                    if let Some(first) = times.first().copied() {
                        let at_once = draw.chance(0.5);
                        for _ in 0..=draw.below(3) {
                            let later = draw.spread(1, 20_000);
                            times.push(if at_once { first } else { first + later });
                        }
                    }
                }
                Kind::ReorderedFinals => {
                    let swapped = active.episode.draw(2).chance(0.5);
                    let next_bar = boundary + interval.milliseconds() + AFTER_THE_NEXT - usual;
                    let later = if swapped { draw.between(0, 2_000) } else { next_bar };
                    times.iter_mut().for_each(|time| *time += later);
                }
                _ => continue,
            }
            let end = times.iter().copied().max().unwrap_or(usual);
            if kind == Kind::MissingFinal || end > usual || times.len() > 1 {
                self.log.add(FaultEntry { kind, symbol: Some(symbol), line: Some(line), start: usual, end });
            }
            if times.is_empty() {
                break;
            }
        }
        times.sort_unstable();
        times
    }
}
