//! An HTTP answer, before it becomes one of a web framework.

use kline::Milliseconds;

/// What a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body's bytes.
    pub body: Vec<u8>,
    /// How long the answer takes on a virtual exchange, in milliseconds.
    pub after: Milliseconds,
}

impl Answer {
    pub(crate) fn json(status: u16, body: String) -> Self {
        Self::of(status, "application/json;charset=UTF-8", body)
    }

    pub(crate) fn text(status: u16, body: String) -> Self {
        Self::of(status, "text/plain; charset=utf-8", body)
    }

    pub(crate) fn of(status: u16, kind: &str, body: String) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body: body.into_bytes(), after: 0 }
    }

    pub(crate) fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// A header's value; names are in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}
