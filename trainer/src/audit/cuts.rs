//! At which bars history is cut, and how much of it is looked at around a cut.

use features::HISTORY_BARS;
use forecast::Forecaster;
use kline::{BarTime, Interval, Kline};

use super::{Klines, RowMaker};
use crate::random::Random;
use crate::{Result, TrainerError};

/// So many bars after a cut are looked at: more than twice the longest horizon.
pub(super) const BARS_AFTER: i64 = 40;

/// One cut in so many has the longest history that anything depends on, so that the regime's window is full and
/// lets bars go; the others have what the features depend on.
const LONG_EVERY: usize = 12;

/// Places drawn for a cut; the one with the most klines around it is taken, so that few cuts fall into holes.
const DRAWS: usize = 4;

/// One cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// The last bar before it.
    pub(super) bar: BarTime,
    /// So many bars up to it are looked at.
    pub(super) reach: i64,
    /// How many klines are around it.
    klines: usize,
}

/// Cuts spread evenly over the history, each at a seeded place within its share of it.
pub(super) fn choose(
    maker: &dyn RowMaker,
    klines: &Klines,
    interval: Interval,
    bars: usize,
    seed: u64,
) -> Result<Vec<Cut>> {
    let warm_up = warm_up(maker);
    let timeline = klines.values().max_by_key(|klines| klines.len()).map_or(&[][..], Vec::as_slice);
    let last = timeline.len().saturating_sub(BARS_AFTER as usize);
    if last <= warm_up + 1 {
        return Err(TrainerError::TooLittle {
            window: "the audit",
            rows: timeline.len(),
            needed: warm_up + BARS_AFTER as usize + 2,
            remedy: "give it more history".to_owned(),
        });
    }
    // Where the history allows it, every window is full.
    let first = if last > HISTORY_BARS + bars { HISTORY_BARS } else { warm_up };
    let reach = HISTORY_BARS as i64;
    let mut cuts: Vec<Cut> = Vec::with_capacity(bars);
    for part in 0..bars {
        let border = |part: usize| first + (last - first) * part / bars;
        let (from, room) = (border(part), border(part + 1) - border(part));
        let mut random = Random::of(seed, &[0xc075, part as u64]);
        let drawn = (0..DRAWS.min(room)).map(|_| {
            let bar = timeline[from + random.below(room)].bar_time(interval);
            let window = [bar.plus(-reach, interval), bar.plus(BARS_AFTER, interval)];
            Cut { bar, reach, klines: klines.values().map(|klines| within(klines, window).len()).sum() }
        });
        if let Some(cut) = drawn.max_by_key(|cut| cut.klines) {
            let reach = if part.is_multiple_of(LONG_EVERY) { Forecaster::HISTORY_BARS as i64 } else { reach };
            cuts.push(Cut { reach, ..cut });
        }
    }
    Ok(cuts)
}

/// How many bars it takes until every feature is warm.
pub(super) fn warm_up(maker: &dyn RowMaker) -> usize {
    maker.definitions().iter().map(|one| one.warm_up_bars as usize).max().unwrap_or(0)
}

/// The cuts with the most klines around them, ascending.
pub(super) fn fullest(cuts: &[Cut], count: usize, seed: u64) -> Vec<Cut> {
    let mut ranked: Vec<(usize, f64, Cut)> = cuts
        .iter()
        .enumerate()
        .map(|(place, cut)| (cut.klines, Random::of(seed, &[0xf011, place as u64]).unit(), *cut))
        .collect();
    ranked.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)));
    let mut fullest: Vec<Cut> = ranked.into_iter().take(count).map(|(_, _, cut)| cut).collect();
    fullest.sort_by_key(|cut| cut.bar);
    fullest
}

/// The klines from `reach` bars up to the cut until `after` bars after it.
pub(super) fn slice(klines: &Klines, interval: Interval, bar: BarTime, reach: i64, after: i64) -> Klines {
    let window = [bar.plus(-reach, interval), bar.plus(after, interval)];
    klines
        .iter()
        .map(|(symbol, klines)| (*symbol, within(klines, window).to_vec()))
        .filter(|(_, klines)| !klines.is_empty())
        .collect()
}

/// The klines after the first bar, up to the second one.
fn within(klines: &[Kline], [after, until]: [BarTime; 2]) -> &[Kline] {
    let start = klines.partition_point(|kline| kline.close_time <= after.milliseconds());
    let end = klines.partition_point(|kline| kline.close_time <= until.milliseconds());
    &klines[start..end.max(start)]
}
