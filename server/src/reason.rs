//! The one catalogue of reasons: why a request was refused, its gRPC code, its HTTP status, and what to do about it.

use std::fmt;
use std::time::Duration;

use tonic::Code;

/// Why a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The symbol is not served.
    UnknownSymbol,
    /// The task is none of the seven.
    UnknownTask,
    /// The loaded bundle does not answer the task.
    TaskNotInBundle,
    /// The loaded bundle was not trained on the symbol.
    SymbolNotInBundle,
    /// The interval is not served.
    UnknownInterval,
    /// The feature is not in the catalogue.
    UnknownFeature,
    /// The registry has no such model.
    UnknownModel,
    /// No such route or method.
    UnknownRoute,
    /// The route does not take the HTTP method.
    MethodNotAllowed,
    /// The body is of a kind that is not read.
    UnsupportedMediaType,
    /// The caller takes no kind of answer that the route gives.
    NotAcceptable,
    /// The address of the request is too long.
    UriTooLong,
    /// The headers of the request are too long.
    HeadersTooLarge,
    /// The protocol has it, this server has not.
    Unsupported,
    /// The request cannot be read.
    MalformedRequest,
    /// The request asks for more than is allowed at once.
    RequestTooLarge,
    /// No bundle is loaded.
    NoBundle,
    /// The symbol has too few klines.
    NotWarm,
    /// The answer is not as fresh as was asked for.
    NotFresh,
    /// The time that the caller allows is over, or far less than such calls take.
    DeadlineTooShort,
    /// No kline is forming.
    NoNowcast,
    /// The exchange does not trade the symbol any more, or for now.
    NotTraded,
    /// The exchange did not answer.
    ExchangeFailed,
    /// The registry has no champion.
    NoChampion,
    /// There is no champion before the one that is.
    NoPrevious,
    /// The bundle was not taken up.
    BundleRefused,
    /// The store did not answer.
    StoreFailed,
    /// The journal has no such prediction.
    UnknownPrediction,
    /// Nothing was said about the symbol up to that moment.
    NoPrediction,
    /// What is asked for was dropped from the journal.
    Dropped,
    /// Several predictions are meant.
    AmbiguousPrediction,
    /// The caller did not show who it is.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// A page of another origin asked.
    OriginNotAllowed,
    /// The server was asked by a name that is not its own.
    HostNotAllowed,
    /// The caller asks too often.
    RateLimited,
    /// The caller has asked enough for today.
    QuotaExceeded,
    /// As many such requests as may run at once are running.
    Busy,
    /// The server does not keep up.
    Overloaded,
    /// The server stops.
    Draining,
    /// A fault of the server.
    Internal,
}

/// One line of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The reason.
    pub reason: Reason,
    /// Its name on the wire.
    pub name: &'static str,
    /// The gRPC code.
    pub code: Code,
    /// The HTTP status.
    pub status: u16,
    /// A short title, the same for every occurrence.
    pub title: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

const fn entry(
    reason: Reason,
    name: &'static str,
    (code, status): (Code, u16),
    title: &'static str,
    remedy: &'static str,
) -> Entry {
    Entry { reason, name, code, status, title, remedy }
}

