//! A simulated exchange, a home with bundles, and a server process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use exchange_sim::{Exchange, ExchangeConfig};
use forecast::testkit::tiny_bundle;
use forecast::{BundleBuilder, BundleDigest};
use kline::{Interval, Symbol};
use proto::v1::model_service_client::ModelServiceClient;
use proto::v1::prediction_service_client::PredictionServiceClient;
use proto::v1::status_service_client::StatusServiceClient;
use serde_json::Value;
use store::Home;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::health_client::HealthClient;

use crate::binaries;

/// The symbols of these tests.
pub(crate) const SYMBOLS: [&str; 3] = ["BNBUSDT", "BTCUSDT", "ETHUSDT"];

/// How long anything may take that is waited for; generous, machines are busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

/// One bar of 15 minutes in so many seconds of the wall: 900 s / 600.
const SPEED: f64 = 600.0;

/// Enough history for every feature (the month of volatility takes 2,976), for the volatility regimes, and for a restart to
/// compare all that a saved state depends on.
const HISTORY_BARS: &str = "4000";

pub(crate) fn symbols() -> Vec<Symbol> {
    SYMBOLS.iter().map(|name| name.parse().expect("a name")).collect()
}

/// A synthetic exchange that runs fast.
pub(crate) async fn exchange() -> Exchange {
    let config = ExchangeConfig { speed: SPEED, ..ExchangeConfig::synthetic(7) };
    Exchange::start(config).await.expect("the exchange starts")
}

/// A small bundle of these tests' symbols.
pub(crate) fn small_bundle(seed: u64) -> BundleBuilder {
    tiny_bundle(seed, &symbols(), Interval::M15)
}

/// Publishes a small bundle into a home and makes it the champion in the registry.
pub(crate) fn publish_champion(home: &Path, seed: u64) -> (u32, BundleDigest) {
    publish_champion_into(&Home::open(home).expect("the home opens"), seed)
}

/// [`publish_champion`] of an opened home.
pub(crate) fn publish_champion_into(home: &Home, seed: u64) -> (u32, BundleDigest) {
    publish_champion_of(home, small_bundle(seed))
}

/// [`publish_champion_into`] of a certain bundle.
pub(crate) fn publish_champion_of(home: &Home, bundle: BundleBuilder) -> (u32, BundleDigest) {
    let (version, digest) = publish_into(home, bundle);
    store::promote(home.registry(), version, store::Stage::Production, 0).expect("promoted");
    (version, digest)
}

/// Publishes a small bundle into a home and registers it.
pub(crate) fn publish(home: &Path, seed: u64) -> (u32, BundleDigest) {
    publish_into(&Home::open(home).expect("the home opens"), small_bundle(seed))
}

fn publish_into(home: &Home, bundle: BundleBuilder) -> (u32, BundleDigest) {
    let bundle = bundle.build().expect("the bundle holds");
    let digest = home.objects().put_bundle(&bundle).expect("kept");
    let model = home.registry().register(digest, &Default::default(), 0).expect("registered");
    (model.version, digest)
}

/// A server process; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) grpc: String,
    pub(crate) http: String,
    pub(crate) metrics: String,
    log: PathBuf,
    _files: TempDir,
}

/// The command of a server with free ports and a log file, not started.
pub(crate) fn command(exchange: (&str, &str), home: &Path, files: &Path) -> Command {
    command_for(exchange, home, files, &SYMBOLS.join(","), HISTORY_BARS)
}

fn command_for(
    exchange: (&str, &str),
    home: &Path,
    files: &Path,
    symbols: &str,
    history_bars: &str,
) -> Command {
    let mut command = Command::new(binaries::server());
    command
        .env_clear()
        .args(["--rest-url", exchange.0, "--websocket-url", exchange.1])
        .args(["--symbols", symbols, "--history-bars", history_bars])
        .args(["--grpc-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0"])
        .args(["--metrics-address", "127.0.0.1:0"])
        // A test may say otherwise by the flag.
        .env("KLINECAST_REGISTRY_POLL_SECONDS", "0.2")
        .args(["--subscriber-heartbeat-seconds", "0.5", "--grace-seconds", "5"])
        .arg("--home")
        .arg(home)
        .arg("--ready-file")
        .arg(files.join("ready.json"))
        .stdout(Stdio::null())
        .stderr(fs::File::create(files.join("log")).expect("a log file"));
    command
}

impl Server {
    /// Starts a server that follows an exchange, and waits until it listens.
    pub(crate) async fn start(exchange: &Exchange, home: &Path) -> Self {
        Self::start_at((&exchange.rest_url(), &exchange.websocket_url()), home).await
    }

