//! Rows and outcomes of all symbols in event-time order, as one matrix whose windows are slices.

mod table;

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

use features::Catalogue;
use forecast::{BaselineInputs, BaselineSample, DatasetRow, Task, for_each_row};
use kline::{BarTime, Interval, Kline, Symbol};

use crate::Result;
use crate::left_out::LeftOut;
use crate::split::{Split, Window};
use table::{Table, TableWriter};

/// How long before a part its history begins: what the features and the outcomes' scale reach back, with room.
const HISTORY_BARS: i64 = forecast::Forecaster::HISTORY_BARS as i64;

/// Golden rows of the test window.
const GOLDEN_TEST_ROWS: usize = 24;

/// Golden rows of the training window.
const GOLDEN_TRAIN_ROWS: usize = 6;

/// Which symbol and bar a row is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowKey {
    /// The place among [`Dataset::symbols`].
    pub symbol: u16,
    /// The bar.
    pub bar: BarTime,
}

/// Every usable row of the windows and of the test window's lead, ordered by bar, then symbol: pooled over all symbols, whose name is no
/// feature.
#[derive(Debug)]
pub struct Dataset {
    /// The markets, sorted.
    pub symbols: Vec<Symbol>,
    /// The step.
    pub interval: Interval,
    /// The windows.
    pub split: Split,
    lead: Option<Window>,
    /// Rows that were seen in the windows but are not warm: without the volatility that outcomes are scaled by.
    pub rows_left_out: usize,
    keys: Vec<RowKey>,
    values: Table,
    folder: PathBuf,
    /// Golden rows as they were before something was left out.
    kept: BTreeMap<usize, Vec<f64>>,
    left_out: LeftOut,
    inputs: Vec<BaselineInputs>,
    outcomes: Vec<[f64; Task::COUNT]>,
    width: usize,
}

/// A part of the time whose rows are being made.
struct Part {
    split: Split,
    lead: Option<Window>,
    rows_left_out: usize,
    keys: Vec<RowKey>,
    values: TableWriter,
    inputs: Vec<BaselineInputs>,
    outcomes: Vec<[f64; Task::COUNT]>,
}

impl Dataset {
    /// Drives the same machines as the server over the klines and keeps the rows of the windows; their features in a file of
    /// `folder` that has no name. `progress` hears of every row, from several threads.
    ///
    /// The time is divided among threads, which may be done since no row depends on where its history starts: each
    /// thread begins so long before its part that the rows are the same bits.
    ///
    /// # Errors
    /// When the features can't be written, as on a full disk.
    pub fn build(
        klines: &BTreeMap<Symbol, Vec<Kline>>,
        interval: Interval,
        split: Split,
        (threads, folder): (usize, &Path),
        progress: impl Fn() + Sync,
    ) -> Result<Self> {
        let room = klines.values().map(|klines| bars_within(klines, interval, &split)).sum::<usize>();
        let parts = parts(klines, interval, threads);
        let build = |window: &Window, room: usize| -> Result<Part> {
            let mut part = Part::empty(interval, split, room, folder)?;
            for_each_row(&around(klines, interval, window), interval, |row| {
                if window.holds(row.bar) {
                    progress();
                    part.push(&row);
                }
            });
            Ok(part)
        };
        let whole = match parts.split_first() {
            None => Part::empty(interval, split, 0, folder)?,
            Some((first, later)) => std::thread::scope(|scope| -> Result<Part> {
                let later: Vec<_> = later.iter().map(|window| scope.spawn(|| build(window, 0))).collect();
                let mut whole = build(first, room)?;
                for thread in later {
                    match thread.join() {
                        Ok(part) => whole.append(part?),
                        Err(panic) => std::panic::resume_unwind(panic),
                    }
                }
                Ok(whole)
            })?,
        };
        Ok(Self {
            symbols: klines.keys().copied().collect(),
            interval,
            split,
            lead: whole.lead,
            rows_left_out: whole.rows_left_out,
            keys: whole.keys,
            values: whole.values.finish(folder)?,
            folder: folder.to_owned(),
            kept: BTreeMap::new(),
            left_out: LeftOut::default(),
            inputs: whole.inputs,
            outcomes: whole.outcomes,
            width: Catalogue::standard().len(),
        })
    }

