//! The typed calls.

use std::time::Duration;

use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};

use crate::credentials::{Bearer, Credentials};
use crate::error::was_torn;
use crate::retry::{Policy, retry};
use crate::wire::journal_service_client::JournalServiceClient;
use crate::wire::market_service_client::MarketServiceClient;
use crate::wire::model_service_client::ModelServiceClient;
use crate::wire::prediction_service_client::PredictionServiceClient;
use crate::wire::status_service_client::StatusServiceClient;
use crate::{Backoff, ClientError, Watch, WatchOptions, wire};

/// Where the server is and how patient the client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The server's gRPC address, for example `http://127.0.0.1:50051`; `https://` for TLS.
    pub server: String,
    /// The time over all attempts of one call.
    pub deadline: Duration,
    /// The time that a reload, a promotion or a replay may take: the server verifies a bundle in it.
    pub reload_deadline: Duration,
    /// Attempts at most of one call, the first included.
    pub attempts_max: u32,
    /// What the client shows, and which servers it believes.
    pub credentials: Credentials,
}

impl Settings {
    /// Where a server listens that was told nothing else.
    pub const DEFAULT_SERVER: &'static str = "http://127.0.0.1:50051";

    /// The usual patience: 5 s a call, 60 s a reload, 4 attempts.
    #[must_use]
    pub fn at(server: &str) -> Self {
        Self {
            server: server.to_owned(),
            deadline: Duration::from_secs(5),
            reload_deadline: Duration::from_secs(60),
            attempts_max: 4,
            credentials: Credentials::default(),
        }
    }
}

/// The connection, with the client's key on every call.
type Line = InterceptedService<Channel, Bearer>;

/// A client of one server. Cheap to clone; the clones share one connection, which is made at the first call and made
/// anew when it breaks.
#[derive(Debug, Clone)]
pub struct Client {
    settings: Settings,
    channel: Line,
}

impl Client {
    /// Prepares a client; connects at the first call. Needs a tokio runtime.
    ///
    /// # Errors
    /// [`ClientError::Address`] when the address can't be read, and what is wrong with the credentials.
    pub fn new(settings: Settings) -> Result<Self, ClientError> {
        let address = |source| ClientError::Address { address: settings.server.clone(), source };
        let endpoint =
            Endpoint::from_shared(settings.server.clone()).map_err(|error| address(Some(error)))?;
        if !matches!(endpoint.uri().scheme_str(), Some("http" | "https")) || endpoint.uri().host().is_none() {
            return Err(address(None));
        }
        // A connection that died without a word is noticed by its pings, so that a subscription needs no deadline.
        let bearer = settings.credentials.bearer()?;
        let channel = settings
            .credentials
            .secure(endpoint)?
            .connect_timeout(Duration::from_secs(3))
            .tcp_nodelay(true)
            .http2_keep_alive_interval(Duration::from_secs(10))
            .keep_alive_timeout(Duration::from_secs(5))
            .keep_alive_while_idle(true)
            .connect_lazy();
        Ok(Self { settings, channel: InterceptedService::new(channel, bearer) })
    }

