//! What takes reports to their server: a queue with a bound, and a thread of its own.

use std::cell::Cell;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::RETRY_AFTER;
use sentry::types::Dsn;
use sentry::{Envelope, Transport};

use crate::telemetry::metrics;

/// How many reports may wait. One more is dropped and counted.
const QUEUE_REPORTS: usize = 64;

/// How long the server may take for one report.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a server that has enough is left alone if it does not say how long.
const PAUSE: Duration = Duration::from_secs(60);

/// How long it may ask to be left alone.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);

thread_local! {
    static OWN_THREAD: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the thread that sends reports.
pub(super) fn is_own_thread() -> bool {
    OWN_THREAD.try_with(Cell::get).unwrap_or_default()
}

enum Work {
    Send(Box<Envelope>),
    Tell(SyncSender<()>),
}

/// The way to the thread.
pub(super) struct Courier(SyncSender<Work>);

impl Courier {
    /// Starts the thread; it ends with the process.
    pub(super) fn start(dsn: &Dsn) -> Result<Self, String> {
        // An error says that it was done before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(SEND_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| format!("reports cannot be sent: {error}"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("reports cannot be sent: {error}"))?;
        let sending = Sending {
            client,
            url: dsn.envelope_api_url().to_string(),
            auth: dsn.to_auth(Some(concat!("klinecast/", env!("CARGO_PKG_VERSION")))).to_string(),
            paused_until: None,
        };
        let (sender, work) = sync_channel(QUEUE_REPORTS);
        std::thread::Builder::new()
            .name("reports".to_owned())
            .spawn(move || runtime.block_on(sending.run(&work)))
            .map_err(|error| format!("reports cannot be sent, no thread can be started: {error}"))?;
        Ok(Self(sender))
    }

    /// Waits until what waits now has been tried, at most so long.
    pub(super) fn flush(&self, limit: Duration) -> bool {
        let (done, told) = sync_channel(1);
        self.0.try_send(Work::Tell(done)).is_ok() && told.recv_timeout(limit).is_ok()
    }
}

impl Transport for Courier {
    fn send_envelope(&self, envelope: Envelope) {
        if self.0.try_send(Work::Send(Box::new(envelope))).is_err() {
            metrics::count_reports("dropped");
        }
    }

    fn flush(&self, timeout: Duration) -> bool {
        Self::flush(self, timeout)
    }
}

struct Sending {
    client: reqwest::Client,
    url: String,
    auth: String,
    paused_until: Option<Instant>,
}

impl Sending {
    async fn run(mut self, work: &Receiver<Work>) {
        OWN_THREAD.set(true);
        // The thread has nothing else to do while it waits.
        while let Ok(work) = work.recv() {
            match work {
                Work::Send(envelope) => metrics::count_reports(self.send(&envelope).await),
                // The one who asked may have gone.
                Work::Tell(done) => drop(done.try_send(())),
            }
        }
    }

    /// Sends one report; what became of it.
    async fn send(&mut self, envelope: &Envelope) -> &'static str {
        if self.paused_until.is_some_and(|until| Instant::now() < until) {
            return "withheld";
        }
        let mut body = Vec::new();
        if envelope.to_writer(&mut body).is_err() {
            return "failed";
        }
        let request = self.client.post(&self.url).header("X-Sentry-Auth", &self.auth).body(body);
        let Ok(response) = request.send().await else { return "failed" };
        let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        match response.status() {
            status if status.is_success() => "sent",
            StatusCode::TOO_MANY_REQUESTS => {
                let pause = asked.map_or(PAUSE, Duration::from_secs).min(PAUSE_MAX);
                self.paused_until = Instant::now().checked_add(pause);
                "withheld"
            }
            _ => "failed",
        }
    }
}
