//! Between what makes spans and what sends them: a queue with a bound, so that a receiver that hangs costs requests nothing.

use std::fmt;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Span, SpanData, SpanExporter, SpanProcessor};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use crate::telemetry::metrics;
use crate::telemetry::throttle::Throttle;

/// How many spans may wait. One more is dropped and counted.
const QUEUE_SPANS: usize = 2_048;

/// How many spans are sent at once.
const BATCH_SPANS: usize = 512;

/// How long a span waits for others.
const BATCH_DELAY: Duration = Duration::from_secs(1);

/// How long what is being sent at the end may take, and then what still waits.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(1);

/// A failing receiver is logged once in so long.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The end of the queue that spans go in.
pub(super) struct Queue(mpsc::Sender<SpanData>);

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Queue").field(&self.0.capacity()).finish()
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if self.0.try_send(span).is_err() {
            metrics::count_spans("dropped", 1);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }

    fn set_resource(&mut self, _: &Resource) {}
}

/// The task that sends spans.
#[derive(Debug)]
pub struct Exporting {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Exporting {
    /// Sends what still waits, within a bounded time, and ends.
    pub async fn finish(self) {
        self.stop.cancel();
        // Longer than it gives itself; an error says that it has ended by a fault, and then there is nothing to wait for.
        let _ = timeout(FLUSH_TIMEOUT * 3, self.task).await;
    }
}

pub(super) fn spawn(exporter: impl SpanExporter + 'static, limit: Duration) -> (Queue, Exporting) {
    let (sender, spans) = mpsc::channel(QUEUE_SPANS);
    let stop = CancellationToken::new();
    let sending = Sending { exporter, limit, warned: Throttle::new(1, WARN_EVERY) };
    let task = tokio::spawn(sending.run(spans, stop.clone()));
    (Queue(sender), Exporting { stop, task })
}

struct Sending<E> {
    exporter: E,
    limit: Duration,
    warned: Throttle,
}

impl<E: SpanExporter> Sending<E> {
    async fn run(self, mut spans: mpsc::Receiver<SpanData>, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_SPANS);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                span = spans.recv() => match span {
                    Some(span) => batch.push(span),
                    None => return,
                },
            }
            let until = Instant::now() + BATCH_DELAY;
            while batch.len() < BATCH_SPANS && !stop.is_cancelled() {
                let room = BATCH_SPANS - batch.len();
                tokio::select! {
                    biased;
                    () = stop.cancelled() => {}
                    more = timeout_at(until, spans.recv_many(&mut batch, room)) => match more {
                        Ok(1..) => {}
                        Ok(0) | Err(_) => break,
                    },
                }
            }
            self.send(&mut batch, self.limit, &stop).await;
        }
        let until = Instant::now() + FLUSH_TIMEOUT;
        loop {
            while batch.len() < BATCH_SPANS {
                let Ok(span) = spans.try_recv() else { break };
                batch.push(span);
            }
            if batch.is_empty() {
                return;
            }
            self.send(&mut batch, until.saturating_duration_since(Instant::now()), &stop).await;
        }
    }

    /// Sends a batch. A batch that is not taken in time is lost, and counted so.
    async fn send(&self, batch: &mut Vec<SpanData>, limit: Duration, stop: &CancellationToken) {
        let count = batch.len();
        let sending = timeout(limit, self.exporter.export(std::mem::take(batch)));
        let at_the_end = async {
            stop.cancelled().await;
            sleep(FLUSH_TIMEOUT).await;
        };
        let problem = tokio::select! {
            biased;
            sent = sending => match sent {
                Ok(Ok(())) => return metrics::count_spans("exported", count),
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no answer within {} ms", limit.as_millis()),
            },
            () = at_the_end => "the server stops".to_owned(),
        };
        metrics::count_spans("failed", count);
        if self.warned.admit().is_some() {
            tracing::warn!(
                problem,
                spans = count,
                "the receiver of traces does not take them, they are lost"
            );
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
