//! The engine: close every symbol's klines of a bar, seal the bar, read the rows.

use kline::{BarTime, Interval, Kline, Placement, Symbol};
use serde::{Deserialize, Serialize};

use crate::cross::market::Market;
use crate::cross::pairs::Pairs;
use crate::cross::{self, Bitcoin, CrossBar};
use crate::indicator::Clock;
use crate::state::SymbolState;
use crate::{Catalogue, CloseError, Envelope, MAX_CARRIED_BARS, Quality, Row, SnapshotError};

const SNAPSHOT: Envelope = Envelope { magic: b"klcfeat\0", version: 2 };

/// Incremental features of several symbols on one interval.
///
/// Bars go forward only: every kline of a bar is closed (in any order of symbols), then the bar is sealed, then the next
/// one. Late or corrected klines are refused; whoever keeps the history goes back to a copy from before them and replays.
#[derive(Debug, Clone)]
pub struct FeatureEngine {
    symbols: Vec<Symbol>,
    interval: Interval,
    bitcoin: Option<usize>,
    sealed: Option<BarTime>,
    states: Vec<SymbolState>,
    /// By symbol: whether the features over all symbols look at it.
    in_market: Vec<bool>,
    /// Each symbol beside Bitcoin.
    pairs: Vec<Pairs>,
    clock: Clock,
    scratch: CrossScratch,
}

/// Working memory of [`FeatureEngine::peek`]; keep one per caller, so that peeking allocates nothing.
#[derive(Debug, Default)]
pub struct PeekScratch {
    state: Option<SymbolState>,
    pairs: Option<Pairs>,
    cross: CrossScratch,
}

/// Memory for the features over all symbols.
#[derive(Debug, Clone, Default)]
struct CrossScratch {
    market: Market,
    values: Vec<f64>,
}

/// What a snapshot holds.
#[derive(Serialize, Deserialize)]
pub(crate) struct Saved {
    symbols: Vec<Symbol>,
    interval: Interval,
    sealed: Option<BarTime>,
    states: Vec<SymbolState>,
}

impl FeatureEngine {
    /// An engine without history; `symbols` are sorted and deduplicated.
    #[must_use]
    pub fn new(symbols: &[Symbol], interval: Interval) -> Self {
        let mut symbols = symbols.to_vec();
        symbols.sort_unstable();
        symbols.dedup();
        let states = symbols.iter().map(|_| SymbolState::new(Catalogue::standard().len())).collect();
        Self::assemble(symbols, interval, None, states)
    }

    fn assemble(
        symbols: Vec<Symbol>,
        interval: Interval,
        sealed: Option<BarTime>,
        states: Vec<SymbolState>,
    ) -> Self {
        let pairs = states.iter().map(|_| Pairs::new()).collect();
        let in_market = vec![true; symbols.len()];
        Self {
            bitcoin: place_of_bitcoin(&symbols, &in_market),
            in_market,
            symbols,
            interval,
            sealed,
            states,
            pairs,
            clock: Clock::at(0),
            scratch: CrossScratch::default(),
        }
    }

    /// The symbols in order; their places are the indices of the other methods.
    #[must_use]
    pub fn symbols(&self) -> &[Symbol] {
        &self.symbols
    }

    /// The place of a symbol.
    #[must_use]
    pub fn index_of(&self, symbol: Symbol) -> Option<usize> {
        self.symbols.binary_search(&symbol).ok()
    }

    /// The interval of every kline.
    #[must_use]
    pub const fn interval(&self) -> Interval {
        self.interval
    }

    /// The last sealed bar.
    #[must_use]
    pub const fn sealed(&self) -> Option<BarTime> {
        self.sealed
    }

    /// The bar of a symbol's last kline.
    #[must_use]
    pub fn last_bar(&self, index: usize) -> Option<BarTime> {
        self.states.get(index)?.last()
    }

