//! The server put together: build and bind, spawn, drain.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use forecast::ForecasterSettings;
use metrics_exporter_prometheus::PrometheusHandle;
use store::{Home, StoreError};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::access::{Access, AccessError, RedisUrl, Role, reload};
use crate::champion::ChampionTask;
use crate::dropped::DroppedView;
use crate::engine_thread::{Command, EngineThread};
use crate::follow::Follower;
use crate::follow::change::follow_requests;
use crate::followed::{Followed, FollowedError};
use crate::guards::Guards;
use crate::journaling::{Journaling, JournalingThread};
use crate::listen::{self, Face, Listener, Tls, TlsError};
use crate::listings::Listings;
use crate::overload::Load;
use crate::renewal::Renewer;
use crate::retention::Retention;
use crate::scores::ScoreThread;
use crate::service::Service;
use crate::settings::Settings;
use crate::state::Shared;
use crate::stores::Stores;
use crate::telemetry::exporter;
use crate::telemetry::requests::Requests;
use crate::telemetry::traces::{Exporting, Tracer};
use crate::web::Fence;
use crate::{gauges, grpc, rest};

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// An address cannot be listened on.
    #[error(
        "cannot listen on {address} for {what}: {source}; stop what holds it or choose another with --{flag}, port 0 takes a free one"
    )]
    Bind {
        /// gRPC, HTTP or metrics.
        what: &'static str,
        /// As configured.
        address: SocketAddr,
        /// The flag that changes it.
        flag: &'static str,
        /// What the system said.
        source: std::io::Error,
    },
    /// Other machines could do everything.
    #[error(
        "{what} on {address} can be reached from other machines, and nobody is asked who it is; give an access file (--access-keys-file, made with klinecast-server keys new) or signed tokens (--jwt-jwks-file), listen on 127.0.0.1 with --{flag}, or say --access-open true behind a gateway that asks"
    )]
    Unguarded {
        /// gRPC or HTTP.
        what: &'static str,
        /// As configured.
        address: SocketAddr,
        /// The flag that changes it.
        flag: &'static str,
    },
    /// Who may do what cannot be read.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The files of TLS cannot be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The store cannot be opened.
    #[error(
        "the store at {home} cannot be opened: {source}; mend it, or choose another with --home or --database-url"
    )]
    Store {
        /// The folder.
        home: String,
        /// What the store said.
        source: Box<StoreError>,
    },
    /// Which symbols are followed cannot be read.
    #[error(transparent)]
    Followed(#[from] FollowedError),
    /// The system gives no thread.
    #[error("no thread can be started: {0}; raise the limit of processes")]
    Thread(#[source] std::io::Error),
    /// Where traces are to be sent cannot be read.
    #[error("traces cannot be sent: {0}; mend the address, or leave --otlp-endpoint out")]
    Traces(String),
    /// The metrics cannot be recorded.
    #[error("metrics cannot be recorded: {0}")]
    Metrics(String),
    /// The ready file cannot be written.
    #[error("ready file {path} cannot be written: {source}; choose another with --ready-file")]
    ReadyFile {
        /// The file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The bound addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// Where gRPC listens.
    pub grpc: SocketAddr,
    /// Where HTTP listens.
    pub http: SocketAddr,
    /// Where the metrics are served.
    pub metrics: SocketAddr,
    /// Whether gRPC and HTTP speak TLS.
    pub secure: bool,
}

impl Addresses {
    /// One line of JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        let scheme = if self.secure { "https" } else { "http" };
        serde_json::json!({
            "grpc_address": self.grpc, "http_address": self.http, "metrics_address": self.metrics,
            "grpc_url": format!("{scheme}://{}", self.grpc),
            "http_url": format!("{scheme}://{}", self.http),
            "metrics_url": format!("http://{}/metrics", self.metrics),
        })
        .to_string()
    }
}

/// A server that is bound and warms up, but does not yet answer.
#[derive(Debug)]
pub struct App {
    settings: Settings,
    shared: Arc<Shared>,
    service: Service,
    engine: EngineThread,
    journaling: (Journaling, JournalingThread),
    scores: ScoreThread,
    champion: ChampionTask,
    renewer: Renewer,
    follower: Follower,
    retention: Retention,
    access: Arc<Access>,
    tls: Option<Tls>,
    listeners: [TcpListener; 3],
    addresses: Addresses,
    watch: (Requests, Option<Exporting>),
}

impl App {
    /// Binds every address, opens the store and starts the threads.
    ///
    /// # Errors
    /// An address in use, a store that cannot be opened, a system without threads, an address for traces that cannot be read.
    pub async fn build(mut settings: Settings) -> Result<Self, StartError> {
        guard(&settings)?;
        let tls = settings.listen.tls.clone().map(Tls::open).transpose()?;
        let (listeners, addresses) = bind_all(&settings, tls.is_some()).await?;
        let access = Arc::new(Access::open(&settings.access, &settings.home)?);
        let home = settings.home.display().to_string();
        let unopened = |source| StartError::Store { home: home.clone(), source: Box::new(source) };
        let stores = Stores::open(&settings.home, &settings.places).map_err(unopened)?;
        let sink = Home::open_with(&settings.home, &settings.places).map_err(unopened)?;
        let followed = Followed::read(&settings.home, &settings.symbols)?;
        settings.symbols = followed.symbols();
        let shared = shared(&settings);
        let retention = recall(&settings, &stores, &shared).map_err(unopened)?;
        let journaling =
            Journaling::spawn(sink, settings.interval, shared.clone()).map_err(StartError::Thread)?;
        let journal = Home::open_with(&settings.home, &settings.places).map_err(unopened)?;
        let scores =
            ScoreThread::spawn(journal, settings.interval, shared.clone()).map_err(StartError::Thread)?;
        let (engine, ranges) =
            EngineThread::spawn(forecaster(&settings), shared.clone(), journaling.0.clone())
                .map_err(StartError::Thread)?;
        let renewer = Renewer { stores: stores.clone(), shared: shared.clone(), interval: settings.interval };
        let (champion, handle) =
            ChampionTask::new(renewer.clone(), engine.commands.clone(), settings.registry_poll);
        let (followers, requests) = follow_requests();
        let follower = Follower {
            exchange: settings.exchange(),
            listings_every: settings.listings_every,
            parity_every: settings.parity_every,
            history_bars: settings.history_bars,
            shared: shared.clone(),
            stores: stores.clone(),
            engine: engine.commands.clone(),
            journaling: journaling.0.clone(),
            ranges,
            max_lateness_ms: settings.max_lateness_ms,
            followed,
            requests,
        };
        let redis = settings.access.redis.as_ref().map(RedisUrl::address);
        let service = Service::new(
            settings.interval,
            shared.clone(),
            (handle, followers, engine.commands.clone()),
            stores,
            journaling.0.clone(),
            (settings.heartbeat, settings.subscribers_max, redis),
        );
        Ok(Self {
            watch: watch(&settings)?,
            settings,
            shared,
            service,
            engine,
            journaling,
            scores,
            champion,
            renewer,
            follower,
            retention,
            access,
            tls,
            listeners,
            addresses,
        })
    }

    /// The bound addresses.
    #[must_use]
    pub const fn addresses(&self) -> Addresses {
        self.addresses
    }

    /// Serves until `stop`, then drains; whether all went well.
    ///
    /// # Errors
    /// Metrics that cannot be recorded, or a ready file that cannot be written.
    pub async fn run(self, stop: CancellationToken) -> Result<bool, StartError> {
        let Self {
            settings,
            shared,
            service,
            engine,
            journaling,
            scores,
            champion,
            renewer,
            follower,
            retention,
            access,
            tls,
            listeners,
            addresses,
            watch: (watch, exporting),
        } = self;
        let [grpc, http, metrics] = listeners;
        let handle = exporter::install().map_err(StartError::Metrics)?;
        let upkeep = tokio::spawn(exporter::upkeep(handle.clone()));
        let fence = |address| Fence::new(&settings.web, address);
        let page = rest::fenced(metrics_page(handle, &shared), fence(addresses.metrics));
        let metrics = tokio::spawn(axum::serve(metrics, page).into_future());
        let [serving, feeding] = [(); 2].map(|()| CancellationToken::new());
        let (guards, probing) = stand_guard(&settings, access.clone(), watch);
        listen::allow_open_files(settings.listen.limits.open_max.saturating_mul(2));
        let door = |socket, face| Listener::new(socket, face, settings.listen.limits, tls.clone());
        let (grpc, guarded) = (door(grpc, Face::Grpc), (guards.clone(), fence(addresses.grpc)));
        let grpc = tokio::spawn(grpc::serve(grpc, service.clone(), guarded, serving.clone()));
        let hangups = tokio::spawn(reload_on_hangup(service.clone()));
        let routes = rest::routes(service, guards, fence(addresses.http));
        let http = tokio::spawn(listen::serve_http(door(http, Face::Http), routes, serving.clone()));
        let reloading = tokio::spawn(reload(access, tls, settings.access.reload_every, feeding.clone()));
        let champion = tokio::spawn(champion.run(feeding.clone()));
        let renewer = tokio::spawn(renewer.run(engine.commands.clone(), feeding.clone()));
        let retention = tokio::spawn(retention.run(feeding.clone()));
        let mut follower = tokio::spawn(follower.run(feeding.clone()));
        let helpers = [&reloading, &hangups, &probing, &upkeep].map(JoinHandle::abort_handle);
        write_ready_file(settings.ready_file.as_deref(), &addresses)?;
        tracing::info!(grpc = %addresses.grpc, http = %addresses.http, metrics = %addresses.metrics, "listening");
        let ended_early = tokio::select! {
            () = stop.cancelled() => None,
            ended = &mut follower => Some(ended),
        };
        if let Some(ended) = &ended_early {
            tracing::error!(?ended, "the exchange is not followed any more, stopping");
        }
        let deadline = tokio::time::Instant::now() + settings.grace;
        tracing::info!(grace_ms = settings.grace.as_millis(), "draining");
        shared.draining.cancel();
        shared.refresh_serving();
        serving.cancel();
        let mut clean = ended_early.is_none();
        clean &= finish("gRPC", grpc, deadline).await;
        clean &= finish("HTTP", http, deadline).await;
        feeding.cancel();
        for (name, task) in [("champion", champion), ("renewal", renewer), ("retention", retention)] {
            clean &= finish(name, task, deadline).await;
        }
        if ended_early.is_none() {
            clean &= finish("follower", follower, deadline).await;
        }
        join_threads(engine, journaling, scores).await;
        helpers.iter().for_each(AbortHandle::abort);
        futures::future::OptionFuture::from(exporting.map(Exporting::finish)).await;
        metrics.abort();
        tracing::info!(clean, "stopped");
        Ok(clean)
    }
}

/// What follows requests, and what sends their traces if any are asked for.
fn watch(settings: &Settings) -> Result<(Requests, Option<Exporting>), StartError> {
    let traces = settings.telemetry.traces.as_ref();
    let (tracer, exporting) = traces.map(Tracer::start).transpose().map_err(StartError::Traces)?.unzip();
    Ok((Requests::new(tracer, settings.telemetry.slow), exporting))
}

fn shared(settings: &Settings) -> Arc<Shared> {
    let shared = Shared::new(&settings.symbols, settings.subscriber_queue);
    shared.listings.store(Arc::new(Listings::new(settings.successors.clone())));
    Arc::new(shared)
}

fn forecaster(settings: &Settings) -> ForecasterSettings {
    ForecasterSettings {
        symbols: settings.symbols.clone(),
        interval: settings.interval,
        max_lateness_ms: settings.max_lateness_ms,
    }
}

/// Shows what earlier processes have kept of the gap ledger and dropped from the journal; what goes on dropping.
fn recall(settings: &Settings, stores: &Stores, shared: &Arc<Shared>) -> Result<Retention, StoreError> {
    match stores.holes(&settings.symbols, settings.interval) {
        Ok(holes) => shared.gaps.load(holes),
        // The store has logged why; what is missing still is found again.
        Err(_) => tracing::error!("the gap ledger of earlier processes is not known"),
    }
    let home = Home::open_with(&settings.home, &settings.places)?;
    shared.dropped.store(DroppedView::read(&home)?.map(Arc::new));
    Ok(Retention {
        home,
        shared: shared.clone(),
        interval: settings.interval,
        keep_days: settings.keep_days,
        drop_unexported: settings.drop_unexported,
    })
}

async fn bind_all(settings: &Settings, secure: bool) -> Result<([TcpListener; 3], Addresses), StartError> {
    let grpc = bind("gRPC", settings.grpc_address, "grpc-address").await?;
    let http = bind("HTTP", settings.http_address, "http-address").await?;
    let metrics = bind("metrics", settings.metrics_address, "metrics-address").await?;
    let address = |listener: &TcpListener, asked| listener.local_addr().unwrap_or(asked);
    let addresses = Addresses {
        grpc: address(&grpc, settings.grpc_address),
        http: address(&http, settings.http_address),
        metrics: address(&metrics, settings.metrics_address),
        secure,
    };
    Ok(([grpc, http, metrics], addresses))
}

async fn bind(
    what: &'static str,
    address: SocketAddr,
    flag: &'static str,
) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Bind { what, address, flag, source })
}

