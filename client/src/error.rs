//! Why a call failed, and what to do.

use std::error::Error;
use std::time::Duration;

use tonic::{Code, Status, TimeoutExpired};
use tonic_types::StatusExt as _;

/// Why a call failed. The message names the thing, the value and the remedy.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server's address can't be read.
    #[error(
        "`{address}` is not the address of a server; write it like http://127.0.0.1:50051, or https:// for TLS"
    )]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        #[source]
        source: Option<tonic::transport::Error>,
    },
    /// The key can't be sent.
    #[error("the API key or token has characters that cannot be sent; it is one line of ASCII")]
    UnreadableKey,
    /// Certificates are given and TLS is not asked for.
    #[error("a CA or a certificate is given, but the server's address does not begin with https://")]
    PlainAddress,
    /// The CA, the certificate or its key can't be used.
    #[error("the CA, the certificate or its key cannot be used: {}; give PEM files that belong together", deepest(.source))]
    Tls {
        /// What is wrong.
        #[source]
        source: tonic::transport::Error,
    },
    /// Nobody listens there, or the connection broke.
    #[error(
        "no klinecast server answers at {server} ({cause}); start one with scripts/run, or name another with --server"
    )]
    Unreachable {
        /// The server's address.
        server: String,
        /// The cause at the bottom, for example `connection refused`.
        cause: String,
        /// The status that the call ended with.
        #[source]
        source: Box<Status>,
    },
    /// The server said no.
    #[error("{message}{}", remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default())]
    Refused {
        /// The gRPC code.
        code: Code,
        /// The reason in upper snake case, for example `UNKNOWN_SYMBOL`; empty when the server gave none.
        reason: String,
        /// What was wrong.
        message: String,
        /// What to do, when the server said it.
        remedy: Option<String>,
        /// When to try again, when the server said it.
        retry_after: Option<Duration>,
    },
    /// There was no answer in time.
    #[error(
        "{server} did not answer within {deadline:?}; allow more time with --timeout, or look at its log"
    )]
    DeadlineExceeded {
        /// The server's address.
        server: String,
        /// The time allowed over all attempts.
        deadline: Duration,
    },
    /// The answer lacks what the contract promises.
    #[error("{server} answered without `{field}`; client and server are of different versions")]
    Incomplete {
        /// The server's address.
        server: String,
        /// The field that is missing.
        field: &'static str,
    },
}

impl ClientError {
    /// Reads what a call ended with.
    #[must_use]
    pub fn from_status(server: &str, status: Status) -> Self {
        let details = status.get_error_details();
        let info = details.error_info();
        if info.is_none()
            && (matches!(status.code(), Code::Unavailable | Code::Unknown) && status.source().is_some()
                || was_torn(&status))
        {
            let cause = root_cause(&status);
            return Self::Unreachable { server: server.to_owned(), cause, source: Box::new(status) };
        }
        let remedy = info.and_then(|info| info.metadata.get("remedy").cloned());
        // Statuses say the remedy in their message too, for clients that read no details.
        let suffix = remedy.as_deref().map(|remedy| format!("; {remedy}")).unwrap_or_default();
        let message = status.message();
        Self::Refused {
            code: status.code(),
            reason: info.map(|info| info.reason.clone()).unwrap_or_default(),
            message: message.strip_suffix(suffix.as_str()).unwrap_or(message).to_owned(),
            remedy,
            retry_after: details.retry_info().and_then(|retry| retry.retry_delay),
        }
    }

    /// Whether the same call may succeed a little later.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            // The server has waited for a fresh answer as long as it was allowed to.
            Self::Refused { reason, .. } if reason == "NOT_FRESH" => false,
            Self::Refused { code, .. } => matches!(code, Code::Unavailable | Code::ResourceExhausted),
            Self::Address { .. }
            | Self::UnreadableKey
            | Self::PlainAddress
            | Self::Tls { .. }
            | Self::DeadlineExceeded { .. }
            | Self::Incomplete { .. } => false,
        }
    }

    /// When the server wants to be asked again, when it said so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

/// Whether the connection ended under a call, which the transport calls cancelled, as it does a call whose time is over.
pub(crate) fn was_torn(status: &Status) -> bool {
    let mut cause = status.source();
    let known = cause.is_some();
    while let Some(deeper) = cause {
        if deeper.is::<TimeoutExpired>() {
            return false;
        }
        cause = deeper.source();
    }
    known && status.code() == Code::Cancelled
}

fn root_cause(status: &Status) -> String {
    deepest(status)
}

fn deepest(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string().trim_end_matches('.').to_lowercase()
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, StatusExt};

    use super::*;

    fn refusal(code: Code, retry: Option<Duration>) -> ClientError {
        refusal_for(code, "UNKNOWN_SYMBOL", retry)
    }

    fn refusal_for(code: Code, reason: &str, retry: Option<Duration>) -> ClientError {
        let message = "symbol `XYZ` is not served; ask for one of the known symbols";
        let metadata = [("remedy".to_owned(), "ask for one of the known symbols".to_owned())];
        let mut details = ErrorDetails::new();
        details.set_error_info(
            reason,
            "klinecast",
            metadata.into_iter().collect::<std::collections::HashMap<_, _>>(),
        );
        if retry.is_some() {
            details.set_retry_info(retry);
        }
        ClientError::from_status("http://x", Status::with_error_details(code, message, details))
    }

    #[test]
    fn a_torn_connection_is_not_time_that_is_over() {
        let torn = |cause: Box<dyn Error + Send + Sync>| {
            let mut status = Status::cancelled("the transport's word");
            status.set_source(std::sync::Arc::from(cause));
            was_torn(&status)
        };
        assert!(torn("connection closed".into()));
        assert!(!torn(Box::new(TimeoutExpired(()))));
        assert!(!was_torn(&Status::cancelled("the server's word")));
        let mut other = Status::internal("no");
        other.set_source(std::sync::Arc::from(Box::<dyn Error + Send + Sync>::from("x")));
        assert!(!was_torn(&other));
    }

    #[test]
    fn a_refusal_keeps_reason_message_and_remedy() {
        let error = refusal(Code::NotFound, None);
        assert_eq!(error.to_string(), "symbol `XYZ` is not served; ask for one of the known symbols");
        assert!(matches!(&error, ClientError::Refused { reason, .. } if reason == "UNKNOWN_SYMBOL"));
        assert!(!error.is_retryable());
    }

    #[test]
    fn what_is_unavailable_may_be_tried_again_when_the_server_says() {
        let error = refusal(Code::Unavailable, Some(Duration::from_secs(2)));
        assert!(error.is_retryable());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
    }

    #[test]
    fn a_wait_for_a_fresh_answer_is_not_begun_again() {
        let error = refusal_for(Code::Unavailable, "NOT_FRESH", Some(Duration::from_secs(1)));
        assert!(!error.is_retryable());
    }
}
