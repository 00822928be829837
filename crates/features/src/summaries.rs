//! The long windows of one symbol, each summed up once for every indicator that reads it.

use crate::history::{Column, History};
use crate::window::Sliding;
use crate::window::terms::{FourPowers, Highest, Line, Lowest, Powers, Products, Total};

/// Declares the summaries once: name, what is summed up, over how many bars.
macro_rules! summaries {
    ($($(#[$doc:meta])* $name:ident: $terms:ident over $window:literal,)*) => {
        /// Kept up to date bar by bar. Holds nothing that the history does not: after a restore it is made anew.
        #[derive(Debug)]
        pub(crate) struct Summaries {
            $($(#[$doc])* pub(crate) $name: Sliding<$terms>,)*
        }

        impl Summaries {
            pub(crate) fn new() -> Self {
                Self { $($name: Sliding::new($window),)* }
            }

            /// Forgets every bar.
            pub(crate) fn clear(&mut self) {
                $(self.$name.clear();)*
            }
        }

        impl Clone for Summaries {
            fn clone(&self) -> Self {
                Self { $($name: self.$name.clone(),)* }
            }

            /// Reuses the memory, so that a copy allocates nothing.
            fn clone_from(&mut self, source: &Self) {
                $(self.$name.clone_from(&source.$name);)*
            }
        }
    };
}

summaries! {
    /// Squared log returns of 96 bars.
    squares_96: Total over 96,
    /// Squared log returns of 672 bars.
    squares_672: Total over 672,
    /// The largest squared log return of 96 bars.
    largest_square_96: Highest over 96,
    /// Squared log returns of 96 bars, of those that did not rise.
    falling_squares_96: Total over 96,
    /// Sizes of the products of neighbouring log returns among the last 96.
    neighbours_96: Total over 95,
    /// Sizes of the log returns of 96 bars.
    sizes_96: Powers over 96,
    high_14: Highest over 14,
    low_14: Lowest over 14,
    high_20: Highest over 20,
    low_20: Lowest over 20,
    high_28: Highest over 28,
    low_28: Lowest over 28,
    true_range_7: Total over 7,
    true_range_14: Total over 14,
    true_range_28: Total over 28,
    buying_pressure_7: Total over 7,
    buying_pressure_14: Total over 14,
    buying_pressure_28: Total over 28,
    close_16: Line over 16,
    close_20: Powers over 20,
    close_50: Total over 50,
    typical_20: Powers over 20,
    volume_16: Powers over 16,
    volume_20: Total over 20,
    value_16: Total over 16,
    taker_16: Total over 16,
    accumulation_20: Total over 20,
    rogers_satchell_16: Total over 16,
    squares_16: Total over 16,
    high_26: Highest over 26,
    low_26: Lowest over 26,
    opening_gap_16: Powers over 16,
    opening_gap_96: Powers over 96,
    drift_16: Powers over 16,
    drift_96: Powers over 96,
    /// Log returns over 16 bars, of 96 bars.
    returns_16_96: Powers over 96,
    /// Absolute changes of the close.
    changes_10: Total over 10,
    changes_96: Total over 96,
    log_returns_96: FourPowers over 96,
    /// Neighbouring log returns among the last 96, the earlier as x.
    pairs_of_returns_95: Products over 95,
    /// Log returns over 4 bars that lie in the last 96.
    returns_4_93: Powers over 93,
    /// Log returns over 16 bars that lie in the last 96.
    returns_16_81: Powers over 81,
    parkinson_96: Total over 96,
    garman_klass_96: Total over 96,
    rogers_satchell_96: Total over 96,
    high_96: Highest over 96,
    low_96: Lowest over 96,
    close_96: Line over 96,
    volume_96: Powers over 96,
    volume_672: Powers over 672,
    value_96: Total over 96,
    taker_96: Total over 96,
    illiquidity_96: Total over 96,
    trades_96: Powers over 96,
    trade_size_96: Powers over 96,
    /// Volume and log return of 96 bars.
    volume_and_return_96: Products over 96,
}

/// Goes over every summary with the items that it is made of: one list for both walks.
macro_rules! each {
    ($summaries:ident, $history:ident, $take:ident, $index:ident) => {
        let log_return = |back: usize| $history.at(Column::LogReturn, back);
        let square = |back: usize| log_return(back) * log_return(back);
        let falling = |back: usize| if log_return(back) > 0.0 { 0.0 } else { square(back) };
        let neighbours = |back: usize| (log_return(back) * log_return(back + 1)).abs();
        let pair = |back: usize| (log_return(back + 1), log_return(back));
        let size = |back: usize| log_return(back).abs();
        let volume_and_return = |back: usize| ($history.at(Column::Volume, back), log_return(back));
        let column = |column: Column| move |back: usize| $history.at(column, back);
        $summaries.squares_96.$take($index, square);
        $summaries.squares_672.$take($index, square);
        $summaries.largest_square_96.$take($index, square);
        $summaries.falling_squares_96.$take($index, falling);
        $summaries.neighbours_96.$take($index, neighbours);
        $summaries.sizes_96.$take($index, size);
        $summaries.high_14.$take($index, column(Column::High));
        $summaries.low_14.$take($index, column(Column::Low));
        $summaries.high_20.$take($index, column(Column::High));
        $summaries.low_20.$take($index, column(Column::Low));
        $summaries.high_28.$take($index, column(Column::High));
        $summaries.low_28.$take($index, column(Column::Low));
        $summaries.true_range_7.$take($index, column(Column::TrueRange));
        $summaries.true_range_14.$take($index, column(Column::TrueRange));
        $summaries.true_range_28.$take($index, column(Column::TrueRange));
        $summaries.buying_pressure_7.$take($index, column(Column::BuyingPressure));
        $summaries.buying_pressure_14.$take($index, column(Column::BuyingPressure));
        $summaries.buying_pressure_28.$take($index, column(Column::BuyingPressure));
        $summaries.close_16.$take($index, column(Column::Close));
        $summaries.close_20.$take($index, column(Column::Close));
        $summaries.close_50.$take($index, column(Column::Close));
        $summaries.typical_20.$take($index, column(Column::Typical));
        $summaries.volume_16.$take($index, column(Column::Volume));
        $summaries.volume_20.$take($index, column(Column::Volume));
        $summaries.value_16.$take($index, column(Column::Value));
        $summaries.taker_16.$take($index, column(Column::TakerBase));
        $summaries.accumulation_20.$take($index, column(Column::Accumulation));
        $summaries.rogers_satchell_16.$take($index, column(Column::RogersSatchellTerm));
        $summaries.squares_16.$take($index, square);
        $summaries.high_26.$take($index, column(Column::High));
        $summaries.low_26.$take($index, column(Column::Low));
        $summaries.opening_gap_16.$take($index, column(Column::OpeningGap));
        $summaries.opening_gap_96.$take($index, column(Column::OpeningGap));
        $summaries.drift_16.$take($index, column(Column::Drift));
        $summaries.drift_96.$take($index, column(Column::Drift));
        $summaries.returns_16_96.$take($index, column(Column::LogReturn16));
        $summaries.changes_10.$take($index, column(Column::AbsoluteChange));
        $summaries.changes_96.$take($index, column(Column::AbsoluteChange));
        $summaries.log_returns_96.$take($index, log_return);
        $summaries.pairs_of_returns_95.$take($index, pair);
        $summaries.returns_4_93.$take($index, column(Column::LogReturn4));
        $summaries.returns_16_81.$take($index, column(Column::LogReturn16));
        $summaries.parkinson_96.$take($index, column(Column::ParkinsonTerm));
        $summaries.garman_klass_96.$take($index, column(Column::GarmanKlassTerm));
        $summaries.rogers_satchell_96.$take($index, column(Column::RogersSatchellTerm));
        $summaries.high_96.$take($index, column(Column::High));
        $summaries.low_96.$take($index, column(Column::Low));
        $summaries.close_96.$take($index, column(Column::Close));
        $summaries.volume_96.$take($index, column(Column::Volume));
        $summaries.volume_672.$take($index, column(Column::Volume));
        $summaries.value_96.$take($index, column(Column::Value));
        $summaries.taker_96.$take($index, column(Column::TakerBase));
        $summaries.illiquidity_96.$take($index, column(Column::Illiquidity));
        $summaries.trades_96.$take($index, column(Column::Trades));
        $summaries.trade_size_96.$take($index, column(Column::TradeSize));
        $summaries.volume_and_return_96.$take($index, volume_and_return);
    };
}

impl Summaries {
    /// Takes the bar that the history has just taken.
    pub(crate) fn push(&mut self, index: i64, history: &History) {
        each!(self, history, push, index);
    }

    /// What [`Self::push`] of every bar of the history would have made, the last one being `index`.
    pub(crate) fn rebuild(&mut self, index: i64, history: &History) {
        each!(self, history, rebuild, index);
    }
}