    /// The server's address.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.settings.server
    }

    /// Follows the predictions of some symbols and tasks, the latest of each symbol first; none named means all. None is
    /// lost and none told twice.
    #[must_use]
    pub fn watch(&self, symbols: &[String], tasks: &[String]) -> Watch {
        let (symbols, tasks) = (symbols.to_vec(), tasks.to_vec());
        self.watch_with(WatchOptions { symbols, tasks, ..Default::default() })
    }

    /// Follows predictions as the options say.
    #[must_use]
    pub fn watch_with(&self, options: WatchOptions) -> Watch {
        Watch::new(self.clone(), options)
    }

    /// Opens one subscription, without retries.
    pub(crate) async fn subscribe(
        &self,
        request: wire::SubscribeRequest,
    ) -> Result<tonic::Streaming<wire::SubscribeResponse>, ClientError> {
        let answer = PredictionServiceClient::new(self.channel.clone()).subscribe(request).await;
        answer.map(Response::into_inner).map_err(|status| self.error(status))
    }

    /// The latest feature row of one symbol; no name means the whole row.
    ///
    /// # Errors
    /// `UNKNOWN_SYMBOL`, `UNKNOWN_FEATURE`, `NOT_WARM`, or no answer.
    pub async fn features(
        &self,
        symbol: &str,
        names: &[String],
    ) -> Result<wire::GetFeaturesResponse, ClientError> {
        let request = wire::GetFeaturesRequest {
            symbol: symbol.to_owned(),
            names: names.to_vec(),
            ..Default::default()
        };
        self.call(self.settings.deadline, request, |channel, request| async {
            PredictionServiceClient::new(channel).get_features(request).await
        })
        .await
    }

    /// The tasks that the server knows.
    ///
    /// # Errors
    /// No answer.
    pub async fn tasks(&self) -> Result<wire::ListTasksResponse, ClientError> {
        self.call(self.settings.deadline, wire::ListTasksRequest {}, |channel, request| async {
            ModelServiceClient::new(channel).list_tasks(request).await
        })
        .await
    }

    /// The models of the registry, the newest first, each with its way through the stages.
    ///
    /// # Errors
    /// `STORE_FAILED`, or no answer.
    pub async fn models(&self) -> Result<wire::ListModelsResponse, ClientError> {
        self.call(self.settings.deadline, wire::ListModelsRequest {}, |channel, request| async {
            ModelServiceClient::new(channel).list_models(request).await
        })
        .await
    }

    /// Makes the server take up the registry's champion.
    ///
    /// # Errors
    /// `NO_CHAMPION`, `BUNDLE_REFUSED` (the server goes on with what it has), or no answer.
    pub async fn reload(&self) -> Result<wire::ReloadModelsResponse, ClientError> {
        self.call(self.settings.reload_deadline, wire::ReloadModelsRequest {}, |channel, request| async {
            ModelServiceClient::new(channel).reload_models(request).await
        })
        .await
    }

    /// Makes the model the champion again that was it before the one that is; twice leads back.
    ///
    /// # Errors
    /// `NO_PREVIOUS`, `BUNDLE_REFUSED`, or no answer: then it may have happened.
    pub async fn roll_back(&self) -> Result<wire::Model, ClientError> {
        // Asked once: a second time would undo the first.
        let mut request = tonic::Request::new(wire::RollBackModelRequest {});
        request.set_timeout(self.settings.reload_deadline);
        let answer = ModelServiceClient::new(self.channel.clone()).roll_back_model(request).await;
        let answer = answer.map_err(|status| self.error(status))?;
        answer.into_inner().model.ok_or_else(|| self.incomplete("model"))
    }

    /// Sets a model's stage, alias, or both.
    ///
    /// # Errors
    /// `UNKNOWN_MODEL`, `MALFORMED_REQUEST` when neither is given, `BUNDLE_REFUSED`, or no answer.
    pub async fn promote(
        &self,
        version: u64,
        stage: wire::Stage,
        alias: wire::Alias,
    ) -> Result<wire::Model, ClientError> {
        let request = wire::PromoteModelRequest { version, stage: stage.into(), alias: alias.into() };
        let answer = self.call(self.settings.reload_deadline, request, |channel, request| async {
            ModelServiceClient::new(channel).promote_model(request).await
        });
        answer.await?.model.ok_or_else(|| self.incomplete("model"))
    }

    /// Checks the whole journal; `progress` is told how many of how many records were looked at. As long as it takes,
    /// without retries.
    ///
    /// # Errors
    /// `BUSY`, `STORE_FAILED`, or no answer.
    pub async fn verify_journal(
        &self,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<wire::Verification, ClientError> {
        use wire::verify_journal_response::Step;
        let mut client = JournalServiceClient::new(self.channel.clone());
        let answer = client.verify_journal(wire::VerifyJournalRequest {}).await;
        let mut steps = answer.map_err(|status| self.error(status))?.into_inner();
        while let Some(step) = steps.message().await.map_err(|status| self.error(status))? {
            match step.step {
                Some(Step::Progress(step)) => progress(step.done_count, step.total_count),
                Some(Step::Verification(found)) => return Ok(found),
                None => {}
            }
        }
        Err(self.incomplete("verification"))
    }

    /// How the server is, with each task's live score.
    ///
    /// # Errors
    /// No answer.
    pub async fn status(&self) -> Result<wire::GetStatusResponse, ClientError> {
        self.call(self.settings.deadline, wire::GetStatusRequest {}, |channel, request| async {
            StatusServiceClient::new(channel).get_status(request).await
        })
        .await
    }

    /// Whether one of the server's services serves, as `grpc.health.v1` tells everybody; the empty name is the whole:
    /// every pair warm, a bundle loaded, not stopping.
    ///
    /// # Errors
    /// A service that the server does not have, or no answer.
    pub async fn health(&self, service: &str) -> Result<bool, ClientError> {
        let request = HealthCheckRequest { service: service.to_owned() };
        let answer = self.call(self.settings.deadline, request, |channel, request| async {
            HealthClient::new(channel).check(request).await
        });
        Ok(answer.await?.status() == ServingStatus::Serving)
    }

    /// How good the journalled answers were over a window of whole UTC days.
    ///
    /// # Errors
    /// `MALFORMED_REQUEST`, `UNKNOWN_TASK`, or no answer.
    pub async fn scorecard(
        &self,
        request: wire::GetScorecardRequest,
    ) -> Result<wire::GetScorecardResponse, ClientError> {
        self.call(self.settings.deadline, request, |channel, request| async {
            StatusServiceClient::new(channel).get_scorecard(request).await
        })
        .await
    }

    /// Every bar that was found missing, and what became of it; of one pair or (empty) of all.
    ///
    /// # Errors
    /// An unknown symbol, or no answer.
    pub async fn gaps(&self, symbol: &str, unfilled_only: bool) -> Result<Vec<wire::Gap>, ClientError> {
        let request = wire::ListGapsRequest { symbol: symbol.to_owned(), unfilled_only };
        let answer = self.call(self.settings.deadline, request, |channel, request| async {
            MarketServiceClient::new(channel).list_gaps(request).await
        });
        Ok(answer.await?.gaps)
    }

    /// Lets the server follow some symbols from now on and others no longer; takes seconds. Every symbol that it follows then.
    ///
    /// # Errors
    /// `MALFORMED_REQUEST`, `REQUEST_TOO_LARGE`, `UNKNOWN_SYMBOL`, `NOT_TRADED`, `EXCHANGE_FAILED`, `STORE_FAILED`, `BUSY`, or no
    /// answer.
    pub async fn follow(&self, add: &[String], remove: &[String]) -> Result<Vec<String>, ClientError> {
        let request = wire::FollowSymbolsRequest { add: add.to_vec(), remove: remove.to_vec() };
        let answer = self.call(self.settings.reload_deadline, request, |channel, request| async {
            MarketServiceClient::new(channel).follow_symbols(request).await
        });
        Ok(answer.await?.symbols)
    }

    /// Makes a journalled prediction again and compares every bit; takes seconds.
    ///
    /// # Errors
    /// `UNKNOWN_PREDICTION`, `AMBIGUOUS_PREDICTION`, `MALFORMED_REQUEST`, `BUNDLE_REFUSED`, `BUSY`, `STORE_FAILED`, or no answer.
    pub async fn replay(&self, id: &str) -> Result<wire::ReplayPredictionResponse, ClientError> {
        let request = wire::ReplayPredictionRequest { id: id.to_owned() };
        self.call(self.settings.reload_deadline, request, |channel, request| async {
            JournalServiceClient::new(channel).replay_prediction(request).await
        })
        .await
    }

    /// The time over all attempts of a usual call.
    pub(crate) fn deadline(&self) -> Duration {
        self.settings.deadline
    }

    pub(crate) async fn call<Message, Answer, Call>(
        &self,
        deadline: Duration,
        message: Message,
        call: impl Fn(Line, Request<Message>) -> Call,
    ) -> Result<Answer, ClientError>
    where
        Message: Clone,
        Call: Future<Output = Result<Response<Answer>, Status>>,
    {
        let policy = Policy {
            attempts_max: self.settings.attempts_max,
            deadline,
            backoff: Backoff::new(Duration::from_millis(100), Duration::from_secs(2)),
        };
        let expired = || ClientError::DeadlineExceeded { server: self.settings.server.clone(), deadline };
        let refused = |status: Status| match status.code() {
            // The transport's and the server's words for the timeout that was sent with the request.
            Code::DeadlineExceeded => expired(),
            Code::Cancelled if !was_torn(&status) => expired(),
            _ => self.error(status),
        };
        let attempt = |left| {
            let mut request = Request::new(message.clone());
            request.set_timeout(left);
            let answer = call(self.channel.clone(), request);
            async { answer.await.map(Response::into_inner).map_err(refused) }
        };
        retry(policy, attempt, expired).await
    }

    fn error(&self, status: Status) -> ClientError {
        ClientError::from_status(&self.settings.server, status)
    }

    pub(crate) fn incomplete(&self, field: &'static str) -> ClientError {
        ClientError::Incomplete { server: self.settings.server.clone(), field }
    }
}