    /// Takes a closed kline and says where it stood. Up to [`MAX_CARRIED_BARS`] missing bars before it are carried flat
    /// (the last close, no volume); after a longer hole the symbol starts anew.
    ///
    /// # Errors
    /// A kline that is not after the symbol's last one, comes after its bar was sealed, or before the symbol's last bar was
    /// sealed. The engine is as it was.
    pub fn close(&mut self, index: usize, kline: &Kline) -> Result<Placement, CloseError> {
        let (bar, placement) = self.place(index, kline)?;
        if let Some(last) = self.states[index].last()
            && self.sealed.is_none_or(|sealed| sealed < last)
        {
            return Err(CloseError::Unsealed { symbol: self.symbols[index], bar, unsealed: last });
        }
        self.clock.turn(kline.close_time);
        self.states[index].close(bar, kline, self.interval, &self.clock);
        Ok(placement)
    }

    /// Where a kline would stand, if it may come next.
    fn place(&self, index: usize, kline: &Kline) -> Result<(BarTime, Placement), CloseError> {
        let (Some(state), Some(&symbol)) = (self.states.get(index), self.symbols.get(index)) else {
            return Err(CloseError::UnknownSymbol { index, count: self.symbols.len() });
        };
        let bar = BarTime::from_open(kline.open_time, self.interval)
            .filter(|bar| bar.milliseconds() == kline.close_time)
            .ok_or(CloseError::Interval { open_time: kline.open_time, interval: self.interval })?;
        let placement = match state.last() {
            None => Placement::First,
            Some(last) if bar <= last => return Err(CloseError::NotForward { symbol, bar, last }),
            Some(last) => match bar.steps_since(last, self.interval) {
                1 => Placement::Next,
                steps => Placement::Gap { missing: steps - 1 },
            },
        };
        match self.sealed {
            Some(sealed) if bar <= sealed => Err(CloseError::Sealed { symbol, bar, sealed }),
            _ => Ok((bar, placement)),
        }
    }

    /// Computes the features over all symbols that have the bar, and makes their rows readable. Bars that were sealed
    /// already, and earlier ones, are left alone.
    pub fn seal(&mut self, bar: BarTime) {
        if self.sealed.is_some_and(|sealed| bar <= sealed) {
            return;
        }
        self.sealed = Some(bar);
        self.measure(bar);
    }

    /// Lets the features over all symbols look at some of them only: those that a model was trained on, whatever else is
    /// followed. `members` says of each symbol, by its place, whether it is one. A bar that is sealed already is measured
    /// anew. Nothing that a later bar depends on changes: the market is measured from what each symbol did by itself.
    pub fn measure_over(&mut self, members: &[bool]) {
        if self.in_market == members || members.len() != self.in_market.len() {
            return;
        }
        self.in_market.copy_from_slice(members);
        self.bitcoin = place_of_bitcoin(&self.symbols, members);
        if let Some(sealed) = self.sealed {
            self.measure(sealed);
        }
    }

    /// Finishes the rows of a bar with the features over all symbols.
    fn measure(&mut self, bar: BarTime) {
        let Self { states, in_market, pairs, scratch, interval, .. } = self;
        let bitcoin = self.bitcoin;
        let definitions = Catalogue::standard().definitions();
        let members = states
            .iter()
            .zip(&*in_market)
            .filter(|(state, is_member)| **is_member && state.last() == Some(bar));
        scratch.market.measure(members.map(|(state, _)| state.summary()));
        for index in 0..states.len() {
            if states[index].last() == Some(bar) {
                let (own, bitcoin) = (&states[index], bitcoin.map(|place| (place, &states[place])));
                scratch.compute(bar, *interval, (own, &mut pairs[index]), bitcoin);
                states[index].finish(&scratch.values, definitions);
            }
        }
    }

