//! Reports of panics and logged errors to a server of Sentry's protocol. They say what happened, where, in which release, and which
//! request; no header, no address, no user.

mod courier;

use std::collections::BTreeMap;
use std::fmt;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::time::Duration;

use sentry::protocol::{Context, Event, Exception, Level, SpanId, TraceContext, TraceId};
use sentry::types::Dsn;
use sentry::{Client, ClientOptions};
use tracing::Subscriber;
use tracing_subscriber::Layer;

use super::logs::line::Line;
use super::metrics;
use super::request_id::RequestId;
use super::scope::Scope;
use super::throttle::Throttle;
use super::trace_parent::TraceParent;

use courier::Courier;

/// So many reports are made in a minute; the others are counted only.
const REPORTS_A_MINUTE: u32 = 60;

/// Where reports go, and what they say of where they come from.
#[derive(Debug, Clone, PartialEq)]
pub struct ReportSettings {
    /// The address, with its public key.
    pub dsn: Dsn,
    /// Production, staging, and the like.
    pub environment: String,
}

/// Makes reports. Cheap to clone.
#[derive(Clone)]
pub struct Reports(Arc<Inner>);

struct Inner {
    client: Client,
    courier: Arc<Courier>,
    throttle: Throttle,
}

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reports")
    }
}

impl Reports {
    /// Starts the thread that sends reports.
    ///
    /// # Errors
    /// A system without threads, or a client that cannot be built.
    pub fn start(settings: &ReportSettings) -> Result<Self, String> {
        let courier = Arc::new(Courier::start(&settings.dsn)?);
        let mut options = ClientOptions::new()
            .release(concat!("klinecast-server@", env!("CARGO_PKG_VERSION")))
            .environment(settings.environment.clone())
            // The machine's name is nobody's business.
            .server_name("")
            .send_default_pii(false)
            .default_integrations(false)
            .in_app_include(["klinecast", "forecast", "forest", "features", "kline", "market", "store"])
            .transport(courier.clone());
        options.dsn = Some(settings.dsn.clone());
        options.integrations =
            vec![Arc::new(sentry::integrations::backtrace::ProcessStacktraceIntegration::new())];
        let throttle = Throttle::new(REPORTS_A_MINUTE, Duration::from_secs(60));
        Ok(Self(Arc::new(Inner { client: Client::with_options(options), courier, throttle })))
    }

    /// Reports every panic from now on, before what was done about it so far.
    pub fn watch_panics(&self) {
        let (reports, before) = (self.clone(), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            reports.report_panic(panic);
            before(panic);
        }));
    }

    /// Waits until what was reported is sent, at most so long.
    pub fn flush(&self, limit: Duration) {
        self.0.courier.flush(limit);
    }

    fn report_panic(&self, panic: &PanicHookInfo<'_>) {
        let payload = panic.payload();
        let words = payload.downcast_ref::<&str>().copied().map(str::to_owned);
        let words = words.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_default();
        let place = panic.location().map(|location| format!("{}:{}", location.file(), location.line()));
        let stacktrace = sentry::integrations::backtrace::current_stacktrace();
        let exception =
            Exception { ty: "panic".to_owned(), value: Some(words), stacktrace, ..Exception::default() };
        let mut event = Event { level: Level::Fatal, culprit: place, ..Event::default() };
        event.exception.values.push(exception);
        let thread = std::thread::current();
        event.tags.insert("thread".to_owned(), thread.name().unwrap_or("unnamed").to_owned());
        let (request, place) = Scope::names();
        self.send(event, request, place);
    }

    fn report_error(&self, line: Line) {
        let mut event = Event {
            level: Level::Error,
            message: Some(line.message),
            logger: Some(line.target),
            ..Event::default()
        };
        let fields: BTreeMap<_, _> = line.fields.into_iter().collect();
        event.contexts.insert("fields".to_owned(), Context::Other(fields));
        self.send(event, line.request, line.place);
    }

    fn send(&self, mut event: Event<'static>, request: Option<RequestId>, place: Option<TraceParent>) {
        if self.0.throttle.admit().is_none() {
            return metrics::count_reports("withheld");
        }
        if let Some(request) = request {
            event.tags.insert("request_id".to_owned(), request.to_string());
        }
        if let Some(place) = place {
            let trace = TraceContext {
                trace_id: TraceId::from(place.trace_id.to_be_bytes()),
                span_id: SpanId::from(place.span_id.to_be_bytes()),
                ..TraceContext::default()
            };
            event.contexts.insert("trace".to_owned(), Context::Trace(Box::new(trace)));
        }
        self.0.client.capture_event(event, None);
    }
}

impl<S: Subscriber> Layer<S> for Reports {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        // What goes wrong with a report is not reported in turn.
        if *event.metadata().level() == tracing::Level::ERROR && !courier::is_own_thread() {
            self.report_error(Line::of(event));
        }
    }
}
