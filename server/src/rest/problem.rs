//! Refusals as RFC 9457 problem documents.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::reason::{Reason, Refusal};

/// What to show when nothing was shown, and when what was shown is not believed (RFC 6750, 3).
const MISSING: &str = "Bearer realm=\"klinecast\"";
const INVALID: &str = "Bearer realm=\"klinecast\", error=\"invalid_token\"";

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Problem(pub(super) Refusal);

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

/// The document of a refusal.
pub(super) fn document(refusal: &Refusal) -> Value {
    let entry = refusal.reason.entry();
    let facts: Map<String, Value> =
        refusal.facts.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str()))).collect();
    json!({
        "type": format!("urn:klinecast:problem:{}", entry.name.to_ascii_lowercase().replace('_', "-")),
        "title": entry.title,
        "status": entry.status,
        "detail": refusal.message,
        "reason": entry.name,
        "remedy": entry.remedy,
        "facts": facts,
    })
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = refusal(&self.0, document(&self.0));
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

/// A refusal with this body: its status, and the headers that say when and how to ask again.
pub(super) fn refusal(refusal: &Refusal, body: Value) -> Response {
    let status =
        StatusCode::from_u16(refusal.reason.entry().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    if let Some(wait) = refusal.retry_after {
        // Rounded up: who comes back when told is not refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
    if refusal.reason == Reason::Unauthenticated {
        let shown = refusal.facts.iter().any(|(name, _)| *name == "error");
        let challenge = if shown { INVALID } else { MISSING };
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reason::CATALOGUE;

    #[test]
    fn every_reason_becomes_a_problem_that_carries_it() {
        for entry in &CATALOGUE {
            let refusal = Refusal::new(entry.reason, "thing \"x\"").with("thing", "x");
            let document = document(&refusal);
            assert_eq!(document["status"], entry.status);
            assert_eq!(document["reason"], entry.name);
            assert_eq!(document["facts"]["thing"], "x");
            let response = Problem(refusal).into_response();
            assert_eq!(response.status().as_u16(), entry.status);
            assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        }
        let response = Problem(Refusal::new(Reason::NotWarm, "x")).into_response();
        assert_eq!(response.headers()[RETRY_AFTER], "1");
        let mut limited = Refusal::new(Reason::RateLimited, "x");
        limited.retry_after = Some(std::time::Duration::from_millis(2_001));
        assert_eq!(Problem(limited).into_response().headers()[RETRY_AFTER], "3");
    }

    #[test]
    fn who_is_not_known_is_told_how_to_show_itself() {
        let challenge =
            |refusal: Refusal| Problem(refusal).into_response().headers()[WWW_AUTHENTICATE].clone();
        assert_eq!(challenge(Refusal::new(Reason::Unauthenticated, "x")), MISSING);
        assert_eq!(
            challenge(Refusal::new(Reason::Unauthenticated, "x").with("error", "invalid_token")),
            INVALID
        );
    }
}
