//! Predictions on request: the latest, a fresh one, a nowcast, or what was said at a moment.

use std::time::Duration;

use crate::wire::prediction_service_client::PredictionServiceClient;
use crate::{Client, ClientError, wire};

/// The longest answer that is taken in: a thousand symbols, or all features of many boosters.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The longest wait that a server allows; it refuses a longer one at once.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// What is wanted of a prediction. The default is the latest answers to all tasks as they stand.
///
/// ```
/// use std::time::Duration;
/// use klinecast::{About, Freshness, PredictOptions};
///
/// // About the bar that closed then or a later one, for which the server may wait two seconds.
/// let read_your_bar = PredictOptions {
///     about: About::Fresh(Freshness {
///         min_bar_time_ms: Some(1_764_201_599_999),
///         wait: Duration::from_secs(2),
///         ..Freshness::default()
///     }),
///     ..PredictOptions::default()
/// };
/// # assert_ne!(read_your_bar, PredictOptions::default());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PredictOptions {
    /// The tasks; none named means all.
    pub tasks: Vec<String>,
    /// Which bar the answer is about.
    pub about: About,
    /// How many features are named that moved each booster's answer most; 0 for none, at most 512.
    pub explain_top: u32,
}

/// Which bar an answer is about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum About {
    /// The latest that was answered.
    #[default]
    Latest,
    /// One that is fresh enough, or the call is refused as `NOT_FRESH`.
    Fresh(Freshness),
    /// The one that is still forming, marked `provisional`; neither journalled nor scored.
    Nowcast,
}

/// How fresh an answer has to be. What is left out asks for nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Freshness {
    /// The close time of the bar that the answer has to be about at least, in Unix milliseconds.
    pub min_bar_time_ms: Option<i64>,
    /// The answer's bar may have closed so long ago by the exchange's clock at most; rounded up to milliseconds.
    pub max_staleness: Option<Duration>,
    /// How long the server may wait until the answer is fresh enough, at most 60 s; the call's deadline grows by it.
    pub wait: Duration,
}

/// What is wanted of what was said at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AsOfOptions {
    /// The tasks; none named means all.
    pub tasks: Vec<String>,
    /// Whether what was told first is wanted, and not what the klines say after all corrections.
    pub first_revision: bool,
    /// How many features are named that moved each booster's answer most; 0 for none, at most 512.
    pub explain_top: u32,
}

impl About {
    fn freshness(&self) -> Option<wire::Freshness> {
        let Self::Fresh(fresh) = self else { return None };
        Some(wire::Freshness {
            min_bar_time_ms: fresh.min_bar_time_ms.unwrap_or_default(),
            // On the wire 0 asks for nothing: whoever allows no staleness at all gets the smallest there is.
            max_staleness_ms: fresh
                .max_staleness
                .map_or(0, |most| i64::try_from(milliseconds(most).max(1)).unwrap_or(i64::MAX)),
            wait_ms: u32::try_from(milliseconds(fresh.wait)).unwrap_or(u32::MAX),
        })
    }

    fn wait(&self) -> Duration {
        match self {
            Self::Fresh(fresh) => fresh.wait.min(WAIT_MAX),
            Self::Latest | Self::Nowcast => Duration::ZERO,
        }
    }
}

/// Milliseconds, rounded up.
fn milliseconds(duration: Duration) -> u128 {
    duration.as_nanos().div_ceil(1_000_000)
}

impl Client {
    /// The latest prediction of one symbol; no task named means all of them.
    ///
    /// # Errors
    /// `UNKNOWN_SYMBOL`, `UNKNOWN_TASK`, `NOT_WARM`, `NO_BUNDLE`, or no answer.
    pub async fn predict(&self, symbol: &str, tasks: &[String]) -> Result<wire::Prediction, ClientError> {
        self.predict_with(symbol, &PredictOptions { tasks: tasks.to_vec(), ..Default::default() }).await
    }

    /// The latest predictions of several symbols in the order asked, each a prediction or a problem; no symbol named means
    /// all of them.
    ///
    /// # Errors
    /// `UNKNOWN_TASK`, or no answer. What concerns one symbol is told in its place.
    pub async fn predict_batch(
        &self,
        symbols: &[String],
        tasks: &[String],
    ) -> Result<Vec<wire::PredictBatchItem>, ClientError> {
        self.predict_batch_with(symbols, &PredictOptions { tasks: tasks.to_vec(), ..Default::default() })
            .await
    }

