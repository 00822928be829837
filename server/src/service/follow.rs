//! Which symbols are followed.

use std::collections::BTreeSet;

use kline::Symbol;

use super::Service;
use crate::follow::change::{CHANGED_SYMBOLS_MAX, Change};
use crate::reason::{Reason, Refusal, shorten};

impl Service {
    /// Follows some symbols from now on and others no longer, and answers all that are followed then. The history of new ones is
    /// read before anything changes, which takes seconds; every answer goes on meanwhile.
    ///
    /// # Errors
    /// [`Reason::MalformedRequest`], [`Reason::RequestTooLarge`], [`Reason::NotTraded`], [`Reason::ExchangeFailed`],
    /// [`Reason::StoreFailed`], [`Reason::Busy`] or [`Reason::Draining`]; then nothing has changed.
    pub async fn follow<Name: AsRef<str>>(
        &self,
        add: &[Name],
        remove: &[Name],
    ) -> Result<Vec<Symbol>, Refusal> {
        let count = add.len() + remove.len();
        if count > CHANGED_SYMBOLS_MAX {
            let message = format!("{count} symbols were named at once, {CHANGED_SYMBOLS_MAX} are allowed");
            return Err(Refusal::new(Reason::RequestTooLarge, message).with("symbols", count));
        }
        let (add, remove) = (parse(add)?, parse(remove)?);
        if let Some(both) = add.intersection(&remove).next() {
            let message = format!("symbol {both} is to be added and removed at once; name it in one list");
            return Err(Refusal::new(Reason::MalformedRequest, message).with("symbol", both));
        }
        for symbol in &remove {
            self.symbol(symbol.as_str())?;
        }
        self.followers.change(Change { add, remove }).await
    }
}

fn parse<Name: AsRef<str>>(names: &[Name]) -> Result<BTreeSet<Symbol>, Refusal> {
    let symbol = |name: &Name| {
        let name = name.as_ref();
        name.parse().map_err(|error| {
            let name = shorten(name);
            Refusal::new(Reason::MalformedRequest, format!("symbol {name:?}: {error}")).with("symbol", name)
        })
    };
    names.iter().map(symbol).collect()
}
