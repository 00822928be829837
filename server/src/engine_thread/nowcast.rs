//! What klines say that are still forming: made for who asks, at most once for each state of a kline, and for subscribers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use forecast::Forecaster;
use kline::Symbol;

use crate::encoded::Encoded;
use crate::state::Shared;
use crate::subscribers::Published;

/// Subscribers get at most one nowcast a symbol in this time; the exchange tells a forming kline every two seconds.
const EVERY: Duration = Duration::from_millis(500);

/// What the subscribers of nowcasts were told.
#[derive(Debug, Default)]
pub(super) struct Nowcasts {
    told: HashMap<Symbol, Instant>,
}

impl Nowcasts {
    /// A kline of a symbol was taken in: what was said about the one before stands no more.
    pub(super) fn note(&mut self, symbol: Symbol, forecaster: &mut Forecaster, shared: &Shared) {
        shared.nowcasts.load().clear(symbol);
        if shared.nowcast_subscribers.count() == 0 {
            return;
        }
        let now = Instant::now();
        if self.told.get(&symbol).is_some_and(|told| now.duration_since(*told) < EVERY) {
            return;
        }
        if let Some(encoded) = answer(symbol, forecaster, shared) {
            self.told.insert(symbol, now);
            shared.nowcast_subscribers.publish(Arc::new(Published::nowcast(encoded)));
        }
    }
}

/// The nowcast of a symbol, from the table if it stands there.
pub(super) fn answer(symbol: Symbol, forecaster: &mut Forecaster, shared: &Shared) -> Option<Arc<Encoded>> {
    let table = shared.nowcasts.load();
    if let Some(stands) = table.get(symbol)?.as_ref() {
        return Some(stands.clone());
    }
    let interval = forecaster.interval();
    let encoded = Arc::new(Encoded::new(Arc::new(forecaster.nowcast(symbol)?), interval));
    table.put(encoded.clone());
    Some(encoded)
}