    /// Starts a server that follows an exchange, with the database at an address in place of the home's own.
    pub(crate) async fn start_on(exchange: &Exchange, home: &Path, database: Option<&str>) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let exchange = (exchange.rest_url(), exchange.websocket_url());
        let mut command = command((&exchange.0, &exchange.1), home, files.path());
        if let Some(database) = database {
            command.env("DB_URL", database);
        }
        Self::spawn(command, files).await
    }

    /// Starts a server that follows an exchange and is told more by its environment.
    pub(crate) async fn start_told(
        exchange: &Exchange,
        home: &Path,
        environment: &[(&'static str, String)],
    ) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let (rest, websocket) = (exchange.rest_url(), exchange.websocket_url());
        let mut command = command((&rest, &websocket), home, files.path());
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Self::spawn(command, files).await
    }

    /// Starts a server that follows whatever is at these addresses.
    pub(crate) async fn start_at(exchange: (&str, &str), home: &Path) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let command = command(exchange, home, files.path());
        Self::spawn(command, files).await
    }

    /// Starts a server of these symbols (with commas between them) that follows an exchange, and waits until it
    /// listens.
    pub(crate) async fn start_with(
        exchange: &Exchange,
        home: &Path,
        symbols: &str,
        history_bars: &str,
    ) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let exchange = (exchange.rest_url(), exchange.websocket_url());
        let command = command_for((&exchange.0, &exchange.1), home, files.path(), symbols, history_bars);
        Self::spawn(command, files).await
    }

    /// Starts a server with more arguments that follows no exchange, and waits until it listens: nothing answers where it looks.
    pub(crate) async fn start_alone(home: &Path, arguments: &[&str]) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        drop(listener);
        let (rest, websocket) = (format!("http://{address}"), format!("ws://{address}"));
        let mut command = command((&rest, &websocket), home, files.path());
        command.args(arguments);
        Self::spawn(command, files).await
    }

    /// Starts a server with more arguments, and waits until it listens.
    pub(crate) async fn start_watchful(exchange: &Exchange, home: &Path, arguments: &[&str]) -> Self {
        Self::start_watching(exchange, home, &SYMBOLS, arguments).await
    }

    /// Starts a server of these symbols with more arguments, and waits until it listens.
    pub(crate) async fn start_watching(
        exchange: &Exchange,
        home: &Path,
        symbols: &[&str],
        arguments: &[&str],
    ) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let (rest, websocket) = (exchange.rest_url(), exchange.websocket_url());
        let symbols = symbols.join(",");
        let mut command = command_for((&rest, &websocket), home, files.path(), &symbols, HISTORY_BARS);
        command.args(arguments);
        Self::spawn(command, files).await
    }

    async fn spawn(mut command: Command, files: TempDir) -> Self {
        let mut child = command.spawn().expect("the server starts");
        let (ready, log) = (files.path().join("ready.json"), files.path().join("log"));
        let began = Instant::now();
        while !ready.exists() {
            let ended = child.try_wait().expect("a child can be asked");
            assert!(ended.is_none(), "the server ended: {}", fs::read_to_string(&log).unwrap_or_default());
            assert!(began.elapsed() < PATIENCE, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let ready: Value = serde_json::from_slice(&fs::read(ready).expect("readable")).expect("JSON");
        let url = |name: &str| ready[name].as_str().expect("a text").to_owned();
        let (grpc, http, metrics) = (url("grpc_url"), url("http_url"), url("metrics_url"));
        Self { child, grpc, http, metrics, log, _files: files }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    pub(crate) fn channel(&self) -> Channel {
        Endpoint::from_shared(self.grpc.clone()).expect("an address").connect_lazy()
    }

    pub(crate) fn predictions(&self) -> PredictionServiceClient<Channel> {
        PredictionServiceClient::new(self.channel())
    }

    pub(crate) fn models(&self) -> ModelServiceClient<Channel> {
        ModelServiceClient::new(self.channel())
    }

    pub(crate) fn statuses(&self) -> StatusServiceClient<Channel> {
        StatusServiceClient::new(self.channel())
    }

    pub(crate) fn health(&self) -> HealthClient<Channel> {
        HealthClient::new(self.channel())
    }

    /// The status and the JSON of a GET.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(http().get(format!("{}{path}", self.http))).await
    }

    /// The status and the JSON of a POST.
    pub(crate) async fn post(&self, path: &str, body: &str) -> (u16, Value) {
        answer(http().post(format!("{}{path}", self.http)).body(body.to_owned())).await
    }

    /// The text of the metrics page.
    pub(crate) async fn metrics_page(&self) -> String {
        let page = http().get(&self.metrics).send().await.expect("the page answers");
        page.text().await.expect("a text")
    }

    /// A metric by what stands before its value on the page: its name, and its labels if it has any; `None` if it is not there.
    pub(crate) async fn metric(&self, line: &str) -> Option<f64> {
        let page = self.metrics_page().await;
        page.lines().find_map(|text| text.strip_prefix(line)?.trim().parse().ok())
    }

    /// Waits until `/health` says that it serves.
    pub(crate) async fn serves(&self) {
        let began = Instant::now();
        loop {
            let (status, body) = self.get("/health").await;
            if status == 200 {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "the server does not serve: {body}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until it answers by a bundle.
    pub(crate) async fn answers_by(&self, digest: BundleDigest) {
        let began = Instant::now();
        loop {
            let (status, body) = self.post("/predict/BTCUSDT", "").await;
            if status == 200 && body["bundle"] == digest.to_string() {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{digest} does not answer: {body}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Sends SIGTERM and waits for the end; how it ended and how long that took.
    pub(crate) async fn terminate(mut self) -> (ExitStatus, Duration, String) {
        let began = Instant::now();
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill runs");
        assert!(sent.success());
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return (status, began.elapsed(), self.log());
            }
            assert!(began.elapsed() < PATIENCE, "the server does not end: {}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A client of HTTP.
pub(crate) fn http() -> reqwest::Client {
    // An error says that it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client")
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.expect("the server answers");
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().expect("a text").to_owned();
    let expected = if status < 400 || status == 503 { "application/" } else { "application/problem+json" };
    assert!(kind.starts_with(expected), "{status} has the type {kind}");
    (status, response.json().await.expect("JSON"))
}