/// Refuses to be reached by other machines where nobody is asked who it is.
pub(crate) fn guard(settings: &Settings) -> Result<(), StartError> {
    let access = &settings.access;
    // Who lets strangers do more than read asks nobody either.
    let asks = (access.keys_file.is_some() || access.tokens.is_some())
        && access.anonymous.role(true) <= Some(Role::Reader);
    let faces =
        [("gRPC", settings.grpc_address, "grpc-address"), ("HTTP", settings.http_address, "http-address")];
    for (what, address, flag) in faces.into_iter().filter(|(_, address, _)| !address.ip().is_loopback()) {
        if !asks && !access.open {
            return Err(StartError::Unguarded { what, address, flag });
        }
        if !asks {
            tracing::warn!(what, %address, "ANYONE who can reach this address may do ANYTHING: access.open is true and no identities are configured");
        } else if settings.listen.tls.is_none() {
            tracing::warn!(what, %address, "keys and tokens come over plain connections that others may read; give tls.certificate and tls.key, unless a gateway in front speaks TLS");
        }
    }
    Ok(())
}

fn metrics_page(handle: PrometheusHandle, shared: &Arc<Shared>) -> axum::Router {
    let shared = Arc::clone(shared);
    exporter::routes(handle, move || gauges::show_moment(&shared))
}