    /// How many features a row has.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.width
    }

    /// How many rows there are in all windows.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The places of the rows right before the test window that what it is answered with is renewed from ([`Split::lead`]).
    #[must_use]
    pub fn lead(&self) -> Option<Range<usize>> {
        self.lead.map(|lead| self.range(lead))
    }

    /// The places of a window's rows.
    #[must_use]
    pub fn range(&self, window: Window) -> Range<usize> {
        let start = self.keys.partition_point(|key| key.bar < window.from);
        let end = self.keys.partition_point(|key| key.bar <= window.until);
        start..end
    }

    /// Symbols and bars of some rows.
    #[must_use]
    pub fn keys(&self, range: Range<usize>) -> &[RowKey] {
        &self.keys[range]
    }

    /// One row's symbol and bar.
    #[must_use]
    pub fn key(&self, index: usize) -> RowKey {
        self.keys[index]
    }

    /// One row's symbol.
    #[must_use]
    pub fn symbol(&self, index: usize) -> Symbol {
        self.symbols[usize::from(self.keys[index].symbol)]
    }

    /// Some rows' features, row after row.
    #[must_use]
    pub fn values(&self, range: Range<usize>) -> &[f64] {
        self.values.rows(range)
    }

    /// Some rows' features piece by piece, in their order, each let go of when the next is asked for: for a walk over many.
    pub fn pieces(&self, range: Range<usize>) -> impl Iterator<Item = (Range<usize>, &[f64])> + '_ {
        let starts = range.clone().step_by(table::PIECE_ROWS);
        starts.map(move |start| {
            self.release(start.saturating_sub(table::PIECE_ROWS).max(range.start)..start);
            let rows = start..range.end.min(start + table::PIECE_ROWS);
            (rows.clone(), self.values(rows))
        })
    }

    /// Takes some rows' features out of the memory; they are read again when they are asked for.
    pub fn release(&self, range: Range<usize>) {
        self.values.release(range);
    }

    /// One row's features.
    #[must_use]
    pub fn row(&self, index: usize) -> &[f64] {
        self.values(index..index + 1)
    }

    /// One golden row's features as they were made, whatever was left out since.
    #[must_use]
    pub fn golden_row(&self, index: usize) -> &[f64] {
        self.kept.get(&index).map_or_else(|| self.row(index), Vec::as_slice)
    }

    /// The features that boosters are not shown.
    #[must_use]
    pub const fn left_out(&self) -> &LeftOut {
        &self.left_out
    }

    /// Empties columns of all rows before the test window, so that nothing can be learned from them; the golden rows are kept as
    /// they are.
    ///
    /// # Errors
    /// When the rows can't be written.
    pub fn leave_out(&mut self, left_out: LeftOut) -> Result<()> {
        if !left_out.columns().is_empty() {
            let end = self.range(self.split.test).start;
            for index in self.golden().into_iter().filter(|index| *index < end) {
                let row = self.golden_row(index).to_vec();
                self.kept.insert(index, row);
            }
            self.values.empty(end, left_out.columns(), &self.folder)?;
        }
        self.left_out = left_out;
        Ok(())
    }

    /// The rows that a bundle's golden answers are given to: spread evenly over the test window, and a few over the training
    /// window, where some features are not yet warm.
    #[must_use]
    pub fn golden(&self) -> Vec<usize> {
        let spread = |window: Window, count: usize| {
            let range = self.range(window);
            let step = (range.len() / count).max(1);
            range.step_by(step).take(count)
        };
        let (test, train) = (self.split.test, self.split.train);
        spread(test, GOLDEN_TEST_ROWS).chain(spread(train, GOLDEN_TRAIN_ROWS)).collect()
    }

    /// What was known at some rows beside the features.
    #[must_use]
    pub fn inputs(&self, range: Range<usize>) -> &[BaselineInputs] {
        &self.inputs[range]
    }

    /// What came true after some rows; NaN is missing.
    #[must_use]
    pub fn outcomes(&self, range: Range<usize>) -> &[[f64; Task::COUNT]] {
        &self.outcomes[range]
    }

    /// Some rows as baselines read them.
    pub fn samples(&self, range: Range<usize>) -> impl Iterator<Item = BaselineSample> + Clone + '_ {
        let inputs = self.inputs[range.clone()].iter();
        inputs
            .zip(&self.outcomes[range])
            .map(|(inputs, outcomes)| BaselineSample { inputs: *inputs, outcomes: *outcomes })
    }
}

impl Part {
    fn empty(interval: Interval, split: Split, room: usize, folder: &Path) -> Result<Self> {
        Ok(Self {
            split,
            lead: split.lead(interval),
            rows_left_out: 0,
            keys: Vec::with_capacity(room),
            values: TableWriter::new(folder, Catalogue::standard().len())?,
            inputs: Vec::with_capacity(room),
            outcomes: Vec::with_capacity(room),
        })
    }

    /// Takes the rows of a later part.
    fn append(&mut self, mut later: Self) {
        self.rows_left_out += later.rows_left_out;
        self.keys.append(&mut later.keys);
        self.values.append(later.values);
        self.inputs.append(&mut later.inputs);
        self.outcomes.append(&mut later.outcomes);
    }

    fn push(&mut self, row: &DatasetRow<'_>) {
        if !windows(&self.split, self.lead).any(|window| window.holds(row.bar)) {
            return;
        }
        if row.inputs.context.sigma.is_nan() || row.inputs.context.sigma <= 0.0 {
            self.rows_left_out += 1;
            return;
        }
        let symbol = u16::try_from(row.symbol_index).unwrap_or(u16::MAX);
        self.keys.push(RowKey { symbol, bar: row.bar });
        self.values.push(row.values);
        self.inputs.push(*row.inputs);
        self.outcomes.push(*row.outcomes);
    }
}

