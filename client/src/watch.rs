//! Following predictions across broken connections: each once, none lost.

mod position;

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::position::{Position, Start};
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
    /// The server left predictions out because this reader was slow. Under [`Delivery::Lossless`] they are fetched from its
    /// journal, otherwise they are gone.
    Lagged {
        /// How many it left out.
        dropped_count: u64,
    },
    /// The server's journal does not go back to where this reader was. What was published after the bar told last and is not
    /// in the journal any more is lost; what is there of later bars comes next.
    NotRecovered {
        /// The close time of the latest bar that was told; 0 when none was.
        after_bar_time_ms: i64,
        /// What the server said.
        reason: String,
    },
    /// The stream is alive; nothing was published for a while.
    Heartbeat {
        /// The latest bar up to which every active symbol was seen; 0 before the first.
        watermark_ms: i64,
    },
}

/// What becomes of a reader that does not keep up. It never slows anybody else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Delivery {
    /// It gets what it missed from the journal; nowcasts are not in it and can be lost.
    #[default]
    Lossless,
    /// So many predictions are kept for it (a setting of the server); beyond, the oldest are lost and it is told so.
    Bounded,
    /// Of each symbol it gets the latest when it is ready for it; how many it did not get is told.
    Conflating,
}

/// What is followed, and from where on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchOptions {
    /// The symbols; none named means all.
    pub symbols: Vec<String>,
    /// The tasks; none named means all.
    pub tasks: Vec<String>,
    /// What becomes of a reader that does not keep up.
    pub delivery: Delivery,
    /// Whether nowcasts are wanted too. They are marked `provisional`, and are never told again after a break.
    pub nowcasts: bool,
    /// Goes on after what this token of an earlier [`Watch::token`] stands for; without one, the latest prediction of each
    /// symbol comes first.
    pub token: Option<String>,
}

/// Predictions as they are made. After a break it subscribes again with the token of the last event, so that the server
/// sends what was published meanwhile from its journal, and leaves out what it has told already. Before the first token, it
/// goes on from the latest bar that it has told.
///
/// What was told is remembered of the last 8,192 predictions: another replica's journal does not know the token, and begins
/// with the token's bar.
///
/// ```
/// # async fn example(client: klinecast::Client, kept: Option<String>) -> Result<(), klinecast::ClientError> {
/// use klinecast::{Update, WatchOptions};
///
/// let mut watch = client.watch_with(WatchOptions { token: kept, ..WatchOptions::default() });
/// loop {
///     if let Update::Prediction(prediction) = watch.next().await? {
///         println!("{} {}", prediction.symbol, prediction.bar_time_ms);
///     }
///     // A program that writes down the token here goes on after this update when it is started again.
///     let token = watch.token();
/// #   let _ = token;
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct Watch {
    client: Client,
    options: WatchOptions,
    stream: Option<tonic::Streaming<wire::SubscribeResponse>>,
    position: Position,
    sequence: u64,
    backoff: Backoff,
    attempt: u32,
    not_before: Option<Instant>,
}

impl Watch {
    pub(crate) fn new(client: Client, mut options: WatchOptions) -> Self {
        let token = options.token.take().filter(|token| !token.is_empty());
        Self {
            client,
            options,
            stream: None,
            position: Position::after(token),
            sequence: 0,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(10)),
            attempt: 0,
            not_before: None,
        }
    }

    /// The token that goes on after the update told last; `None` before the first.
    #[must_use]
    pub fn token(&self) -> Option<&str> {
        self.position.token()
    }

    /// The place of the prediction told last in the server's journal: grows from prediction to prediction, not always by
    /// one. 0 for what is not journalled, and for the latest predictions and those of another server's journal with which a
    /// subscription begins.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// Waits for the next update. Never ends by itself: what time can mend is told as [`Update::Reconnecting`].
    /// Cancel-safe.
    ///
    /// # Errors
    /// What time can't mend, for example `UNKNOWN_SYMBOL`, or `MALFORMED_REQUEST` for a token that is none.
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
        let start = self.position.start();
        let delivery = match self.options.delivery {
            Delivery::Lossless => wire::Delivery::Lossless,
            Delivery::Bounded => wire::Delivery::Bounded,
            Delivery::Conflating => wire::Delivery::Conflating,
        };
        let request = wire::SubscribeRequest {
            symbols: self.options.symbols.clone(),
            tasks: self.options.tasks.clone(),
            interval: String::new(),
            latest_first: start == Start::Latest,
            after_bar_time_ms: if let Start::AfterBar(bar_time_ms) = start { bar_time_ms } else { 0 },
            resume_token: if let Start::AfterToken(token) = start { token.to_owned() } else { String::new() },
            delivery: delivery.into(),
            nowcasts: self.options.nowcasts,
        };
        self.stream = Some(self.client.subscribe(request).await?);
        self.not_before = None;
        Ok(())
    }

    fn take(&mut self, message: wire::SubscribeResponse) -> Option<Update> {
        let wire::SubscribeResponse { sequence, resume_token, event } = message;
        match event? {
            Event::Prediction(prediction) => {
                let is_new = self.position.tell(&prediction);
                // The latest predictions of a beginning carry a token that stands for all of them: a break between two of
                // them must not pass over the others.
                if sequence > 0 {
                    self.position.reach(resume_token);
                }
                if !is_new {
                    return None;
                }
                self.sequence = sequence;
                Some(Update::Prediction(Box::new(prediction)))
            }
            Event::Lagged(lagged) => {
                self.position.reach(resume_token);
                if self.options.delivery == Delivery::Lossless {
                    // The journal has what was left out: subscribing again from here brings it.
                    self.stream = None;
                }
                Some(Update::Lagged { dropped_count: lagged.dropped_count })
            }
            Event::Heartbeat(heartbeat) => {
                self.position.reach(resume_token);
                Some(Update::Heartbeat { watermark_ms: heartbeat.watermark_ms })
            }
        }
    }

    fn broken(&mut self, error: ClientError) -> Result<Update, ClientError> {
        if let ClientError::Refused { reason, message, .. } = &error
            && reason == "DROPPED"
            && self.position.token().is_some()
        {
            self.stream = None;
            let after_bar_time_ms = self.position.lose_token();
            return Ok(Update::NotRecovered { after_bar_time_ms, reason: message.clone() });
        }
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
