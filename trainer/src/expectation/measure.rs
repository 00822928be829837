//! What can be measured, by what key.

use serde::{Deserialize, Serialize};

/// What an expectation is about. Each has a value for every key that there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Measure {
    /// A symbol's quality score from 0 to 1, by symbol.
    #[serde(rename = "symbol.score")]
    SymbolScore,
    /// A symbol's klines, by symbol; 0 of one that was asked for and has none.
    #[serde(rename = "symbol.bars")]
    SymbolBars,
    /// Missing bars as a share of those that should be there, by symbol.
    #[serde(rename = "symbol.missing")]
    SymbolMissing,
    /// The longest hole in bars, by symbol.
    #[serde(rename = "symbol.longest_gap")]
    SymbolLongestGap,
    /// Duplicates as a share of the bars, by symbol; the same of the other faults.
    #[serde(rename = "symbol.duplicate")]
    SymbolDuplicate,
    /// Bars that repeat.
    #[serde(rename = "symbol.stale")]
    SymbolStale,
    /// Bars without volume.
    #[serde(rename = "symbol.zero_volume")]
    SymbolZeroVolume,
    /// Returns far beyond what is usual.
    #[serde(rename = "symbol.outlier")]
    SymbolOutlier,
    /// Moves that no other symbol shows.
    #[serde(rename = "symbol.lone_spike")]
    SymbolLoneSpike,
    /// Bars whose columns contradict one another.
    #[serde(rename = "symbol.inconsistent")]
    SymbolInconsistent,
    /// Bars that two sources had otherwise.
    #[serde(rename = "symbol.disputed")]
    SymbolDisputed,
    /// Bars that lack quote volume, trades or the takers' part, as a share, by symbol.
    #[serde(rename = "symbol.without_flow")]
    SymbolWithoutFlow,
    /// The quality score of a UTC day from 0 to 1, by symbol and day (`BTCUSDT 2024-09-06`); days without any kline
    /// have none.
    #[serde(rename = "day.score")]
    DayScore,
    /// Usable rows, by window (`train`, `tune`, `test`).
    #[serde(rename = "window.rows")]
    WindowRows,
    /// Rows in which a feature is infinite, by feature, in the training window as the others are.
    #[serde(rename = "feature.infinite")]
    FeatureInfinite,
    /// The share of rows in which a feature is missing, by feature.
    #[serde(rename = "feature.missing")]
    FeatureMissing,
    /// 1 if a feature has one value only, else 0, by feature.
    #[serde(rename = "feature.constant")]
    FeatureConstant,
    /// A feature's least value, by feature.
    #[serde(rename = "feature.least")]
    FeatureLeast,
    /// A feature's greatest value, by feature.
    #[serde(rename = "feature.greatest")]
    FeatureGreatest,
    /// The share of features without any value (`empty`), and of those with one value only (`constant`).
    #[serde(rename = "features.share")]
    FeaturesShare,
    /// Rows of a few bars that come out otherwise when the klines after them are taken away (`ahead`).
    #[serde(rename = "rows.ahead")]
    RowsAhead,
    /// Rows of those bars that come out the same (`same`).
    #[serde(rename = "rows.same")]
    RowsSame,
    /// The share of rows whose outcome is known, by task and window (`return_1step train`).
    #[serde(rename = "outcome.known")]
    OutcomeKnown,
    /// A class's share of the training window's known outcomes, by task and class (`direction_4step up`).
    #[serde(rename = "class.share")]
    ClassShare,
    /// 1 if the features were made by another catalogue than the last data version's, else 0 (`catalogue`).
    #[serde(rename = "change.catalogue")]
    ChangeCatalogue,
    /// 1 for each feature that is new or gone since the last data version, by feature.
    #[serde(rename = "change.columns")]
    ChangeColumns,
    /// 1 for each symbol that is new or gone since the last data version, by symbol.
    #[serde(rename = "change.symbols")]
    ChangeSymbols,
    /// The population stability index against the last data version's training window, by feature.
    #[serde(rename = "change.psi")]
    ChangePsi,
    /// Kolmogorov's and Smirnov's statistic against the same, by feature.
    #[serde(rename = "change.ks")]
    ChangeKs,
    /// How much greater the share of missing values has become, by feature.
    #[serde(rename = "change.missing")]
    ChangeMissing,
    /// By how much a class's share has changed, by task and class.
    #[serde(rename = "change.class_share")]
    ChangeClassShare,
}
