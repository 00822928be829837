//! Symbols are followed and let go of while the server answers: a second Forecaster is warmed up beside the first, and takes
//! over from it.

use std::collections::{BTreeMap, BTreeSet};

use forecast::{Forecaster, ForecasterSettings};
use kline::{BarTime, Interval, Milliseconds, Symbol};
use tokio::sync::{mpsc, oneshot};

use super::history::{History, HistoryReader};
use super::listings;
use crate::reason::{Reason, Refusal};
use crate::unhurried::unhurried;

/// How many changes may wait. They are done one by one.
const QUEUE_CHANGES: usize = 4;

/// How many symbols one change may name.
pub const CHANGED_SYMBOLS_MAX: usize = 100;

/// What is to be followed from now on, and what no longer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Change {
    /// Followed beside the present ones.
    pub add: BTreeSet<Symbol>,
    /// Not followed any more.
    pub remove: BTreeSet<Symbol>,
}

impl Change {
    /// The symbols after the change, sorted.
    #[must_use]
    pub fn applied_to(&self, symbols: &[Symbol]) -> Vec<Symbol> {
        let kept = symbols.iter().filter(|symbol| !self.remove.contains(symbol));
        kept.chain(&self.add).copied().collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// A change that somebody waits for; answered with the symbols that are followed then.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) change: Change,
    pub(super) reply: oneshot::Sender<Result<Vec<Symbol>, Refusal>>,
}

/// The way to ask for a change.
#[derive(Debug, Clone)]
pub struct FollowHandle(mpsc::Sender<Request>);

/// Where the requests come out.
#[derive(Debug)]
pub struct FollowRequests(pub(super) mpsc::Receiver<Request>);

/// A handle and where its requests come out.
#[must_use]
pub fn follow_requests() -> (FollowHandle, FollowRequests) {
    let (sender, receiver) = mpsc::channel(QUEUE_CHANGES);
    (FollowHandle(sender), FollowRequests(receiver))
}

impl FollowHandle {
    /// Changes what is followed, and answers when it is done. Who hangs up before its turn has asked for nothing.
    ///
    /// # Errors
    /// [`Reason::Busy`], [`Reason::Draining`], [`Reason::NotTraded`], [`Reason::ExchangeFailed`], [`Reason::StoreFailed`] or
    /// [`Reason::MalformedRequest`] if nothing would be left; then nothing has changed.
    pub async fn change(&self, change: Change) -> Result<Vec<Symbol>, Refusal> {
        let stopping = || Refusal::new(Reason::Draining, "the server is stopping");
        let (reply, answer) = oneshot::channel();
        self.0.try_send(Request { change, reply }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                Refusal::new(Reason::Busy, format!("{QUEUE_CHANGES} changes of the symbols wait already"))
            }
            mpsc::error::TrySendError::Closed(_) => stopping(),
        })?;
        answer.await.unwrap_or_else(|_| Err(stopping()))
    }
}

/// A Forecaster that has seen the history of the symbols to come.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) forecaster: Box<Forecaster>,
    pub(super) symbols: Vec<Symbol>,
    /// The last bar of each symbol.
    pub(super) last: BTreeMap<Symbol, BarTime>,
    pub(super) reply: oneshot::Sender<Result<Vec<Symbol>, Refusal>>,
}

/// Prepares a change of what is followed now; `None` if it was refused or is none.
pub(super) async fn prepare(
    reader: HistoryReader,
    followed: Vec<Symbol>,
    max_lateness_ms: Milliseconds,
    Request { change, reply }: Request,
) -> Option<Prepared> {
    if reply.is_closed() {
        return None;
    }
    let symbols = change.applied_to(&followed);
    let prepared = async {
        if symbols == followed {
            return Ok(None);
        }
        check(&reader, &change, &followed, &symbols).await?;
        warmed_up(&reader, &symbols, max_lateness_ms).await.map(Some)
    };
    let answer = match prepared.await {
        Ok(Some((forecaster, last))) => return Some(Prepared { forecaster, symbols, last, reply }),
        Ok(None) => Ok(symbols),
        Err(refusal) => Err(refusal),
    };
    // The one who asked may have gone.
    let _ = reply.send(answer);
    None
}

/// Whether there is something left to follow, and the exchange trades what is new.
async fn check(
    reader: &HistoryReader,
    change: &Change,
    followed: &[Symbol],
    symbols: &[Symbol],
) -> Result<(), Refusal> {
    if symbols.is_empty() {
        let message = "nothing would be followed any more; a server follows one symbol at least";
        return Err(Refusal::new(Reason::MalformedRequest, message));
    }
    let added: Vec<Symbol> = change.add.iter().filter(|symbol| !followed.contains(symbol)).copied().collect();
    if added.is_empty() {
        return Ok(());
    }
    let (listed, _) =
        listings::ask(&reader.client, &added).await.map_err(|error| unreachable_exchange(&error))?;
    match listed.iter().find(|(_, listing)| !listing.is_traded()) {
        None => Ok(()),
        Some((&symbol, listing)) => Err(reader.shared.listings.load().not_traded(symbol, *listing)),
    }
}

fn unreachable_exchange(problem: &dyn std::fmt::Display) -> Refusal {
    tracing::warn!(%problem, "the symbols are not changed, the exchange does not answer");
    Refusal::new(Reason::ExchangeFailed, format!("the exchange did not answer: {problem}"))
}

/// A Forecaster of these symbols that has seen their history, and the last bar of each.
async fn warmed_up(
    reader: &HistoryReader,
    symbols: &[Symbol],
    max_lateness_ms: Milliseconds,
) -> Result<(Box<Forecaster>, BTreeMap<Symbol, BarTime>), Refusal> {
    let history = reader.read(symbols).await.map_err(|problem| unreachable_exchange(&problem))?;
    let interval = reader.interval;
    let last = last_bars(&history, interval);
    let settings = ForecasterSettings { symbols: symbols.to_vec(), interval, max_lateness_ms };
    let warm_up = move || {
        unhurried(|| {
            let mut forecaster = Box::new(Forecaster::new(settings));
            // Nobody answers yet, so that there is nothing to publish; outcomes are resolved when it takes over.
            forecaster.warm_up(&history, &mut Vec::new());
            forecaster
        })
    };
    let forecaster = tokio::task::spawn_blocking(warm_up).await.map_err(|error| {
        Refusal::new(Reason::Internal, format!("the history was not taken in: {error}"))
    })??;
    Ok((forecaster, last))
}

/// The last bar of each symbol that has one.
pub(super) fn last_bars(history: &History, interval: Interval) -> BTreeMap<Symbol, BarTime> {
    let last =
        |(symbol, klines): (&Symbol, &Vec<kline::Kline>)| Some((*symbol, klines.last()?.bar_time(interval)));
    history.iter().filter_map(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> BTreeSet<Symbol> {
        names.iter().map(|name| name.parse().expect("a name")).collect()
    }

    #[test]
    fn what_is_added_and_removed_at_once_is_added() {
        let change = Change { add: named(&["C", "A"]), remove: named(&["B", "C"]) };
        let before: Vec<Symbol> = named(&["A", "B", "D"]).into_iter().collect();
        let after: Vec<Symbol> = named(&["A", "C", "D"]).into_iter().collect();
        assert_eq!(change.applied_to(&before), after);
        assert_eq!(Change::default().applied_to(&before), before);
    }
}
