//! What is renewed, out of stored klines.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use forecast::{Bundle, RENEWAL_BLOCK_BARS, RENEWAL_HISTORY_BARS, RENEWAL_LAG_BLOCKS, Renewed, Task, renew};
use kline::{BarTime, Interval, Kline, Symbol};

use crate::reason::Refusal;
use crate::stores::Stores;
use crate::unhurried::Haste;

/// What is renewed for those of the blocks before which enough is stored; `None` if there is no such block. Blocks.
///
/// # Errors
/// [`Reason::StoreFailed`](crate::reason::Reason::StoreFailed), or [`Reason::Busy`](crate::reason::Reason::Busy) if the
/// system gives no thread.
pub(crate) fn from_store(
    stores: &Stores,
    bundle: &Bundle,
    blocks: RangeInclusive<i64>,
    haste: Haste,
) -> Result<Option<Renewed>, Refusal> {
    let interval = bundle.manifest().interval;
    let Some(from) = first_with_history(stores, bundle, blocks.clone())? else { return Ok(None) };
    let blocks = from..=*blocks.end();
    let last = (blocks.end() - RENEWAL_LAG_BLOCKS + 1) * RENEWAL_BLOCK_BARS - 1;
    let last = last + i64::from(Task::LONGEST_HORIZON_STEPS);
    let read = (bar(first_needed(from), interval), bar(last, interval));
    let history = bundle
        .manifest()
        .symbols
        .iter()
        .map(|&symbol| stores.klines(symbol, interval, read.0, read.1).map(|klines| (symbol, klines)));
    let history: BTreeMap<Symbol, Vec<Kline>> = history.collect::<Result<_, _>>()?;
    haste.reckon(|| renew(bundle, &history, blocks)).map(Some)
}

/// The first of the blocks that has enough history. The last is looked at first: where that has not, none has.
fn first_with_history(
    stores: &Stores,
    bundle: &Bundle,
    mut blocks: RangeInclusive<i64>,
) -> Result<Option<i64>, Refusal> {
    if blocks.is_empty() || !has_history(stores, bundle, *blocks.end())? {
        return Ok(None);
    }
    for block in blocks.by_ref() {
        if has_history(stores, bundle, block)? {
            return Ok(Some(block));
        }
    }
    Ok(None)
}

/// Whether the store's history begins early enough for a block's renewal not to depend on where it begins. A pair that began
/// to be traded later has no more.
fn has_history(stores: &Stores, bundle: &Bundle, block: i64) -> Result<bool, Refusal> {
    let interval = bundle.manifest().interval;
    let first = first_needed(block);
    let day_before = (bar(first - RENEWAL_BLOCK_BARS, interval), bar(first, interval));
    for &symbol in &bundle.manifest().symbols {
        if !stores.klines(symbol, interval, day_before.0, day_before.1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The number of the first bar that a block's renewal depends on.
const fn first_needed(block: i64) -> i64 {
    block * RENEWAL_BLOCK_BARS - RENEWAL_HISTORY_BARS as i64
}

fn bar(index: i64, interval: Interval) -> BarTime {
    BarTime::last_closed((index + 1) * interval.milliseconds(), interval)
}
