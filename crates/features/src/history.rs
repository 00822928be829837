//! What one symbol remembers of its past bars: one rolling window a column.

use kline::KlineFields;
use serde::{Deserialize, Serialize};

use crate::window::{RollingWindow, log_return, ratio, sum, sum_of};

/// Bars kept of a column with short windows (the longest is 96).
const SHORT: usize = 104;

/// Bars kept of a column with long windows: the longest is 672, one bar before it, and a carried gap of 24 that pairs of
/// symbols catch up with.
const LONG: usize = 704;

/// A value that is kept for every bar, carried ones included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    High,
    Low,
    Close,
    /// `ln(close / previous close)`, NaN at a symbol's first bar.
    LogReturn,
    /// `ln(close / close of 4 bars ago)`.
    LogReturn4,
    /// `ln(close / close 16 bars ago)`.
    LogReturn16,
    /// The close's distance from the previous close, whichever way.
    AbsoluteChange,
    /// `ln(open / previous close)`.
    OpeningGap,
    /// `ln(close / open)`.
    Drift,
    /// (high + low + close) / 3.
    Typical,
    /// The part of the range that closed up: close less the true low (TA-Lib `ULTOSC`).
    BuyingPressure,
    TrueRange,
    /// Squared log of high over low.
    ParkinsonTerm,
    GarmanKlassTerm,
    RogersSatchellTerm,
    Volume,
    /// Volume times typical price: quote volume by estimate, since many sources lack the column.
    Value,
    /// Value with the sign of the typical price's change (TA-Lib `MFI`).
    SignedValue,
    /// Volume with the sign of the close's change (TA-Lib `OBV`).
    SignedVolume,
    /// Volume times where the close lies in the range, -1 to 1 (TA-Lib `AD`).
    Accumulation,
    /// Absolute log return over value, 0 for a bar without volume.
    Illiquidity,
    Trades,
    TakerBase,
    /// Volume a trade, 0 for a bar without trades.
    TradeSize,
    /// The sum of the squared log returns of the last 4 bars.
    HourSquares,
    /// The volume of the last 4 bars.
    HourVolume,
    /// Where the close stands in the range of the last 14 bars, 0 to 100 (TA-Lib `STOCHF`).
    Stochastic,
}

impl Column {
    const COUNT: usize = Self::Stochastic as usize + 1;

    const fn capacity(place: usize) -> usize {
        if place == Self::Close as usize
            || place == Self::LogReturn as usize
            || place == Self::Volume as usize
            || place == Self::HourSquares as usize
            || place == Self::HourVolume as usize
        {
            LONG
        } else {
            SHORT
        }
    }
}

/// The columns of one symbol.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct History {
    columns: Vec<RollingWindow>,
}

impl History {
    pub(crate) fn new() -> Self {
        Self {
            columns: (0..Column::COUNT).map(|place| RollingWindow::new(Column::capacity(place))).collect(),
        }
    }

    /// Says whether this has the shape that [`Self::new`] makes (a snapshot's might not).
    pub(crate) fn is_well_formed(&self) -> bool {
        self.columns.len() == Column::COUNT
            && self
                .columns
                .iter()
                .enumerate()
                .all(|(place, window)| window.capacity() == Column::capacity(place))
    }

    pub(crate) fn clear(&mut self) {
        self.columns.iter_mut().for_each(RollingWindow::clear);
    }

    #[inline]
    pub(crate) fn last(&self, column: Column, count: usize) -> &[f64] {
        self.columns[column as usize].last(count)
    }

    #[inline]
    pub(crate) fn at(&self, column: Column, back: usize) -> f64 {
        self.columns[column as usize].at(back)
    }

