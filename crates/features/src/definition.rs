//! One feature, as data.

use serde::Serialize;

/// What a feature is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// Returns of the symbol itself.
    Returns,
    /// How much the price moves.
    Volatility,
    /// The shape of the distribution of returns, and how they depend on each other.
    Distribution,
    /// Direction and strength of the move.
    Momentum,
    /// Where the price stands in a band or channel.
    Bands,
    /// Volume and who takes it.
    VolumeAndFlow,
    /// Bars of several base bars: the last closed one and the one that runs.
    HigherTimeframe,
    /// The shape of the last candle.
    Candle,
    /// Time of day and of week.
    Calendar,
    /// The symbol among the others.
    CrossSymbol,
}

impl Group {
    /// The name in lower case with underscores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Returns => "returns",
            Self::Volatility => "volatility",
            Self::Distribution => "distribution",
            Self::Momentum => "momentum",
            Self::Bands => "bands",
            Self::VolumeAndFlow => "volume_and_flow",
            Self::HigherTimeframe => "higher_timeframe",
            Self::Candle => "candle",
            Self::Calendar => "calendar",
            Self::CrossSymbol => "cross_symbol",
        }
    }
}

/// What a feature's numbers mean. All are free of the price's and the volume's scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Natural log of a price ratio.
    LogReturn,
    /// A plain ratio.
    Ratio,
    /// Hundredths, as TA-Lib gives them.
    Percent,
    /// Standard deviations.
    StandardDeviations,
    /// -1 to 1.
    Correlation,
    /// A number of bars.
    Bars,
}

impl Unit {
    /// The name in lower case with underscores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LogReturn => "log_return",
            Self::Ratio => "ratio",
            Self::Percent => "percent",
            Self::StandardDeviations => "standard_deviations",
            Self::Correlation => "correlation",
            Self::Bars => "bars",
        }
    }
}

/// A column of a kline, or the other symbols, that a feature reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Open price.
    Open,
    /// High price.
    High,
    /// Low price.
    Low,
    /// Close price.
    Close,
    /// Base volume.
    Volume,
    /// Quote volume.
    QuoteVolume,
    /// Number of trades.
    Trades,
    /// Base volume bought by takers.
    TakerBase,
    /// The bar's time.
    Time,
    /// The same columns of every symbol of the engine.
    Market,
    /// The same columns of Bitcoin.
    Bitcoin,
}

impl Input {
    /// The name in lower case with underscores.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::High => "high",
            Self::Low => "low",
            Self::Close => "close",
            Self::Volume => "volume",
            Self::QuoteVolume => "quote_volume",
            Self::Trades => "trades",
            Self::TakerBase => "taker_base",
            Self::Time => "time",
            Self::Market => "market",
            Self::Bitcoin => "bitcoin",
        }
    }
}

/// One feature, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FeatureDefinition {
    /// Unique, lower case with underscores; never reused for another definition.
    pub name: &'static str,
    /// What it is about.
    pub group: Group,
    /// How many bars it looks at (the smoothing period for recursive ones).
    pub window: u32,
    /// What its numbers mean.
    pub unit: Unit,
    /// So many klines after a symbol's start the value is a number, wherever the start lay.
    pub warm_up_bars: u32,
    /// The formula in words.
    pub definition: &'static str,
    /// Where the formula comes from.
    pub source: &'static str,
    /// What it reads.
    pub inputs: &'static [Input],
}
