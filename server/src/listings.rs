//! Which symbols the exchange trades, as it last said.

use std::collections::BTreeMap;

use kline::Symbol;
use market::binance::rest::TradingStatus;

use crate::reason::{Reason, Refusal};

/// What the exchange says about a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// It is known and has this status.
    Listed(TradingStatus),
    /// The exchange does not know it.
    Unlisted,
}

impl Listing {
    /// Whether klines come.
    #[must_use]
    pub const fn is_traded(self) -> bool {
        matches!(self, Self::Listed(TradingStatus::Trading))
    }

    /// For people and programs: `trading`, `halt`, `break`, `other`, `unlisted`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listed(TradingStatus::Trading) => "trading",
            Self::Listed(TradingStatus::Halt) => "halt",
            Self::Listed(TradingStatus::Break) => "break",
            Self::Listed(TradingStatus::Other) => "other",
            Self::Unlisted => "unlisted",
        }
    }
}

/// What the exchange last said.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listings {
    known: BTreeMap<Symbol, Listing>,
    successors: BTreeMap<Symbol, Symbol>,
}

impl Listings {
    /// Nothing is known but what has been renamed.
    #[must_use]
    pub fn new(successors: BTreeMap<Symbol, Symbol>) -> Self {
        Self { known: BTreeMap::new(), successors }
    }

    /// What the exchange says now, with the same renamed symbols.
    #[must_use]
    pub fn renewed(&self, known: BTreeMap<Symbol, Listing>) -> Self {
        Self { known, successors: self.successors.clone() }
    }

    /// What the exchange says about a symbol; `None` before it was asked.
    #[must_use]
    pub fn of(&self, symbol: Symbol) -> Option<Listing> {
        self.known.get(&symbol).copied()
    }

    /// Whether a symbol is known not to be traded.
    #[must_use]
    pub fn is_stopped(&self, symbol: Symbol) -> bool {
        self.of(symbol).is_some_and(|listing| !listing.is_traded())
    }

    /// The refusal of a symbol that is not traded, with what it is called now.
    #[must_use]
    pub fn not_traded(&self, symbol: Symbol, listing: Listing) -> Refusal {
        let successor = self.successor(symbol);
        let hint = successor.map(|successor| format!("; it is called {successor} now")).unwrap_or_default();
        let listing = listing.as_str();
        let message = format!("symbol {symbol} is not traded, the exchange says {listing}{hint}");
        let refusal =
            Refusal::new(Reason::NotTraded, message).with("symbol", symbol).with("listing", listing);
        match successor {
            Some(successor) => refusal.with("successor", successor),
            None => refusal,
        }
    }

    /// What a symbol is called now.
    #[must_use]
    pub fn successor(&self, symbol: Symbol) -> Option<Symbol> {
        self.successors.get(&symbol).copied()
    }
}