/// The whole time in parts of about as many klines, one a thread; fewer where a part would be shorter than what it has
/// to begin earlier.
fn parts(klines: &BTreeMap<Symbol, Vec<Kline>>, interval: Interval, threads: usize) -> Vec<Window> {
    let bar = |kline: &Kline| kline.bar_time(interval);
    let first = klines.values().filter_map(|klines| klines.first().map(bar)).min();
    let last = klines.values().filter_map(|klines| klines.last().map(bar)).max();
    let Some((first, last)) = first.zip(last) else { return Vec::new() };
    let bars = last.steps_since(first, interval) + 1;
    let most = usize::try_from(bars / (2 * HISTORY_BARS)).unwrap_or(1).max(1);
    let total: usize = klines.values().map(Vec::len).sum();
    let before = |bar: BarTime| -> usize {
        klines.values().map(|klines| klines.partition_point(|kline| kline.bar_time(interval) < bar)).sum()
    };
    let count = threads.clamp(1, most);
    let mut starts = vec![first];
    for part in 1..count {
        // The first bar before which the share of the klines lies.
        let (mut low, mut high) = (0, bars);
        while low < high {
            let middle = (low + high) / 2;
            if before(first.plus(middle, interval)) * count < total * part {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        starts.push(first.plus(low, interval));
    }
    let ends = starts.iter().skip(1).map(|start| start.plus(-1, interval)).chain([last]);
    starts.iter().zip(ends).map(|(&from, until)| Window { from, until }).collect()
}

/// What the rows of a part are made from: the history before it, and what its outcomes wait for after it.
fn around(
    klines: &BTreeMap<Symbol, Vec<Kline>>,
    interval: Interval,
    part: &Window,
) -> BTreeMap<Symbol, Vec<Kline>> {
    let from = part.from.plus(-HISTORY_BARS, interval);
    let until = part.until.plus(i64::from(Task::LONGEST_HORIZON_STEPS), interval);
    let cut = |klines: &Vec<Kline>| {
        let start = klines.partition_point(|kline| kline.bar_time(interval) < from);
        let end = klines.partition_point(|kline| kline.bar_time(interval) <= until);
        klines[start..end].to_vec()
    };
    klines.iter().map(|(symbol, klines)| (*symbol, cut(klines))).collect()
}

fn windows(split: &Split, lead: Option<Window>) -> impl Iterator<Item = Window> {
    [split.train, split.tune, split.test].into_iter().chain(lead)
}

fn bars_within(klines: &[Kline], interval: Interval, split: &Split) -> usize {
    let lead = split.lead(interval);
    let inside = |kline: &&Kline| windows(split, lead).any(|window| window.holds(kline.bar_time(interval)));
    klines.iter().filter(inside).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    const STEP: Interval = Interval::M15;

    /// Series with a hole, of different lengths.
    fn klines() -> BTreeMap<Symbol, Vec<Kline>> {
        let series = |name: &str, from: i64, hole: i64| {
            let price = |bar: i64| 100.0 + ((bar * bar + from) % 97) as f64 * 0.1;
            let bars = (from..20_000).filter(|bar| !(hole..hole + 40).contains(bar));
            let kline = |bar: i64| {
                let fields = KlineFields {
                    open: price(bar - 1),
                    close: price(bar),
                    high: price(bar).max(price(bar - 1)),
                    low: price(bar).min(price(bar - 1)),
                    volume: (bar % 31) as f64,
                    ..KlineFields::flat(bar * STEP.milliseconds(), 1.0)
                };
                Kline::new(STEP, fields).expect("a valid kline")
            };
            (name.parse().expect("a symbol"), bars.map(kline).collect())
        };
        BTreeMap::from([series("BTCUSDT", 0, 9_000), series("ETHUSDT", 3_000, 15_000)])
    }

    #[test]
    fn the_number_of_threads_changes_no_bit() {
        let klines = klines();
        let bar = |index: i64| BarTime::last_closed((index + 1) * STEP.milliseconds(), STEP);
        let window = |from, until| Window { from: bar(from), until: bar(until) };
        let split =
            Split { train: window(0, 12_000), tune: window(12_017, 16_000), test: window(16_017, 19_999) };
        let folder = tempfile::tempdir().expect("a folder");
        let build = |threads| Dataset::build(&klines, STEP, split, (threads, folder.path()), || ());
        let [one, two] = [1, 2].map(|threads| build(threads).expect("a dataset"));
        assert_eq!(parts(&klines, STEP, 2).len(), 2);
        assert!(one.len() > 30_000 && one.keys == two.keys && one.rows_left_out == two.rows_left_out);
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        let all = |dataset: &Dataset| bits(dataset.values(0..dataset.len()));
        assert!(all(&one) == all(&two));
        let pieces = two.pieces(100..two.len()).flat_map(|(_, values)| values.to_vec()).collect::<Vec<_>>();
        assert!(bits(&pieces) == bits(one.values(100..one.len())));
        assert!(bits(one.outcomes.as_flattened()) == bits(two.outcomes.as_flattened()));
        let contexts = |dataset: &Dataset| -> Vec<_> {
            let context = |inputs: &BaselineInputs| format!("{:?}", inputs.context);
            dataset.inputs.iter().step_by(97).map(context).collect()
        };
        assert_eq!(contexts(&one), contexts(&two));
    }
}
