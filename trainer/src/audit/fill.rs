//! What the klines lack, made up: a feature of a missing column would be missing everywhere and could hide anything.

use std::collections::BTreeSet;

use features::{MAX_CARRIED_BARS, bitcoin_of};
use kline::{Interval, Kline, KlineFields, Symbol};

use super::Klines;
use crate::random::{Random, purpose_of};

/// Cross-symbol features are judged among at least so many symbols, Bitcoin among them.
pub(super) const SYMBOLS_LEAST: usize = 3;

/// Repeats the bar before a short hole in it. The engine carries the last close over one, and so every column of a bar that is not there
/// would read that close, whatever a feature declares.
pub(super) fn bars(klines: &mut Klines, interval: Interval) {
    for series in klines.values_mut() {
        let mut whole: Vec<Kline> = Vec::with_capacity(series.len());
        for kline in series.iter() {
            if let Some(last) = whole.last().copied() {
                let missing = kline.bar_time(interval).steps_since(last.bar_time(interval), interval) - 1;
                let carried = if missing <= MAX_CARRIED_BARS { missing } else { 0 };
                whole.extend((1..=carried).filter_map(|steps| again(&last, steps, interval)));
            }
            whole.push(*kline);
        }
        *series = whole;
    }
}

/// A kline so many steps later.
fn again(kline: &Kline, steps: i64, interval: Interval) -> Option<Kline> {
    let (later, fields) = (steps * interval.milliseconds(), **kline);
    let (open_time, close_time) = (fields.open_time + later, fields.close_time + later);
    Kline::new(interval, KlineFields { open_time, close_time, ..fields }).ok()
}

/// Fills in the columns that klines lack with plausible values, the same ones wherever the klines are cut; notes the
/// columns' names.
pub(super) fn columns(
    klines: &mut Klines,
    interval: Interval,
    seed: u64,
    filled: &mut BTreeSet<&'static str>,
) {
    for (symbol, klines) in klines {
        for kline in klines {
            let missing = [
                ("quote_volume", kline.quote_volume.is_none()),
                ("trades", kline.trades.is_none()),
                ("taker_base", kline.taker_base.is_none()),
                ("taker_quote", kline.taker_quote.is_none()),
            ];
            if missing.iter().any(|(_, missing)| *missing) {
                filled.extend(missing.iter().filter(|(_, missing)| *missing).map(|(name, _)| name));
                let purpose = [0xf111, purpose_of(*symbol), kline.open_time.cast_unsigned()];
                *kline = complete(kline, interval, &mut Random::of(seed, &purpose));
            }
        }
    }
}

fn complete(kline: &Kline, interval: Interval, random: &mut Random) -> Kline {
    let mut fields = **kline;
    let (share, size) = (random.between(0.3, 0.7), random.between(0.2, 2.0));
    let whole =
        fields.quote_volume.unwrap_or(fields.volume * (fields.high + fields.low + fields.close) / 3.0);
    // Never below a part that is there already.
    let whole = whole.max(fields.taker_quote.unwrap_or(0.0));
    fields.quote_volume = Some(whole);
    fields.trades.get_or_insert(if fields.volume > 0.0 { 1 + (1_000.0 * size) as u64 } else { 0 });
    fields.taker_base.get_or_insert(fields.volume * share);
    fields.taker_quote.get_or_insert(whole * share);
    Kline::new(interval, fields).unwrap_or(*kline)
}

/// Adds made-up markets where there is no Bitcoin or there are too few symbols; answers their names.
pub(super) fn stand_ins(klines: &mut Klines, interval: Interval, seed: u64) -> Vec<Symbol> {
    let mut added = Vec::new();
    let Some(model) = klines.values().max_by_key(|klines| klines.len()).cloned() else { return added };
    let has_bitcoin = bitcoin_of(klines.keys().copied()).is_some();
    let names = ["BTCUSD.AUDIT", "AUDIT-1", "AUDIT-2", "AUDIT-3"];
    for symbol in names[usize::from(has_bitcoin)..].iter().filter_map(|name| name.parse().ok()) {
        let wanted = added.is_empty() && !has_bitcoin || klines.len() < SYMBOLS_LEAST;
        if wanted && !klines.contains_key(&symbol) {
            klines.insert(symbol, like(&model, symbol, interval, seed));
            added.push(symbol);
        }
    }
    added
}

/// A market with the bars of another one and its own path.
fn like(model: &[Kline], symbol: Symbol, interval: Interval, seed: u64) -> Vec<Kline> {
    let mut random = Random::of(seed, &[0x57a4d, purpose_of(symbol)]);
    let mut factor = 0.5;
    let one = |kline: &Kline| {
        factor *= random.between(0.997, 1.003);
        let mut fields = **kline;
        for price in [&mut fields.open, &mut fields.high, &mut fields.low, &mut fields.close] {
            *price *= factor;
        }
        let volume = random.between(0.5, 2.0);
        fields.volume *= volume;
        for part in [&mut fields.quote_volume, &mut fields.taker_base, &mut fields.taker_quote] {
            *part = part.map(|part| part * volume);
        }
        Kline::new(interval, fields).unwrap_or(*kline)
    };
    model.iter().map(one).collect()
}
