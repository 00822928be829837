//! The description of this face, for programs and for people.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use super::openapi;
use crate::service::Service;

/// The page: it reads the document from beside itself and loads nothing else.
const PAGE: &str = include_str!("docs.html");

/// Scripts and styles of the page itself only, which asks this server only and stands in no frame.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

/// May be kept, and is asked about each time.
const REVALIDATE: HeaderValue = HeaderValue::from_static("no-cache");

/// A text that stays as long as the process.
#[derive(Debug, Clone)]
pub(super) struct Lasting {
    text: Bytes,
    kind: HeaderValue,
    tag: HeaderValue,
}

impl Lasting {
    fn new(text: Bytes, kind: &'static str) -> Self {
        let tag = format!("\"{}\"", hex::encode(&Sha256::digest(&text)[..16]));
        // Hexadecimal digits between quotes are a value.
        let tag = HeaderValue::try_from(tag).unwrap_or(HeaderValue::from_static("\"\""));
        Self { text, kind: HeaderValue::from_static(kind), tag }
    }

    /// The text, or only that it is what the caller has.
    fn answer(&self, headers: &HeaderMap) -> Response {
        let mut response = if self.is_had(headers) {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            ([(CONTENT_TYPE, self.kind.clone())], self.text.clone()).into_response()
        };
        let head = response.headers_mut();
        head.insert(ETAG, self.tag.clone());
        head.insert(CACHE_CONTROL, REVALIDATE);
        response
    }

    fn is_had(&self, headers: &HeaderMap) -> bool {
        let had = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
        had.flat_map(|text| text.split(',')).any(|tag| {
            let tag = tag.trim();
            tag == "*" || tag.strip_prefix("W/").unwrap_or(tag).as_bytes() == self.tag.as_bytes()
        })
    }
}

/// The document and the page, made once.
#[derive(Debug)]
pub(super) struct Description {
    document: Lasting,
    page: Lasting,
}

impl Description {
    pub(super) fn new(service: &Service) -> Arc<Self> {
        let document = openapi::document(service.interval).to_string();
        Arc::new(Self {
            document: Lasting::new(document.into(), "application/json"),
            page: Lasting::new(Bytes::from_static(PAGE.as_bytes()), "text/html; charset=utf-8"),
        })
    }
}

pub(super) async fn document(State(description): State<Arc<Description>>, headers: HeaderMap) -> Response {
    description.document.answer(&headers)
}

pub(super) async fn page(State(description): State<Arc<Description>>, headers: HeaderMap) -> Response {
    let mut response = description.page.answer(&headers);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, POLICY);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_caller_has_is_not_sent_again() {
        let text = Lasting::new(Bytes::from_static(b"x"), "application/json");
        let status = |tag: Option<&str>| {
            let mut headers = HeaderMap::new();
            if let Some(tag) = tag {
                headers.insert(IF_NONE_MATCH, tag.parse().expect("a value"));
            }
            text.answer(&headers).status()
        };
        let tag = text.tag.to_str().expect("a text");
        assert_eq!(status(None), StatusCode::OK);
        assert_eq!(status(Some("\"other\"")), StatusCode::OK);
        for same in [tag, &format!("W/{tag}"), &format!("\"other\", {tag}"), "*"] {
            assert_eq!(status(Some(same)), StatusCode::NOT_MODIFIED, "{same}");
        }
    }

    #[test]
    fn the_page_loads_nothing_from_elsewhere() {
        for word in ["http://", "https://", "src=", "@import", "innerHTML"] {
            assert!(!PAGE.contains(word), "{word}");
        }
    }
}