/// The catalogue, in the order of [`Reason`].
pub const CATALOGUE: [Entry; 41] = [
    entry(
        Reason::UnknownSymbol,
        "UNKNOWN_SYMBOL",
        (Code::NotFound, 404),
        "symbol is not served",
        "ask for one of the known symbols, or let the server follow it: klinecast follow SYMBOL",
    ),
    entry(
        Reason::UnknownTask,
        "UNKNOWN_TASK",
        (Code::NotFound, 404),
        "task is not known",
        "ask for one of the known tasks",
    ),
    entry(
        Reason::TaskNotInBundle,
        "TASK_NOT_IN_BUNDLE",
        (Code::NotFound, 404),
        "task is not answered by the loaded bundle",
        "ask for one of the tasks of the bundle, or train one with the task",
    ),
    entry(
        Reason::SymbolNotInBundle,
        "SYMBOL_NOT_IN_BUNDLE",
        (Code::NotFound, 404),
        "symbol is not answered by the loaded bundle",
        "train and promote a bundle with the symbol",
    ),
    entry(
        Reason::UnknownInterval,
        "UNKNOWN_INTERVAL",
        (Code::InvalidArgument, 400),
        "interval is not served",
        "leave the interval out or ask for the one that is served",
    ),
    entry(
        Reason::UnknownFeature,
        "UNKNOWN_FEATURE",
        (Code::NotFound, 404),
        "feature is not in the catalogue",
        "ask for features without names to see them all",
    ),
    entry(
        Reason::UnknownModel,
        "UNKNOWN_MODEL",
        (Code::NotFound, 404),
        "model is not in the registry",
        "list the models and use one of their versions",
    ),
    entry(
        Reason::UnknownRoute,
        "UNKNOWN_ROUTE",
        (Code::Unimplemented, 404),
        "route is not known",
        "use one of /openapi.json, /docs, /health, /tasks, /models, /predict/{symbol}, /predict/batch, /predict/{symbol}/task/{task}, /models/reload, /models/promote, /models/rollback, /features/{symbol}, /predictions, /predictions/{symbol}/at/{time}, /stream, /ws, /symbols, /gaps, /scorecard, /journal/verify, /journal/{id}/replay, /v2/models/{model}/infer",
    ),
    entry(
        Reason::MethodNotAllowed,
        "METHOD_NOT_ALLOWED",
        (Code::Unimplemented, 405),
        "route does not take this method",
        "use the method that the Allow header names",
    ),
    entry(
        Reason::UnsupportedMediaType,
        "UNSUPPORTED_MEDIA_TYPE",
        (Code::InvalidArgument, 415),
        "kind of body is not read",
        "send JSON in UTF-8 with Content-Type: application/json, as it is or packed with gzip or zstd",
    ),
    entry(
        Reason::NotAcceptable,
        "NOT_ACCEPTABLE",
        (Code::InvalidArgument, 406),
        "no answer of the kind that is accepted",
        "leave the Accept header out, or accept what the message names",
    ),
    entry(
        Reason::UriTooLong,
        "URI_TOO_LONG",
        (Code::InvalidArgument, 414),
        "address is too long",
        "name fewer symbols, tasks or features, or ask with POST where the route takes it",
    ),
    entry(
        Reason::HeadersTooLarge,
        "HEADERS_TOO_LARGE",
        (Code::InvalidArgument, 431),
        "headers are too long",
        "send fewer or shorter headers",
    ),
    entry(
        Reason::Unsupported,
        "UNSUPPORTED",
        (Code::Unimplemented, 501),
        "server does not offer this",
        "the server's metadata lists the extensions that it offers",
    ),
    entry(
        Reason::MalformedRequest,
        "MALFORMED_REQUEST",
        (Code::InvalidArgument, 400),
        "request cannot be read",
        "correct the request",
    ),
    entry(
        Reason::RequestTooLarge,
        "REQUEST_TOO_LARGE",
        (Code::InvalidArgument, 413),
        "request asks for too much at once",
        "divide the request",
    ),
    entry(
        Reason::NoBundle,
        "NO_BUNDLE",
        (Code::Unavailable, 503),
        "no bundle is loaded",
        "train and promote a bundle with klinecast-trainer, the server takes it up by itself",
    ),
    entry(
        Reason::NotWarm,
        "NOT_WARM",
        (Code::Unavailable, 503),
        "symbol is not warm yet",
        "wait until the status shows the symbol as ready",
    ),
    entry(
        Reason::NotFresh,
        "NOT_FRESH",
        (Code::Unavailable, 503),
        "answer is not as fresh as was asked for",
        "wait longer with wait_ms, or ask for an older bar",
    ),
    entry(
        Reason::DeadlineTooShort,
        "DEADLINE_TOO_SHORT",
        (Code::DeadlineExceeded, 504),
        "deadline is over or too short",
        "allow more time, or ask for less",
    ),
    entry(
        Reason::NoNowcast,
        "NO_NOWCAST",
        (Code::Unavailable, 503),
        "no kline is forming",
        "try again when the exchange has told of the next kline, or ask without nowcast",
    ),
    entry(
        Reason::NotTraded,
        "NOT_TRADED",
        (Code::FailedPrecondition, 409),
        "symbol is not traded",
        "ask for its successor if one is named, or wait until the exchange trades it",
    ),
    entry(
        Reason::ExchangeFailed,
        "EXCHANGE_FAILED",
        (Code::Unavailable, 503),
        "exchange did not answer",
        "try again; the status shows how the line to the exchange is",
    ),
    entry(
        Reason::NoChampion,
        "NO_CHAMPION",
        (Code::FailedPrecondition, 409),
        "registry has no champion",
        "promote a model with klinecast promote or klinecast-trainer",
    ),
    entry(
        Reason::NoPrevious,
        "NO_PREVIOUS",
        (Code::FailedPrecondition, 409),
        "there is nothing to roll back to",
        "promote a model of the registry with klinecast promote",
    ),
    entry(
        Reason::BundleRefused,
        "BUNDLE_REFUSED",
        (Code::FailedPrecondition, 409),
        "bundle was refused",
        "what answered before goes on answering; train the bundle again or promote another model",
    ),
    entry(
        Reason::StoreFailed,
        "STORE_FAILED",
        (Code::Unavailable, 503),
        "store did not answer",
        "try again; look at the server's log and at the disk of its home folder",
    ),
    entry(
        Reason::UnknownPrediction,
        "UNKNOWN_PREDICTION",
        (Code::NotFound, 404),
        "prediction is not in the journal",
        "use an id as predictions show it, SYMBOL:BAR_TIME_MS:BUNDLE:REVISION",
    ),
    entry(
        Reason::NoPrediction,
        "NO_PREDICTION",
        (Code::NotFound, 404),
        "nothing was predicted up to then",
        "ask for a later moment; the status shows since when the symbol is answered",
    ),
    entry(
        Reason::Dropped,
        "DROPPED",
        (Code::NotFound, 410),
        "journal does not go back so far any more",
        "look into the files that it was exported to; journal.keep_days says how much is kept",
    ),
    entry(
        Reason::AmbiguousPrediction,
        "AMBIGUOUS_PREDICTION",
        (Code::InvalidArgument, 400),
        "several predictions are meant",
        "give more digits of the bundle's digest",
    ),
    entry(
        Reason::Unauthenticated,
        "UNAUTHENTICATED",
        (Code::Unauthenticated, 401),
        "caller is not known",
        "send an API key or token (Authorization: Bearer, or x-api-key), with klinecast --api-key or KLINECAST_API_KEY; who runs the server makes one with klinecast-server keys new",
    ),
    entry(
        Reason::PermissionDenied,
        "PERMISSION_DENIED",
        (Code::PermissionDenied, 403),
        "caller may not do this",
        "use a key, token or certificate with the role that is needed, or ask who runs the server for it",
    ),
    entry(
        Reason::OriginNotAllowed,
        "ORIGIN_NOT_ALLOWED",
        (Code::PermissionDenied, 403),
        "pages of this origin may not ask",
        "who runs the server allows a page's origin with --allowed-origins",
    ),
    entry(
        Reason::HostNotAllowed,
        "HOST_NOT_ALLOWED",
        (Code::PermissionDenied, 403),
        "server is not known by this name",
        "ask localhost or 127.0.0.1; who runs the server allows other names with --allowed-hosts",
    ),
    entry(
        Reason::RateLimited,
        "RATE_LIMITED",
        (Code::ResourceExhausted, 429),
        "caller asks too often",
        "wait as long as the answer says, or ask for many symbols at once or a stream of predictions",
    ),
    entry(
        Reason::QuotaExceeded,
        "QUOTA_EXCEEDED",
        (Code::ResourceExhausted, 429),
        "calls of the day are used up",
        "wait for the next UTC day, or ask who runs the server for more",
    ),
    entry(
        Reason::Busy,
        "BUSY",
        (Code::ResourceExhausted, 429),
        "as many such requests as may run at once are running",
        "wait until one of them has ended and try again",
    ),
    entry(
        Reason::Overloaded,
        "OVERLOADED",
        (Code::Unavailable, 503),
        "server does not keep up",
        "try again later, with longer and longer waits",
    ),
    entry(
        Reason::Draining,
        "DRAINING",
        (Code::Unavailable, 503),
        "server is stopping",
        "try again at another replica or in a while",
    ),
    entry(
        Reason::Internal,
        "INTERNAL",
        (Code::Internal, 500),
        "server made a mistake",
        "report it with the server's log",
    ),
];