/// What stands in front of both faces, and the task that looks how busy the server is.
fn stand_guard(settings: &Settings, access: Arc<Access>, requests: Requests) -> (Guards, JoinHandle<()>) {
    let load = Arc::new(Load::new(settings.load));
    let probing = tokio::spawn(load.clone().watch());
    (Guards { access, load, requests }, probing)
}

/// Takes up the registry's champion at each SIGHUP, as operators expect of a hang-up.
async fn reload_on_hangup(service: Service) {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut hangups) = signal(SignalKind::hangup()) else {
        tracing::error!("SIGHUP cannot be heard, reload with klinecast reload");
        return;
    };
    while hangups.recv().await.is_some() {
        match service.reload().await {
            Ok(reloaded) => tracing::info!(bundle = %reloaded.digest, "reloaded on SIGHUP"),
            Err(refusal) => {
                tracing::error!(reason = refusal.reason.entry().name, %refusal, "SIGHUP reloaded nothing");
            }
        }
    }
}

/// Waits for a task until the deadline and ends it then; whether it ended by itself and without an error.
async fn finish<T: std::fmt::Debug>(
    what: &'static str,
    mut task: JoinHandle<T>,
    deadline: tokio::time::Instant,
) -> bool {
    // Even a grace of zero lets a task end that has nothing left to do.
    let least = tokio::time::Instant::now() + Duration::from_millis(200);
    match tokio::time::timeout_at(deadline.max(least), &mut task).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            tracing::error!(what, %error, "a task failed");
            false
        }
        Err(_) => {
            tracing::warn!(what, "did not end within the grace time, cut off");
            task.abort();
            true
        }
    }
}

/// Lets the engine finish what was sent, then the journal, then the live score.
async fn join_threads(
    engine: EngineThread,
    (journaling, thread): (Journaling, JournalingThread),
    scores: ScoreThread,
) {
    // An error says that the engine has ended.
    let _ = engine.commands.send(Command::Stop).await;
    let joined = tokio::task::spawn_blocking(move || {
        engine.join();
        journaling.stop();
        thread.join();
        scores.join();
    });
    if joined.await.is_err() {
        tracing::error!("the threads could not be awaited");
    }
}

/// Writes the addresses so that a reader sees all of them or no file.
fn write_ready_file(path: Option<&Path>, addresses: &Addresses) -> Result<(), StartError> {
    let Some(path) = path else { return Ok(()) };
    let unwritten = |source| StartError::ReadyFile { path: path.display().to_string(), source };
    let partial = path.with_extension("partial");
    std::fs::write(&partial, addresses.to_json() + "\n").map_err(unwritten)?;
    std::fs::rename(&partial, path).map_err(unwritten)
}
