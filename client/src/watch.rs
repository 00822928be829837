//! Following predictions across broken connections: each once, none lost.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::wire::subscribe_response::Event;
use crate::{Backoff, Client, ClientError, wire};

/// What a [`Watch`] has to tell.
#[derive(Debug, Clone, PartialEq)]
pub enum Update {
    /// A prediction, not told before.
    Prediction(Box<wire::Prediction>),
    /// The connection broke or could not be made; the next attempt comes after `wait`.
    Reconnecting {
        /// Attempts that failed in a row.
        attempt: u32,
        /// The time until the next.
        wait: Duration,
        /// What went wrong.
        reason: String,
    },
    /// The server dropped predictions because this reader was slow; they are fetched from its journal.
    Lagged {
        /// How many it dropped.
        dropped_count: u64,
    },
    /// The stream is alive; nothing was published for a while.
    Heartbeat {
        /// The latest bar up to which every active symbol was seen; 0 before the first.
        watermark_ms: i64,
    },
}

/// Predictions as they are made. After a break it subscribes again from the last bar that it saw, so that the server's
/// journal fills the hole, and leaves out what it has told already.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    symbols: Vec<String>,
    tasks: Vec<String>,
    stream: Option<tonic::Streaming<wire::SubscribeResponse>>,
    position: Position,
    backoff: Backoff,
    attempt: u32,
    not_before: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(client: Client, symbols: Vec<String>, tasks: Vec<String>) -> Self {
        Self {
            client,
            symbols,
            tasks,
            stream: None,
            position: Position::default(),
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(10)),
            attempt: 0,
            not_before: None,
        }
    }

    /// Waits for the next update. Never ends by itself: what time can mend is told as [`Update::Reconnecting`].
    /// Cancel-safe.
    ///
    /// # Errors
    /// What time can't mend, for example `UNKNOWN_SYMBOL`.
    pub async fn next(&mut self) -> Result<Update, ClientError> {
        loop {
            let Some(stream) = self.stream.as_mut() else {
                match self.connect().await {
                    Ok(()) => continue,
                    Err(error) => return self.broken(error),
                }
            };
            match stream.message().await {
                Ok(Some(message)) => {
                    self.attempt = 0;
                    self.backoff.reset();
                    if let Some(update) = self.take(message) {
                        return Ok(update);
                    }
                }
                Ok(None) => return Ok(self.reconnect("the server ended the stream".to_owned(), None)),
                Err(status) => return self.broken(ClientError::from_status(self.client.server(), status)),
            }
        }
    }

    async fn connect(&mut self) -> Result<(), ClientError> {
        if let Some(moment) = self.not_before {
            sleep_until(moment).await;
        }
        let request = wire::SubscribeRequest {
            symbols: self.symbols.clone(),
            tasks: self.tasks.clone(),
            latest_first: true,
            after_bar_time_ms: self.position.resume_after_ms(),
            ..Default::default()
        };
        self.stream = Some(self.client.subscribe(request).await?);
        self.not_before = None;
        Ok(())
    }

    fn take(&mut self, message: wire::SubscribeResponse) -> Option<Update> {
        match message.event? {
            Event::Prediction(prediction) => {
                self.position.advance(&prediction).then(|| Update::Prediction(Box::new(prediction)))
            }
            Event::Lagged(lagged) => {
                // The journal has what was dropped: subscribing again from here brings it.
                self.stream = None;
                Some(Update::Lagged { dropped_count: lagged.dropped_count })
            }
            Event::Heartbeat(heartbeat) => Some(Update::Heartbeat { watermark_ms: heartbeat.watermark_ms }),
        }
    }

    fn broken(&mut self, error: ClientError) -> Result<Update, ClientError> {
        // A stream that breaks midway may end with any of the transport's codes; only a refusal with a reason is final.
        let final_word = match &error {
            ClientError::Refused { reason, .. } => !reason.is_empty() && !error.is_retryable(),
            _ => !error.is_retryable(),
        };
        if final_word {
            return Err(error);
        }
        Ok(self.reconnect(error.to_string(), error.retry_after()))
    }

    fn reconnect(&mut self, reason: String, retry_after: Option<Duration>) -> Update {
        self.stream = None;
        self.attempt = self.attempt.saturating_add(1);
        let jittered = self.backoff.next_wait(rand::random::<f64>());
        let wait = retry_after.unwrap_or(Duration::ZERO).max(jittered);
        self.not_before = Some(Instant::now() + wait);
        Update::Reconnecting { attempt: self.attempt, wait, reason }
    }
}

/// What was told already. Holds the keys of the latest bar only: bars come in order, and a subscription is resumed so that
/// the latest bar comes whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Position {
    latest_bar_ms: i64,
    told: BTreeSet<Key>,
}

/// Symbol, bundle, revision, provisional, row hash.
type Key = (String, String, u32, bool, String);

impl Position {
    /// The time to resume after: just before the latest bar, whose symbols may not all have been told. 0 at the start.
    fn resume_after_ms(&self) -> i64 {
        (self.latest_bar_ms - 1).max(0)
    }

    /// Whether a prediction is new; notes it.
    fn advance(&mut self, prediction: &wire::Prediction) -> bool {
        if prediction.bar_time_ms > self.latest_bar_ms {
            self.latest_bar_ms = prediction.bar_time_ms;
            self.told.clear();
        } else if prediction.bar_time_ms < self.latest_bar_ms {
            // An amended earlier bar: each is sent once.
            return true;
        }
        self.told.insert((
            prediction.symbol.clone(),
            prediction.bundle_digest.clone(),
            prediction.revision,
            prediction.provisional,
            prediction.row_hash.clone(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prediction(symbol: &str, bar_time_ms: i64, revision: u32) -> wire::Prediction {
        wire::Prediction { symbol: symbol.to_owned(), bar_time_ms, revision, ..Default::default() }
    }

    #[test]
    fn a_resumed_subscription_repeats_the_latest_bar_and_nothing_is_told_twice() {
        let mut position = Position::default();
        assert_eq!(position.resume_after_ms(), 0);
        assert!(position.advance(&prediction("BTCUSDT", 900, 1)));
        assert!(position.advance(&prediction("ETHUSDT", 900, 1)));
        assert!(position.advance(&prediction("BTCUSDT", 1_800, 1)));
        assert_eq!(position.resume_after_ms(), 1_799);
        assert!(!position.advance(&prediction("BTCUSDT", 1_800, 1)));
        assert!(position.advance(&prediction("ETHUSDT", 1_800, 1)));
        assert!(position.advance(&prediction("BTCUSDT", 1_800, 2)));
        assert!(position.advance(&prediction("BTCUSDT", 900, 2)));
    }
}
