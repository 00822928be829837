//! The running exchange.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use kline::Milliseconds;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::faults::{FaultEntry, FaultPlan};
use crate::hub::Hub;
use crate::shared::{Context, Shared, stopped};
use crate::venue::{Drive, Venue};
use crate::{ExchangeConfig, ExchangeError, doors, pace};

/// The fastest that a clock runs; faster is what speed 0 is for.
const FASTEST: f64 = 1e7;
/// How long a stopping exchange waits for its connections.
const PATIENCE: Duration = Duration::from_secs(2);

/// A running exchange; dropping it stops it.
#[derive(Debug)]
pub struct Exchange {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    pace: JoinHandle<()>,
    finished: watch::Receiver<bool>,
    sockets_gone: mpsc::Receiver<()>,
}

impl Exchange {
    /// Listens, and starts the clock. The past of a synthetic market takes about a second to make.
    ///
    /// # Errors
    /// A port in use; a start outside the recorded klines or before the synthetic market; an interval shorter
    /// than the synthetic market's bars; a speed that is no speed.
    pub async fn start(config: ExchangeConfig) -> Result<Self, ExchangeError> {
        let speed = config.speed;
        if !(speed == 0.0 || (0.001..=FASTEST).contains(&speed)) {
            return Err(ExchangeError::Speed(speed));
        }
        let bind_error = |source| ExchangeError::Bind { address: config.bind, source };
        let listener = TcpListener::bind(config.bind).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let drive = Drive {
            speed: if speed > 0.0 { speed } else { 1.0 },
            fragments: true,
            forming_every: pace::forming_every(&config),
        };
        let made = tokio::task::spawn_blocking(move || {
            let plan = config.faults.clone().unwrap_or_else(FaultPlan::none);
            Venue::new(&config, plan, drive, 0).map(|venue| (venue, config))
        });
        let (venue, config) = made.await.map_err(|error| ExchangeError::Market(error.to_string()))??;

        let (stop, stopping) = watch::channel(false);
        let clock = Clock::new(config.start, speed);
        let shared = Arc::new(Shared::new(clock, config.ping_interval, stopping.clone(), Hub::new(venue)));
        let (guard, sockets_gone) = mpsc::channel(1);
        let router =
            Router::new().fallback(doors::enter).with_state(Context { shared: Arc::clone(&shared), guard });
        let mut stop_server = stopping.clone();
        let server = tokio::spawn(async move {
            let graceful = axum::serve(listener, router)
                .with_graceful_shutdown(async move { stopped(&mut stop_server).await });
            if let Err(error) = graceful.await {
                tracing::error!(%error, "the exchange's listener failed");
            }
        });
        let (finish, finished) = watch::channel(false);
        let paced = Arc::clone(&shared);
        let pace = tokio::spawn(async move {
            pace::run(&paced, &config, stopping).await;
            let _ = finish.send(true);
        });
        Ok(Self { address, shared, stop, server, pace, finished, sockets_gone })
    }

    /// Base of the REST routes, for example `http://127.0.0.1:41234`.
    #[must_use]
    pub fn rest_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Base of the websocket routes, for example `ws://127.0.0.1:41234`.
    #[must_use]
    pub fn websocket_url(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// The exchange's time.
    #[must_use]
    pub fn now(&self) -> Milliseconds {
        self.shared.clock.now()
    }

    /// The faults that were injected after the first `seen`, in the order in which they began to show; waits until
    /// there is one. They are all kept, so 0 asks for the whole log.
    pub async fn faults_after(&self, seen: usize) -> Vec<FaultEntry> {
        let mut injected = self.shared.injected.subscribe();
        let _ = injected.wait_for(|known| *known > seen).await;
        self.fault_log().split_off(seen)
    }

    /// Every fault that was injected so far.
    #[must_use]
    pub fn fault_log(&self) -> Vec<FaultEntry> {
        self.shared.hub().venue.log().to_vec()
    }

    /// Waits until the last recorded bar has been handed to every subscriber's queue; on a synthetic market,
    /// until the exchange stops.
    pub async fn finished(&self) {
        let mut finished = self.finished.clone();
        let _ = finished.wait_for(|finished| *finished).await;
    }

    /// Tells every subscriber, closes every connection and waits until all has stopped (2 seconds at most).
    pub async fn shutdown(mut self) {
        let _ = self.stop.send(true);
        let _ = self.pace.await;
        let stopping = async {
            let _ = (&mut self.server).await;
            let _ = self.sockets_gone.recv().await;
        };
        if tokio::time::timeout(PATIENCE, stopping).await.is_err() {
            self.server.abort();
        }
    }
}