    /// The row of a symbol at the last sealed bar, if its kline of that bar has come.
    #[must_use]
    pub fn row(&self, index: usize) -> Option<Row<'_>> {
        let state = self.states.get(index)?;
        let bar = self.sealed.filter(|sealed| state.last() == Some(*sealed))?;
        Some(Row { bar, values: state.values(), quality: state.quality() })
    }

    /// Answers into `out` what [`Self::close`] of this kline, [`Self::seal`] of its bar and [`Self::row`] would answer
    /// for the symbol with the others as they stand, and changes nothing. The symbol's last bar need not be sealed.
    ///
    /// # Errors
    /// As [`Self::close`], and an output that is not of the catalogue's length.
    pub fn peek(
        &self,
        index: usize,
        kline: &Kline,
        scratch: &mut PeekScratch,
        out: &mut [f64],
    ) -> Result<Quality, CloseError> {
        let (bar, _) = self.place(index, kline)?;
        let definitions = Catalogue::standard().definitions();
        let expected = definitions.len();
        if out.len() != expected {
            return Err(CloseError::OutputLength { length: out.len(), expected });
        }
        let PeekScratch { state, pairs, cross } = scratch;
        let pairs = pairs.get_or_insert_with(Pairs::new);
        pairs.clone_from(&self.pairs[index]);
        let state = state.get_or_insert_with(|| SymbolState::new(expected));
        state.clone_from(&self.states[index]);
        state.close(bar, kline, self.interval, &Clock::at(kline.close_time));
        let member = |place: usize| if place == index { &*state } else { &self.states[place] };
        let members = (0..self.states.len()).filter(|place| self.in_market[*place]).map(member);
        let members = members.filter(|member| member.last() == Some(bar));
        cross.market.measure(members.map(SymbolState::summary));
        let bitcoin = self.bitcoin.map(|place| (place, member(place)));
        cross.compute(bar, self.interval, (state, pairs), bitcoin);
        state.finish(&cross.values, definitions);
        out.copy_from_slice(state.values());
        Ok(state.quality())
    }

    /// The whole state as bytes: versioned, with the catalogue's hash and a checksum. An engine restored from them
    /// answers the same bits.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        SNAPSHOT.seal(&SavedRef {
            symbols: &self.symbols,
            interval: self.interval,
            sealed: self.sealed,
            states: &self.states,
        })
    }

    /// The engine that a snapshot was made of.
    ///
    /// # Errors
    /// Bytes that are truncated, changed, of another version or of another catalogue.
    pub fn restore(bytes: &[u8]) -> Result<Self, SnapshotError> {
        let Saved { symbols, interval, sealed, mut states } = SNAPSHOT.open(bytes)?;
        let malformed = |reason: &str| SnapshotError::Malformed { reason: reason.to_owned() };
        if !symbols.is_sorted_by(|a, b| a < b) {
            return Err(malformed("symbols are not sorted and unique"));
        }
        let width = Catalogue::standard().len();
        if symbols.len() != states.len() || !states.iter().all(|state| state.is_well_formed(width)) {
            return Err(malformed("the state has another shape than this program's"));
        }
        states.iter_mut().for_each(|state| state.complete(interval));
        Ok(Self::assemble(symbols, interval, sealed, states))
    }
}

/// [`Saved`] without taking the state.
#[derive(Serialize)]
struct SavedRef<'a> {
    symbols: &'a [Symbol],
    interval: Interval,
    sealed: Option<BarTime>,
    states: &'a [SymbolState],
}

/// The place of the Bitcoin that the members' market has.
fn place_of_bitcoin(symbols: &[Symbol], members: &[bool]) -> Option<usize> {
    let of_market = symbols.iter().zip(members).filter(|(_, is_member)| **is_member);
    let bitcoin = cross::bitcoin_of(of_market.map(|(symbol, _)| *symbol))?;
    symbols.binary_search(&bitcoin).ok()
}

impl CrossScratch {
    fn compute(
        &mut self,
        bar: BarTime,
        interval: Interval,
        (own, pairs): (&SymbolState, &mut Pairs),
        bitcoin: Option<(usize, &SymbolState)>,
    ) {
        let count: usize = cross::ALL.iter().map(|indicator| indicator.definitions.len()).sum();
        self.values.resize(count, f64::NAN);
        let bitcoin = bitcoin.filter(|(_, state)| state.last() == Some(bar)).map(|(place, state)| {
            pairs.update(bar, interval, own, (place, state));
            Bitcoin { state, day: pairs.day.comoments(), pairs }
        });
        cross::compute(&CrossBar { own, bitcoin, market: &self.market }, &mut self.values);
    }
}

const _: () = assert!(MAX_CARRIED_BARS < crate::BLOCK);
