//! One event as a line.

use std::fmt::{self, Write as _};
use std::time::SystemTime;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tracing::field::{Field, Visit};
use tracing::{Event, Level};

use crate::telemetry::request_id::RequestId;
use crate::telemetry::scope::Scope;
use crate::telemetry::trace_parent::TraceParent;

/// An event with what is known of the request that it belongs to.
pub(in crate::telemetry) struct Line {
    pub(in crate::telemetry) level: Level,
    pub(in crate::telemetry) target: String,
    pub(in crate::telemetry) message: String,
    pub(in crate::telemetry) fields: Map<String, Value>,
    pub(in crate::telemetry) request: Option<RequestId>,
    pub(in crate::telemetry) place: Option<TraceParent>,
}

impl Line {
    /// Reads an event on the thread that it happens on.
    pub(in crate::telemetry) fn of(event: &Event<'_>) -> Self {
        let (request, place) = Scope::names();
        let metadata = event.metadata();
        let mut line = Self {
            level: *metadata.level(),
            target: metadata.target().to_owned(),
            message: String::new(),
            fields: Map::new(),
            request,
            place,
        };
        event.record(&mut line);
        // What came by the crate `log` has its own place among the fields.
        if let Some(Value::String(target)) = line.fields.remove("log.target") {
            line.target = target;
            line.fields.retain(|name, _| !name.starts_with("log."));
        }
        line
    }

    /// One JSON object.
    pub(in crate::telemetry) fn json(&self, now: SystemTime) -> String {
        let mut object = Map::new();
        object.insert("timestamp".to_owned(), Value::from(time(now)));
        object.insert("level".to_owned(), Value::from(self.level.as_str()));
        object.insert("message".to_owned(), Value::from(self.message.as_str()));
        for (name, value) in self.names() {
            object.insert(name.to_owned(), Value::from(value));
        }
        for (name, value) in &self.fields {
            // A field does not take the place of what every line has.
            let name = if object.contains_key(name) { format!("field_{name}") } else { name.clone() };
            object.insert(name, value.clone());
        }
        object.insert("target".to_owned(), Value::from(self.target.as_str()));
        Value::Object(object).to_string()
    }

    /// Words: time, level, message, fields, and the names of the request.
    pub(in crate::telemetry) fn text(&self, now: SystemTime) -> String {
        let mut text = format!("{} {:>5} {}", time(now), self.level, OneLine(&self.message));
        for (name, value) in &self.fields {
            let _ = match value {
                Value::String(words) if is_plain(words) => write!(text, " {name}={words}"),
                // JSON escapes what would break the line.
                other => write!(text, " {name}={other}"),
            };
        }
        for (name, value) in self.names() {
            let _ = write!(text, " {name}={value}");
        }
        text
    }

    /// The names by which the request is found elsewhere.
    pub(in crate::telemetry) fn names(&self) -> impl Iterator<Item = (&'static str, String)> {
        let request = self.request.as_ref().map(|request| ("request_id", request.to_string()));
        let trace = self.place.map(|place| ("trace_id", format!("{:032x}", place.trace_id)));
        let span = self.place.map(|place| ("span_id", format!("{:016x}", place.span_id)));
        [request, trace, span].into_iter().flatten()
    }

    fn put(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::String(message)) => self.message = message,
            (name, value) => {
                self.fields.insert(name.to_owned(), value);
            }
        }
    }
}

impl Visit for Line {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, json!(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, json!(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, json!(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, json!(value.to_string()));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        // A duration's milliseconds are of this width.
        self.put(field, u64::try_from(value).map_or_else(|_| json!(value.to_string()), |value| json!(value)));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, json!(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, json!(value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, json!(format!("{value:?}")));
    }
}

/// The time in UTC, to the microsecond.
fn time(now: SystemTime) -> String {
    Timestamp::try_from(now).map(|time| format!("{time:.6}")).unwrap_or_default()
}

fn is_plain(words: &str) -> bool {
    !words.is_empty() && words.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'='))
}

/// A text whose control characters are written out.
struct OneLine<'a>(&'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars() {
            if character.is_control() {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::{Context, SubscriberExt};

    use super::*;

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<Line>>>);

    impl<S: tracing::Subscriber> Layer<S> for Kept {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            self.0.lock().expect("nobody panics").push(Line::of(event));
        }
    }

    /// The line of what happens within a scope.
    fn line(scope: Scope, happens: impl FnOnce()) -> Line {
        let kept = Kept::default();
        let subscriber = tracing_subscriber::registry().with(kept.clone());
        tracing::subscriber::with_default(subscriber, || scope.run(happens));
        kept.0.lock().expect("nobody panics").pop().expect("a line")
    }

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_micros(1_700_000_000_123_456)
    }

    #[test]
    fn a_line_of_a_request_carries_its_names() {
        let place = TraceParent { trace_id: 0xabc, span_id: 0xdef, sampled: true };
        let scope = Scope { request: Some(RequestId::Made(7)), place: Some(place), ..Scope::default() };
        let line = line(scope, || tracing::warn!(count = 3, wait_ms = 5_u128, what = %"a b", "happened"));
        let expected = json!({
            "timestamp": "2023-11-14T22:13:20.123456Z", "level": "WARN", "message": "happened",
            "request_id": "0000000000000007", "trace_id": format!("{:032x}", 0xabc),
            "span_id": format!("{:016x}", 0xdef), "count": 3, "wait_ms": 5, "what": "a b",
            "target": module_path!(),
        });
        assert_eq!(line.json(now()), expected.to_string());
        let text = line.text(now());
        let start =
            "2023-11-14T22:13:20.123456Z  WARN happened count=3 wait_ms=5 what=\"a b\" request_id=000";
        assert!(text.starts_with(start), "{text}");
    }

    #[test]
    fn a_line_of_no_request_has_none_and_nothing_breaks_a_line() {
        let line = line(Scope::default(), || {
            tracing::info!(level = "x", request = "a\nb", "two\nlines");
        });
        let json: Value = serde_json::from_str(&line.json(now())).expect("JSON");
        assert_eq!((&json["level"], &json["field_level"]), (&json!("INFO"), &json!("x")));
        assert_eq!((json.get("request_id"), json.get("trace_id")), (None, None));
        for written in [line.json(now()), line.text(now())] {
            assert!(!written.contains('\n'), "{written}");
        }
    }
}