    /// A prediction of one symbol as the options want it.
    ///
    /// # Errors
    /// As [`Client::predict`]; `NOT_FRESH`, which is not tried again, `NO_NOWCAST`, `MALFORMED_REQUEST`, `BUSY`.
    pub async fn predict_with(
        &self,
        symbol: &str,
        options: &PredictOptions,
    ) -> Result<wire::Prediction, ClientError> {
        let request = wire::PredictRequest {
            symbol: symbol.to_owned(),
            tasks: options.tasks.clone(),
            interval: String::new(),
            freshness: options.about.freshness(),
            nowcast: options.about == About::Nowcast,
            explain_top: options.explain_top,
        };
        let answer = self.call(
            self.deadline().saturating_add(options.about.wait()),
            request,
            |channel, request| async { PredictionServiceClient::new(channel).predict(request).await },
        );
        answer.await?.prediction.ok_or_else(|| self.incomplete("prediction"))
    }

    /// Predictions of several symbols as the options want them, in the order asked, each a prediction or a problem; no
    /// symbol named means all of them. The wait is for all together.
    ///
    /// # Errors
    /// `UNKNOWN_TASK`, `MALFORMED_REQUEST`, or no answer. What concerns one symbol is told in its place.
    pub async fn predict_batch_with(
        &self,
        symbols: &[String],
        options: &PredictOptions,
    ) -> Result<Vec<wire::PredictBatchItem>, ClientError> {
        let request = wire::PredictBatchRequest {
            symbols: symbols.to_vec(),
            tasks: options.tasks.clone(),
            interval: String::new(),
            freshness: options.about.freshness(),
            nowcast: options.about == About::Nowcast,
            explain_top: options.explain_top,
        };
        let answer = self.call(
            self.deadline().saturating_add(options.about.wait()),
            request,
            |channel, request| async {
                let client = PredictionServiceClient::new(channel);
                client.max_decoding_message_size(ANSWER_BYTES_MAX).predict_batch(request).await
            },
        );
        Ok(answer.await?.items)
    }

    /// What was said about the last bar of a symbol that had closed at a moment (Unix milliseconds), from the journal. The
    /// symbol need not be followed any more.
    ///
    /// # Errors
    /// `UNKNOWN_SYMBOL`, `UNKNOWN_TASK`, `NO_PREDICTION`, `DROPPED`, `STORE_FAILED`, or no answer.
    pub async fn predict_as_of(
        &self,
        symbol: &str,
        at_ms: i64,
        options: &AsOfOptions,
    ) -> Result<wire::Prediction, ClientError> {
        let request = wire::PredictAsOfRequest {
            symbol: symbol.to_owned(),
            tasks: options.tasks.clone(),
            interval: String::new(),
            at_ms,
            first_revision: options.first_revision,
            explain_top: options.explain_top,
        };
        let answer = self.call(self.deadline(), request, |channel, request| async {
            PredictionServiceClient::new(channel).predict_as_of(request).await
        });
        answer.await?.prediction.ok_or_else(|| self.incomplete("prediction"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_asks_for_nothing_and_no_staleness_is_not_nothing() {
        let of = |freshness| About::Fresh(freshness).freshness();
        assert_eq!(of(Freshness::default()), Some(wire::Freshness::default()));
        let strict = Freshness {
            min_bar_time_ms: Some(900),
            max_staleness: Some(Duration::ZERO),
            wait: Duration::from_micros(1_500),
        };
        let expected = wire::Freshness { min_bar_time_ms: 900, max_staleness_ms: 1, wait_ms: 2 };
        assert_eq!(of(strict), Some(expected));
        assert_eq!(About::Nowcast.freshness(), None);
    }

    #[test]
    fn a_wait_beyond_all_measure_is_left_to_the_server_to_refuse() {
        let about = About::Fresh(Freshness { wait: Duration::MAX, ..Default::default() });
        assert_eq!(about.freshness().map(|freshness| freshness.wait_ms), Some(u32::MAX));
        assert_eq!(about.wait(), WAIT_MAX);
    }
}
