//! The running exchange.

use kline::Milliseconds;

use crate::{ExchangeConfig, ExchangeError};

/// A running exchange; dropping it stops it.
#[derive(Debug)]
pub struct Exchange;

impl Exchange {
    /// Listens, and starts the clock.
    ///
    /// # Errors
    /// A port in use, a start outside the recorded klines, a speed that is no speed.
    pub async fn start(_config: ExchangeConfig) -> Result<Self, ExchangeError> {
        todo!()
    }

    /// Base of the REST routes, for example `http://127.0.0.1:41234`.
    #[must_use]
    pub fn rest_url(&self) -> String {
        todo!()
    }

    /// Base of the websocket routes, for example `ws://127.0.0.1:41234`.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        todo!()
    }

    /// The exchange's time.
    #[must_use]
    pub fn now(&self) -> Milliseconds {
        todo!()
    }

    /// Waits until the last recorded bar has been sent; never ends on a synthetic market.
    pub async fn finished(&self) {
        todo!()
    }

    /// Closes every connection and waits until all has stopped.
    pub async fn shutdown(self) {
        todo!()
    }
}
