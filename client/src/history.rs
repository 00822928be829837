//! What was said before, page by page.

use std::vec::IntoIter;

use crate::predict::ANSWER_BYTES_MAX;
use crate::wire::prediction_service_client::PredictionServiceClient;
use crate::{Client, ClientError, wire};

/// Which journalled predictions are wanted. The default is all of them, the last revision of each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The symbols; none named means all that have ever been answered.
    pub symbols: Vec<String>,
    /// The tasks; none named means all.
    pub tasks: Vec<String>,
    /// The first bar, by any time in it or its close, in Unix milliseconds; none means from the journal's start.
    pub from_ms: Option<i64>,
    /// The last bar: the last that closed at or before this time; none means up to now.
    pub until_ms: Option<i64>,
    /// Whether replaced revisions are wanted too.
    pub all_revisions: bool,
    /// Only bundles whose digest begins with this, in hexadecimal; empty means all.
    pub bundle: String,
    /// Whether what came true is wanted too, as far as it has.
    pub with_outcomes: bool,
    /// How many predictions are asked for at once, which is how many are held in memory at most; 0 means 100, and no more
    /// than 1,000 are answered.
    pub page_size: u32,
}

/// Journalled predictions in the order of bar, symbol, bundle, revision. Holds one page and asks for the next one when it
/// is read.
#[derive(Debug)]
pub struct History {
    client: Client,
    request: wire::ListPredictionsRequest,
    page: IntoIter<wire::JournalledPrediction>,
    is_last_page: bool,
}

impl History {
    fn new(client: Client, query: HistoryQuery) -> Self {
        let request = wire::ListPredictionsRequest {
            symbols: query.symbols,
            tasks: query.tasks,
            interval: String::new(),
            from_ms: query.from_ms.unwrap_or_default(),
            until_ms: query.until_ms.unwrap_or_default(),
            all_revisions: query.all_revisions,
            bundle: query.bundle,
            with_outcomes: query.with_outcomes,
            page_size: query.page_size,
            page_token: String::new(),
        };
        Self { client, request, page: Vec::new().into_iter(), is_last_page: false }
    }

    /// The next prediction with what came true of it; `None` after the last. Cancel-safe, and after an error the same page
    /// is asked for again.
    ///
    /// # Errors
    /// `UNKNOWN_SYMBOL`, `UNKNOWN_TASK`, `MALFORMED_REQUEST`, `DROPPED`, `STORE_FAILED`, or no answer.
    pub async fn next(&mut self) -> Result<Option<wire::JournalledPrediction>, ClientError> {
        loop {
            if let Some(prediction) = self.page.next() {
                return Ok(Some(prediction));
            }
            if self.is_last_page {
                return Ok(None);
            }
            let deadline = self.client.deadline();
            let answer = self.client.call(deadline, self.request.clone(), |channel, request| async {
                let client = PredictionServiceClient::new(channel);
                client.max_decoding_message_size(ANSWER_BYTES_MAX).list_predictions(request).await
            });
            let wire::ListPredictionsResponse { predictions, next_page_token } = answer.await?;
            self.is_last_page = next_page_token.is_empty();
            if !self.is_last_page && next_page_token == self.request.page_token {
                // Going on would never end.
                return Err(self.client.incomplete("a next_page_token that goes on"));
            }
            self.request.page_token = next_page_token;
            self.page = predictions.into_iter();
        }
    }
}

impl Client {
    /// Reads the journalled predictions that a query wants.
    ///
    /// ```
    /// # async fn example(client: klinecast::Client) -> Result<(), klinecast::ClientError> {
    /// use klinecast::HistoryQuery;
    ///
    /// let mut history = client.history(HistoryQuery { with_outcomes: true, ..HistoryQuery::default() });
    /// while let Some(said) = history.next().await? {
    ///     println!("{:?}: {:?}", said.prediction, said.outcomes);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn history(&self, query: HistoryQuery) -> History {
        History::new(self.clone(), query)
    }
}