impl Reason {
    /// The reason's line of the catalogue.
    #[must_use]
    pub const fn entry(self) -> &'static Entry {
        &CATALOGUE[self as usize]
    }
}

/// A refused request: the reason, a sentence with the values of this case, and facts for programs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// What was wrong, naming thing and value.
    pub message: String,
    /// Facts by name: what was given, what is known.
    pub facts: Vec<(&'static str, String)>,
    /// When to try again, if that can help.
    pub retry_after: Option<Duration>,
}

impl Refusal {
    /// A refusal without facts.
    #[must_use]
    pub fn new(reason: Reason, message: impl fmt::Display) -> Self {
        let passes = matches!(reason.entry().code, Code::Unavailable | Code::ResourceExhausted);
        let retry_after = passes.then_some(Duration::from_secs(1));
        Self { reason, message: message.to_string(), facts: Vec::new(), retry_after }
    }

    /// Adds a fact.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.facts.push((name, value.to_string()));
        self
    }
}

/// Shortens a text from outside for messages and logs.
#[must_use]
pub fn shorten(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_in_the_order_of_the_reasons() {
        for (index, entry) in CATALOGUE.iter().enumerate() {
            assert_eq!(entry.reason as usize, index, "{}", entry.name);
            assert_eq!(entry.reason.entry(), entry);
        }
    }

    #[test]
    fn codes_and_statuses_tell_the_same_story() {
        for entry in &CATALOGUE {
            let statuses: &[u16] = match entry.code {
                Code::NotFound => &[404, 410],
                Code::InvalidArgument => &[400, 406, 413, 414, 415, 431],
                Code::Unavailable => &[503],
                Code::FailedPrecondition => &[409],
                Code::ResourceExhausted => &[429],
                Code::Unauthenticated => &[401],
                Code::PermissionDenied => &[403],
                Code::DeadlineExceeded => &[504],
                Code::Unimplemented => &[404, 405, 501],
                _ => &[500],
            };
            assert!(statuses.contains(&entry.status), "{}", entry.name);
        }
    }

    #[test]
    fn only_what_time_can_mend_is_to_be_tried_again() {
        assert!(Refusal::new(Reason::NotWarm, "x").retry_after.is_some());
        assert!(Refusal::new(Reason::UnknownSymbol, "x").retry_after.is_none());
    }
}