    /// Appends a bar.
    pub(crate) fn push(&mut self, bar: &KlineFields) {
        let previous_close = self.at(Column::Close, 0);
        let previous_typical = self.at(Column::Typical, 0);
        let KlineFields { open, high, low, close, volume, .. } = *bar;
        let typical = (high + low + close) / 3.0;
        let value = typical * volume;
        let return_1 = log_return(previous_close, close);
        // The present close is not kept yet, so the one of 16 bars ago is the 15th before the last.
        let (return_4, return_16) =
            (log_return(self.at(Column::Close, 3), close), log_return(self.at(Column::Close, 15), close));
        // The three logs of the bar, from the open: the high is `up`, the low is `down`, the close is `drift`.
        let (up, down, drift) = (libm::log(high / open), libm::log(low / open), libm::log(close / open));
        // Not `up - down`, whose last digits would depend on the open.
        let range = libm::log(high / low);
        let trades = bar.trades.map_or(f64::NAN, |trades| trades as f64);
        for (column, value) in [
            (Column::High, high),
            (Column::Low, low),
            (Column::Close, close),
            (Column::LogReturn, return_1),
            (Column::LogReturn4, return_4),
            (Column::LogReturn16, return_16),
            (Column::AbsoluteChange, (close - previous_close).abs()),
            (Column::OpeningGap, log_return(previous_close, open)),
            (Column::Drift, drift),
            (Column::Typical, typical),
            (Column::BuyingPressure, close - smaller(low, previous_close)),
            (Column::TrueRange, true_range(high, low, previous_close)),
            (Column::ParkinsonTerm, range * range),
            (Column::GarmanKlassTerm, 0.5 * (range * range) - GARMAN_KLASS * (drift * drift)),
            (Column::RogersSatchellTerm, up * (up - drift) + down * (down - drift)),
            (Column::Volume, volume),
            (Column::Value, value),
            (
                Column::SignedValue,
                direction(previous_typical, typical, ZERO * (typical + previous_typical)) * value,
            ),
            (Column::SignedVolume, direction(previous_close, close, 0.0) * volume),
            (Column::Accumulation, ratio((close - low) - (high - close), high - low) * volume),
            (Column::Illiquidity, ratio(return_1.abs(), value)),
            (Column::Trades, trades),
            (Column::TakerBase, bar.taker_base.unwrap_or(f64::NAN)),
            (Column::TradeSize, ratio(volume, trades)),
        ] {
            self.columns[column as usize].push(value);
        }
        let squares = sum_of(self.last(Column::LogReturn, 4), |r| r * r);
        let volume = sum(self.last(Column::Volume, 4));
        self.columns[Column::HourSquares as usize].push(squares);
        self.columns[Column::HourVolume as usize].push(volume);
    }

    /// Finishes the bar with what is made from summaries of the columns above.
    pub(crate) fn push_stochastic(&mut self, value: f64) {
        self.columns[Column::Stochastic as usize].push(value);
    }
}

impl Clone for History {
    fn clone(&self) -> Self {
        Self { columns: self.columns.clone() }
    }

    fn clone_from(&mut self, source: &Self) {
        self.columns.clone_from(&source.columns);
    }
}

/// `2 ln 2 - 1`. Source: M. Garman, M. Klass, "On the Estimation of Security Price Volatilities", 1980.
const GARMAN_KLASS: f64 = 2.0 * std::f64::consts::LN_2 - 1.0;

/// TA-Lib's `TA_EPSILON`: what counts as zero.
pub(crate) const ZERO: f64 = 1e-14;

/// The largest of high - low, |high - previous close| and |low - previous close|; NaN without a previous close.
///
/// Source: TA-Lib `TRANGE`.
#[inline]
pub(crate) fn true_range(high: f64, low: f64, previous_close: f64) -> f64 {
    if previous_close.is_nan() {
        return f64::NAN;
    }
    let (above, below) = ((high - previous_close).abs(), (low - previous_close).abs());
    let mut range = high - low;
    if above > range {
        range = above;
    }
    if below > range {
        range = below;
    }
    range
}

/// The smaller one; NaN if the second is.
fn smaller(a: f64, b: f64) -> f64 {
    if b.is_nan() || b < a { b } else { a }
}

/// 1 for a rise of more than `dead`, -1 for such a fall, 0 between, NaN without a previous value.
fn direction(from: f64, to: f64, dead: f64) -> f64 {
    let change = to - from;
    if change.is_nan() {
        f64::NAN
    } else if change > dead {
        1.0
    } else if change < -dead {
        -1.0
    } else {
        0.0
    }
}
