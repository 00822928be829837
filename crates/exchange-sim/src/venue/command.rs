//! What a subscriber may ask for over its websocket.

use serde_json::{Value, json};

use crate::stream::{MOST_STREAMS, is_name};

/// A command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    /// Follow these streams too.
    Subscribe(Vec<String>),
    /// Follow these no longer.
    Unsubscribe(Vec<String>),
    /// Say which are followed.
    List,
}

/// A message that is no command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    code: i32,
    message: String,
    id: Value,
}

impl Refusal {
    /// The answer on the wire.
    pub(super) fn answer(&self) -> String {
        json!({ "error": { "code": self.code, "msg": self.message }, "id": self.id }).to_string()
    }
}

impl Command {
    /// Reads a message: the command and the id to answer it under.
    pub(super) fn parse(text: &str) -> Result<(Self, Value), Refusal> {
        let request: Value = serde_json::from_str(text).map_err(|error| Refusal {
            code: 3,
            message: format!("Invalid JSON: {error}"),
            id: Value::Null,
        })?;
        let id = request.get("id").cloned().unwrap_or(Value::Null);
        let refuse = |message: &str| Refusal {
            code: 2,
            message: format!("Invalid request: {message}"),
            id: id.clone(),
        };
        if !(id.is_null() || id.is_string() || id.is_i64() || id.is_u64()) {
            return Err(Refusal { id: Value::Null, ..refuse("id must be an integer, a string or null") });
        }
        let names = || -> Result<Vec<String>, Refusal> {
            let list = request.get("params").and_then(Value::as_array).filter(|list| !list.is_empty());
            let list = list.ok_or_else(|| refuse("params must be a list of stream names"))?;
            let name = |value: &Value| value.as_str().filter(|name| is_name(name)).map(str::to_owned);
            list.iter().map(name).collect::<Option<_>>().ok_or_else(|| refuse("params must be stream names"))
        };
        let command = match request.get("method").and_then(Value::as_str) {
            Some("SUBSCRIBE") => Self::Subscribe(names()?),
            Some("UNSUBSCRIBE") => Self::Unsubscribe(names()?),
            Some("LIST_SUBSCRIPTIONS") => Self::List,
            _ => return Err(refuse("method must be one of SUBSCRIBE, UNSUBSCRIBE, LIST_SUBSCRIPTIONS")),
        };
        Ok((command, id))
    }
}

/// A command was carried out.
pub(super) fn done(id: &Value) -> String {
    json!({ "result": null, "id": id }).to_string()
}

/// The streams that are followed.
pub(super) fn list(id: &Value, streams: &[String]) -> String {
    json!({ "result": streams, "id": id }).to_string()
}

/// A subscription beyond the most that a connection may follow.
pub(super) fn too_many(id: &Value) -> String {
    let message = format!("Invalid request: more than {MOST_STREAMS} streams on one connection");
    Refusal { code: 2, message, id: id.clone() }.answer()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_keep_their_id() {
        let parse = |text| Command::parse(text);
        let names = vec!["btcusdt@kline_15m".to_owned()];
        let subscribe = r#"{"method":"SUBSCRIBE","params":["btcusdt@kline_15m"],"id":7}"#;
        assert_eq!(parse(subscribe), Ok((Command::Subscribe(names), json!(7))));
        assert_eq!(parse(r#"{"method":"LIST_SUBSCRIPTIONS","id":"a"}"#), Ok((Command::List, json!("a"))));
        assert_eq!(list(&json!(3), &[]), r#"{"result":[],"id":3}"#);
    }

    #[test]
    fn what_is_no_command_is_refused_with_its_reason() {
        let code = |text| Command::parse(text).map_err(|refusal| refusal.code);
        assert_eq!(code("{"), Err(3));
        for text in [
            "[]",
            r#"{"method":"DANCE","id":1}"#,
            r#"{"method":"SUBSCRIBE","id":1}"#,
            r#"{"method":"SUBSCRIBE","params":[],"id":1}"#,
            r#"{"method":"SUBSCRIBE","params":["a\"b"],"id":1}"#,
            r#"{"method":"LIST_SUBSCRIPTIONS","id":[]}"#,
        ] {
            assert_eq!(code(text), Err(2), "{text}");
        }
    }
}
