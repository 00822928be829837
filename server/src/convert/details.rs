//! Refusals as gRPC statuses with the details of `google.rpc` that say what programs need to know.

use std::collections::HashMap;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::reason::{Reason, Refusal};

/// The domain of `google.rpc.ErrorInfo`.
pub const ERROR_DOMAIN: &str = "klinecast";

/// What a violation is about when the refusal names nothing.
const REQUEST: &str = "request";

/// A refused request as a gRPC status: `ErrorInfo` always, `RetryInfo` when time can help, and by the reason what was asked for
/// wrongly, what is not there, what is used up, or what has to hold first.
#[must_use]
pub fn status(refusal: &Refusal) -> Status {
    let entry = refusal.reason.entry();
    let mut details = ErrorDetails::new();
    let facts = refusal.facts.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    let remedy = ("remedy".to_owned(), entry.remedy.to_owned());
    details.set_error_info(entry.name, ERROR_DOMAIN, facts.chain([remedy]).collect::<HashMap<_, _>>());
    if let Some(wait) = refusal.retry_after {
        details.set_retry_info(Some(wait));
    }
    let (subject, value) =
        refusal.facts.first().map_or((REQUEST, ""), |(name, value)| (*name, value.as_str()));
    match entry.code {
        Code::InvalidArgument => {
            details.add_bad_request_violation(subject, &refusal.message);
        }
        Code::NotFound => {
            details.set_resource_info(subject, value, "", &refusal.message);
            if is_misnamed(refusal.reason) {
                details.add_bad_request_violation(subject, &refusal.message);
            }
        }
        Code::ResourceExhausted => {
            details.add_quota_failure_violation(entry.name, &refusal.message);
        }
        Code::FailedPrecondition => {
            details.add_precondition_failure_violation(entry.name, value, &refusal.message);
        }
        _ => {}
    }
    Status::with_error_details(entry.code, format!("{}; {}", refusal.message, entry.remedy), details)
}

/// Whether a field of the request names what there is not: the same request can never be answered by waiting.
const fn is_misnamed(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::UnknownSymbol
            | Reason::UnknownTask
            | Reason::UnknownFeature
            | Reason::UnknownModel
            | Reason::UnknownPrediction
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::reason::CATALOGUE;

    /// The kinds of details of a status beside `ErrorInfo`.
    fn kinds(details: &ErrorDetails) -> Vec<&'static str> {
        let kinds = [
            ("BadRequest", details.bad_request().is_some()),
            ("ResourceInfo", details.resource_info().is_some()),
            ("RetryInfo", details.retry_info().is_some()),
            ("QuotaFailure", details.quota_failure().is_some()),
            ("PreconditionFailure", details.precondition_failure().is_some()),
        ];
        kinds.into_iter().filter(|(_, is_there)| *is_there).map(|(kind, _)| kind).collect()
    }

    fn expected(reason: Reason) -> &'static [&'static str] {
        use Reason::*;
        match reason {
            UnknownInterval | MalformedRequest | RequestTooLarge | AmbiguousPrediction
            | UnsupportedMediaType | NotAcceptable | UriTooLong | HeadersTooLarge => &["BadRequest"],
            UnknownSymbol | UnknownTask | UnknownFeature | UnknownModel | UnknownPrediction => {
                &["BadRequest", "ResourceInfo"]
            }
            TaskNotInBundle | SymbolNotInBundle | NoPrediction | Dropped => &["ResourceInfo"],
            NoBundle | NotWarm | NotFresh | NoNowcast | ExchangeFailed | StoreFailed | Overloaded
            | Draining => &["RetryInfo"],
            NotTraded | NoChampion | NoPrevious | BundleRefused => &["PreconditionFailure"],
            RateLimited | QuotaExceeded | Busy => &["RetryInfo", "QuotaFailure"],
            UnknownRoute | MethodNotAllowed | Unsupported | Unauthenticated | PermissionDenied
            | OriginNotAllowed | HostNotAllowed | DeadlineTooShort | Internal => &[],
        }
    }

    #[test]
    fn every_reason_becomes_a_status_with_the_details_that_fit() {
        for entry in &CATALOGUE {
            let refusal = Refusal::new(entry.reason, "thing \"x\"").with("thing", "x");
            let status = status(&refusal);
            assert_eq!(status.code(), entry.code);
            let details = status.get_error_details();
            let info = details.error_info().expect("every status says why");
            assert_eq!((info.reason.as_str(), info.domain.as_str()), (entry.name, ERROR_DOMAIN));
            assert_eq!(info.metadata.get("thing").map(String::as_str), Some("x"));
            assert!(info.metadata.contains_key("remedy"));
            assert_eq!(kinds(&details), expected(entry.reason), "{}", entry.name);
        }
    }

    #[test]
    fn details_name_the_thing_and_the_value() {
        let details = |refusal: &Refusal| status(refusal).get_error_details();
        let symbol = details(&Refusal::new(Reason::UnknownSymbol, "no XUSDT").with("symbol", "XUSDT"));
        let resource = symbol.resource_info().expect("a resource");
        assert_eq!((resource.resource_type.as_str(), resource.resource_name.as_str()), ("symbol", "XUSDT"));
        let violation = &symbol.bad_request().expect("a violation").field_violations[0];
        assert_eq!((violation.field.as_str(), violation.description.as_str()), ("symbol", "no XUSDT"));
        let malformed = details(&Refusal::new(Reason::MalformedRequest, "x"));
        assert_eq!(malformed.bad_request().expect("a violation").field_violations[0].field, REQUEST);
        let mut limited = Refusal::new(Reason::RateLimited, "x");
        limited.retry_after = Some(Duration::from_millis(1_500));
        let retry = details(&limited).retry_info().and_then(|retry| retry.retry_delay);
        assert_eq!(retry, limited.retry_after);
        let refused = details(&Refusal::new(Reason::BundleRefused, "a hash").with("bundle", "ab"));
        let violation = &refused.precondition_failure().expect("a violation").violations[0];
        assert_eq!((violation.r#type.as_str(), violation.subject.as_str()), ("BUNDLE_REFUSED", "ab"));
    }
}
