use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;

use super::*;
use crate::telemetry::trace_parent::TraceParent;
use crate::telemetry::traces::{TraceSettings, Tracer};

/// A receiver in this process: it keeps what it gets, or hangs for ever.
#[derive(Debug, Clone, Default)]
struct Receiver {
    got: Arc<Mutex<Vec<SpanData>>>,
    hangs: bool,
}

impl SpanExporter for Receiver {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        self.got.lock().expect("nobody panics").extend(batch);
        Ok(())
    }
}

fn tracer(receiver: &Receiver, ratio: f64) -> (Tracer, Exporting) {
    let settings = TraceSettings { endpoint: String::new(), ratio, environment: "test".to_owned() };
    Tracer::with_exporter(receiver.clone(), &settings)
}

const PARENT: TraceParent = TraceParent { trace_id: 0xabc, span_id: 0xdef, sampled: true };

#[tokio::test]
async fn what_is_begun_arrives_with_its_trace_its_parent_and_its_state() {
    let receiver = Receiver::default();
    let (tracer, exporting) = tracer(&receiver, 0.0);
    let span = tracer.server("x/Y".into(), Some(PARENT), Some("vendor=1"));
    let place = crate::telemetry::traces::place(&span);
    drop(tracer.child("part", place));
    crate::telemetry::traces::end(span, Vec::new(), true);
    exporting.finish().await;
    let got = receiver.got.lock().expect("nobody panics");
    let names: Vec<_> = got.iter().map(|span| span.name.as_ref()).collect();
    assert_eq!(names, ["part", "x/Y"]);
    for span in got.iter() {
        assert_eq!(span.span_context.trace_id().to_string(), format!("{:032x}", 0xabc));
    }
    assert_eq!(got[0].parent_span_id, got[1].span_context.span_id());
    assert_eq!(got[1].parent_span_id.to_string(), format!("{:016x}", 0xdef));
    assert_eq!(got[1].span_context.trace_state().header(), "vendor=1");
    assert!(got[1].parent_span_is_remote && !got[0].parent_span_is_remote);
}

#[tokio::test]
async fn a_receiver_that_hangs_holds_nobody_up_and_the_queue_has_its_bound() {
    let (tracer, exporting) = tracer(&Receiver { hangs: true, ..Receiver::default() }, 1.0);
    let recorder = PrometheusBuilder::new().build_recorder();
    ::metrics::with_local_recorder(&recorder, || {
        for _ in 0..4 * QUEUE_SPANS {
            crate::telemetry::traces::end(tracer.server("x".into(), None, None), Vec::new(), false);
        }
    });
    let dropped = format!("klinecast_trace_spans_total{{result=\"dropped\"}} {}", 3 * QUEUE_SPANS);
    let page = recorder.handle().render();
    assert!(page.contains(&dropped), "{page}");
    let ended = timeout(FLUSH_TIMEOUT * 30, exporting.finish()).await;
    assert!(ended.is_ok(), "the receiver holds the end up");
}

#[tokio::test]
async fn spans_leave_without_being_asked_for() {
    let receiver = Receiver::default();
    let (tracer, exporting) = tracer(&receiver, 1.0);
    crate::telemetry::traces::end(tracer.server("x".into(), None, None), Vec::new(), false);
    let until = Instant::now() + 30 * BATCH_DELAY;
    while receiver.got.lock().expect("nobody panics").is_empty() {
        assert!(Instant::now() < until, "nothing was sent");
        sleep(BATCH_DELAY / 50).await;
    }
    exporting.finish().await;
}

#[tokio::test]
async fn a_caller_decides_before_the_ratio_does() {
    let (never, _first) = tracer(&Receiver::default(), 0.0);
    let (always, _second) = tracer(&Receiver::default(), 1.0);
    let unsampled = TraceParent { sampled: false, ..PARENT };
    assert!(never.samples(0, Some(PARENT)) && !never.samples(0, None));
    assert!(!always.samples(u64::MAX, Some(unsampled)) && always.samples(u64::MAX, None));
}
