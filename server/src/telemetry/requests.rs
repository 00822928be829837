//! A request from its start to its end, over either face: its identifier, its span, and the log of slow ones.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::MatchedPath;
use axum::http::{HeaderMap, HeaderValue, Method};
use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::Span;

use super::ending::{End, Watch};
use super::grpc_methods::GrpcMethods;
use super::metrics;
use super::request_id::{self, RequestId};
use super::scope::Scope;
use super::stopwatch::Stopwatch;
use super::throttle::Throttle;
use super::trace_parent::TraceParent;
use super::traces::{self, Tracer};
use crate::headers::TRACEPARENT;

/// So many slow requests are logged in a second; the others are counted, and the next line says how many they were.
const SLOW_A_SECOND: u32 = 5;

/// Follows requests. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Requests(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tracer: Option<Tracer>,
    methods: GrpcMethods,
    slow: Duration,
    logged: Throttle,
}

impl Requests {
    /// Follows with this tracer, if there is one, and logs requests that take longer than `slow`; `None` logs none.
    #[must_use]
    pub fn new(tracer: Option<Tracer>, slow: Option<Duration>) -> Self {
        let (methods, slow) = (GrpcMethods::read(), slow.unwrap_or(Duration::MAX));
        Self(Arc::new(Inner {
            tracer,
            methods,
            slow,
            logged: Throttle::new(SLOW_A_SECOND, Duration::from_secs(1)),
        }))
    }

    /// Begins a gRPC call.
    pub(super) fn grpc(&self, path: &str, headers: &HeaderMap) -> Followed {
        let method = self.0.methods.find(path);
        let is_stream =
            method.and_then(|place| self.0.methods.get(place)).is_some_and(|known| known.is_stream);
        self.begin(Name::Grpc(method), headers, is_stream)
    }

    /// Begins an HTTP request.
    pub(super) fn http(&self, method: &Method, route: Option<MatchedPath>, headers: &HeaderMap) -> Followed {
        let is_stream = route.as_ref().is_some_and(|route| {
            let route = route.as_str().strip_prefix("/v1").unwrap_or(route.as_str());
            STREAMS.contains(&route)
        });
        self.begin(Name::Http(known(method), route), headers, is_stream)
    }

    fn begin(&self, name: Name, headers: &HeaderMap, is_stream: bool) -> Followed {
        let number = request_id::next_number();
        let parent = headers.get(&TRACEPARENT).and_then(|value| TraceParent::parse(value.as_bytes()));
        let request = Some(RequestId::of(headers, number));
        let mut scope = Scope { request, place: parent, ..Scope::default() };
        let tracer = self.0.tracer.as_ref().filter(|tracer| tracer.samples(number, parent));
        let span = tracer.map(|tracer| {
            let state = headers.get("tracestate").and_then(|value| value.to_str().ok());
            let span = tracer.server(name.of_span(&self.0.methods), parent, state);
            scope.place = Some(traces::place(&span));
            scope.tracer = Some(tracer.clone());
            span
        });
        Followed {
            requests: self.clone(),
            name,
            scope,
            span,
            is_stream,
            began: Stopwatch::start(self.0.slow),
            ended: false,
        }
    }
}

/// Routes whose answers are streams.
const STREAMS: [&str; 2] = ["/stream", "/ws"];

/// The method, or the name that stands for all that are not known.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        _ => "_OTHER",
    }
}

/// What is asked, by names that a caller cannot make.
#[derive(Debug)]
enum Name {
    /// The method's place among the known ones.
    Grpc(Option<usize>),
    /// The method and the route.
    Http(&'static str, Option<MatchedPath>),
}

impl Name {
    fn of_grpc(place: Option<usize>, methods: &GrpcMethods) -> &str {
        place.and_then(|place| methods.get(place)).map_or("_OTHER", |method| method.name())
    }

    fn of_span(&self, methods: &GrpcMethods) -> Cow<'static, str> {
        match self {
            Self::Grpc(place) => Self::of_grpc(*place, methods).to_owned().into(),
            Self::Http(method, Some(route)) => format!("{method} {}", route.as_str()).into(),
            Self::Http(method, None) => (*method).into(),
        }
    }
}

/// A request under way. One that is dropped without an end was left by its caller.
#[derive(Debug)]
pub struct Followed {
    requests: Requests,
    name: Name,
    scope: Scope,
    span: Option<Box<Span>>,
    pub(super) is_stream: bool,
    began: Stopwatch,
    ended: bool,
}

impl Followed {
    /// The identifier for the answer.
    pub(super) fn identifier(&self) -> Option<HeaderValue> {
        self.scope.request.as_ref()?.header()
    }

    fn close(&mut self, end: End) {
        self.ended = true;
        if let Some(span) = self.span.take() {
            traces::end(span, self.attributes(end), end.is_failure());
        }
        let took = self.began.elapsed();
        if took > self.requests.0.slow && !self.is_stream {
            self.tell_slow(end, took);
        }
    }

    #[cold]
    fn tell_slow(&mut self, end: End, took: Duration) {
        let inner = self.requests.0.clone();
        let (face, method) = match &self.name {
            Name::Grpc(place) => ("grpc", Cow::from(Name::of_grpc(*place, &inner.methods))),
            Name::Http(..) => ("http", self.name.of_span(&inner.methods)),
        };
        metrics::count_slow(face);
        let Some(withheld) = inner.logged.admit() else { return };
        let asked = self.scope.asked;
        let _entered = self.scope.enter();
        tracing::warn!(
            face,
            %method,
            symbols = asked.symbols,
            tasks = asked.tasks,
            duration_ms = took.as_secs_f64() * 1e3,
            code = %end,
            withheld,
            "slow request"
        );
    }

    /// What the span says at its end, by OpenTelemetry's conventions for RPC and HTTP servers. Neither path nor address: a path may
    /// hold anything.
    fn attributes(&self, end: End) -> Vec<KeyValue> {
        let methods = &self.requests.0.methods;
        let mut attributes = match &self.name {
            Name::Grpc(place) => vec![
                KeyValue::new("rpc.system.name", "grpc"),
                KeyValue::new("rpc.method", Name::of_grpc(*place, methods).to_owned()),
                KeyValue::new("rpc.response.status_code", end.code()),
            ],
            Name::Http(method, route) => {
                let mut attributes = vec![KeyValue::new("http.request.method", *method)];
                if let Some(route) = route {
                    attributes.push(KeyValue::new("http.route", route.as_str().to_owned()));
                }
                if let End::Http(status) = end {
                    attributes.push(KeyValue::new("http.response.status_code", i64::from(status)));
                }
                attributes
            }
        };
        if end.is_failure() || end == End::Gone {
            attributes.push(KeyValue::new("error.type", end.to_string()));
        }
        if let Some(request) = &self.scope.request {
            attributes.push(KeyValue::new("klinecast.request_id", request.to_string()));
        }
        let asked = self.scope.asked;
        for (name, count) in [("klinecast.symbols", asked.symbols), ("klinecast.tasks", asked.tasks)] {
            if count > 0 {
                attributes.push(KeyValue::new(name, i64::try_from(count).unwrap_or(i64::MAX)));
            }
        }
        attributes
    }
}

impl Watch for Followed {
    /// Makes it within the request's scope.
    fn within<T>(&mut self, make: impl FnOnce() -> T) -> T {
        let _entered = self.scope.enter();
        make()
    }

    fn end(mut self, end: End) {
        self.close(end);
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        if !self.ended {
            self.close(End::Gone);
        }
    }
}

#[cfg(test)]
#[path = "requests_tests.rs"]
mod tests;
