//! The running exchange.

use std::net::SocketAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use kline::Milliseconds;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::hub::Hub;
use crate::shared::{Context, Shared, stopped};
use crate::tape::Tape;
use crate::weights::Weights;
use crate::{ExchangeConfig, ExchangeError, pace, socket};
use crate::{archive, rest};

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
        let (start, interval, ping_interval) = (config.start, config.interval, config.ping_interval);
        let weights = Weights::new(config.request_weight_limit);
        let made = tokio::task::spawn_blocking(move || Tape::new(&config)).await;
        let tape = made.map_err(|error| ExchangeError::Market(error.to_string()))??;

        let (stop, stopping) = watch::channel(false);
        let shared = Arc::new(Shared {
            clock: Clock::new(start, speed),
            hub: Hub::default(),
            weights,
            interval,
            ping_interval,
            stop: stopping.clone(),
            tape: RwLock::new(tape),
        });
        let (guard, sockets_gone) = mpsc::channel(1);
        let router = router(Context { shared: Arc::clone(&shared), guard });
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
            pace::run(&paced, speed, stopping).await;
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

fn router(context: Context) -> Router {
    Router::new()
        .route("/api/v3/ping", get(rest::ping))
        .route("/api/v3/time", get(rest::time))
        .route("/api/v3/exchangeInfo", get(rest::exchange_info))
        .route("/api/v3/klines", get(rest::klines))
        .route("/data/spot/{*path}", get(archive::serve))
        .route("/ws", any(socket::raw))
        .route("/ws/{*streams}", any(socket::raw_streams))
        .route("/stream", any(socket::combined))
        .fallback(rest::unknown)
        .with_state(context)
}
