//! Traces: spans as OpenTelemetry has them, sent by OTLP over gRPC, off the path of requests.

mod queue;

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{
    Span as _, SpanBuilder, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId,
    TraceState, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_otlp::tonic_types::transport::ClientTlsConfig;
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, Span};

use super::trace_parent::TraceParent;

pub use queue::Exporting;

/// How long the receiver may take for one batch.
const EXPORT_TIMEOUT: Duration = Duration::from_secs(5);

/// Where spans are sent, and how many.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSettings {
    /// Address of a receiver of OTLP over gRPC.
    pub endpoint: String,
    /// The share of the requests without a caller's decision that is recorded, from 0 to 1.
    pub ratio: f64,
    /// What the spans say of where they come from.
    pub environment: String,
}

/// Makes spans. Cheap to clone.
#[derive(Clone)]
pub struct Tracer(Arc<Inner>);

struct Inner {
    tracer: SdkTracer,
    /// A request is recorded if its number lies below.
    below: u128,
    // What the tracer needs as long as it lives.
    _provider: SdkTracerProvider,
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracer").field("below", &self.0.below).finish_non_exhaustive()
    }
}

impl Tracer {
    /// Starts a tracer and what exports its spans. Needs a tokio runtime; connects when there is something to send.
    ///
    /// # Errors
    /// An address that cannot be read.
    pub fn start(settings: &TraceSettings) -> Result<(Self, Exporting), String> {
        let mut exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(&settings.endpoint)
            .with_timeout(EXPORT_TIMEOUT);
        if settings.endpoint.starts_with("https:") {
            exporter = exporter.with_tls_config(ClientTlsConfig::new().with_enabled_roots());
        }
        let exporter = exporter.build().map_err(|error| error.to_string())?;
        Ok(Self::with_exporter(exporter, settings))
    }

    fn with_exporter(
        mut exporter: impl opentelemetry_sdk::trace::SpanExporter + 'static,
        settings: &TraceSettings,
    ) -> (Self, Exporting) {
        let resource = Resource::builder_empty()
            .with_service_name("klinecast-server")
            .with_attributes([
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
                KeyValue::new("deployment.environment.name", settings.environment.clone()),
            ])
            .build();
        exporter.set_resource(&resource);
        let (queue, exporting) = queue::spawn(exporter, EXPORT_TIMEOUT);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(queue)
            .with_resource(resource)
            // What is recorded is decided before a span is made.
            .with_sampler(Sampler::AlwaysOn)
            .build();
        let tracer = provider.tracer("klinecast");
        (Self(Arc::new(Inner { tracer, below: threshold(settings.ratio), _provider: provider })), exporting)
    }

    /// Whether a request with this number is recorded, its caller's decision before ours.
    pub(super) fn samples(&self, number: u64, parent: Option<TraceParent>) -> bool {
        parent.map_or(u128::from(number) < self.0.below, |parent| parent.sampled)
    }

    /// Begins the span of a request.
    pub(super) fn server(
        &self,
        name: Cow<'static, str>,
        parent: Option<TraceParent>,
        state: Option<&str>,
    ) -> Box<Span> {
        let context = parent.map_or_else(Context::new, |parent| {
            let state = state.and_then(|text| TraceState::from_str(text).ok()).unwrap_or_default();
            context(parent, state, true)
        });
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Server);
        Box::new(self.0.tracer.build_with_context(builder, &context))
    }

    /// Begins a part of a request.
    pub(super) fn child(&self, name: &'static str, of: TraceParent) -> Child {
        let builder = SpanBuilder::from_name(name).with_kind(SpanKind::Internal);
        let context = context(of, TraceState::default(), false);
        Child(Some(Box::new(self.0.tracer.build_with_context(builder, &context))))
    }
}

/// The numbers of 64 bits below which the given share of them lies.
fn threshold(ratio: f64) -> u128 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a ratio from 0 to 1 gives at most 2 to the 64th"
    )]
    let below = (ratio.clamp(0.0, 1.0) * 18_446_744_073_709_551_616.0) as u128;
    below
}

fn context(place: TraceParent, state: TraceState, remote: bool) -> Context {
    let (trace, span) = (TraceId::from(place.trace_id), SpanId::from(place.span_id));
    Context::new().with_remote_span_context(SpanContext::new(trace, span, TraceFlags::SAMPLED, remote, state))
}

/// The place of a span in its trace.
pub(super) fn place(span: &Span) -> TraceParent {
    let context = span.span_context();
    TraceParent {
        trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(context.span_id().to_bytes()),
        sampled: true,
    }
}

/// Ends a request's span.
pub(super) fn end(mut span: Box<Span>, attributes: Vec<KeyValue>, failed: bool) {
    span.set_attributes(attributes);
    if failed {
        span.set_status(Status::error(""));
    }
    span.end();
}

/// A part of a request; ends when it is dropped. Records nothing if the request is not recorded.
#[derive(Debug, Default)]
#[must_use = "it ends when it is dropped"]
pub struct Child(Option<Box<Span>>);

impl Child {
    /// Its place in the trace, if it is recorded.
    pub(super) fn place(&self) -> Option<TraceParent> {
        self.0.as_deref().map(place)
    }

    /// Notes something about it.
    pub(crate) fn note(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new(name, value));
        }
    }

    /// Notes that it failed, and the name of the reason.
    pub(crate) fn fail(&mut self, reason: &'static str) {
        if let Some(span) = &mut self.0 {
            span.set_attribute(KeyValue::new("error.type", reason));
            span.set_status(Status::error(""));
        }
    }

    /// Notes the outcome.
    pub(crate) fn judge<T>(&mut self, outcome: &Result<T, crate::reason::Refusal>) {
        if let Err(refusal) = outcome {
            self.fail(refusal.reason.entry().name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_with_tls_is_taken_and_an_unreadable_one_is_told() {
        let start = |endpoint: &str| {
            let endpoint = endpoint.to_owned();
            Tracer::start(&TraceSettings { endpoint, ratio: 0.0, environment: String::new() }).map(drop)
        };
        assert_eq!(start("https://collector.example.com:4317"), Ok(()));
        assert!(start("http://not an address").is_err_and(|told| told.contains("not an address")));
    }

    #[test]
    fn the_share_of_numbers_below_the_threshold_is_the_ratio() {
        assert_eq!(threshold(0.0), 0);
        assert_eq!(threshold(1.0), 1 << 64);
        assert_eq!(threshold(0.5), 1 << 63);
        assert!(u128::from(u64::MAX) < threshold(1.0));
    }
}
