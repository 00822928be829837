//! A simulated exchange, a home with a champion, and the real server, for the time of a measurement.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use exchange_sim::{Exchange, ExchangeConfig, synthetic};
use forecast::Bundle;
use forecast::testkit::{self, Size, tiny_bundle};
use kline::{Interval, Symbol};
use klinecast::{Client, ClientError, Settings};
use store::Home;
use tempfile::TempDir;

use crate::process::on_first_core;

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(120);

/// The pairs of the synthetic market.
pub(crate) fn symbols() -> Result<Vec<Symbol>> {
    Ok(synthetic::generate(7, Interval::M15, ExchangeConfig::DEFAULT_START, 1)?.into_keys().collect())
}

/// The bundle in a folder.
pub(crate) fn read_bundle(folder: &Path) -> Result<Arc<Bundle>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(inner) = folders.pop() {
        for entry in std::fs::read_dir(&inner).with_context(|| inner.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder)?.to_string_lossy().into_owned();
                files.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(Arc::new(Bundle::from_files(files)?))
}

/// A folder with a bundle whose boosters are as large as those that the peers were measured with.
pub(crate) fn large_bundle() -> Result<TempDir> {
    let sizes = [Size { rounds: 220, leaves: 29 }, Size { rounds: 255, leaves: 26 }];
    let bundle = testkit::bundle(11, &symbols()?, Interval::M15, sizes).build()?;
    let folder = tempfile::tempdir()?;
    for (name, bytes) in bundle.files() {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().context("a file without a folder")?)?;
        std::fs::write(path, bytes)?;
    }
    Ok(folder)
}

/// An exchange at an exchange's time, running so fast.
pub(crate) async fn exchange(start: i64, speed: f64) -> Result<Exchange> {
    let config = ExchangeConfig { speed, start, ..ExchangeConfig::synthetic(7) };
    Exchange::start(config).await.context("the exchange does not start")
}

/// A home with a champion: the bundle of a folder, or one of a few stumps.
pub(crate) fn home(bundle: Option<&Path>) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let bundle = match bundle {
        Some(folder) => read_bundle(folder)?,
        None => Arc::new(tiny_bundle(5, &symbols()?, Interval::M15).build()?),
    };
    let home = Home::open(folder.path())?;
    let digest = home.objects().put_bundle(&bundle)?;
    let model = home.registry().register(digest, &BTreeMap::default(), 0)?;
    store::promote(home.registry(), model.version, store::Stage::Production, 0)?;
    Ok(folder)
}

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    files: TempDir,
    /// When it was started.
    pub(crate) started: Instant,
    addresses: Option<[SocketAddr; 2]>,
}

impl Server {
    /// Starts a server that follows an exchange.
    pub(crate) fn start(binary: &Path, home: &Path, exchange: &Exchange) -> Result<Self> {
        Self::spawn(Command::new(binary), home, exchange)
    }

    /// The same on the first core alone.
    pub(crate) fn start_pinned(binary: &Path, home: &Path, exchange: &Exchange) -> Result<Self> {
        Self::spawn(on_first_core(binary), home, exchange)
    }

    /// Starts it by a command that starts its binary.
    pub(crate) fn spawn(mut command: Command, home: &Path, exchange: &Exchange) -> Result<Self> {
        let program = command.get_program().to_owned();
        let files = tempfile::tempdir()?;
        let names: Vec<String> = symbols()?.iter().map(ToString::to_string).collect();
        let log = std::fs::File::create(files.path().join("log"))?;
        let started = Instant::now();
        let child = command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .args(["--rest-url", &exchange.rest_url(), "--websocket-url", &exchange.websocket_url()])
            .args(["--symbols", &names.join(","), "--grpc-address", "127.0.0.1:0"])
            .args(["--http-address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0"])
            .arg("--home")
            .arg(home)
            .arg("--ready-file")
            .arg(files.path().join("ready.json"))
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("{} does not start", program.display()))?;
        Ok(Self { child, files, started, addresses: None })
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Where gRPC and HTTP are, once a client was made.
    pub(crate) fn addresses(&self) -> Result<[SocketAddr; 2]> {
        self.addresses.context("nobody has waited for the server yet")
    }

    /// A client, once it listens.
    pub(crate) async fn client(&mut self) -> Result<Client> {
        let ready: PathBuf = self.files.path().join("ready.json");
        while !ready.exists() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended ({status}): {}", self.log());
            }
            if self.started.elapsed() > PATIENCE {
                bail!("the server does not listen: {}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let addresses: serde_json::Value = serde_json::from_slice(&std::fs::read(&ready)?)?;
        let address = |name: &str| -> Result<SocketAddr> {
            Ok(addresses[name].as_str().context("the ready file lacks an address")?.parse()?)
        };
        let (grpc, http) = (address("grpc_address")?, address("http_address")?);
        self.addresses = Some([grpc, http]);
        Ok(Client::new(Settings::at(&format!("http://{grpc}")))?)
    }

    /// Waits until it answers every pair's prediction of a bar that ended at this time or later.
    pub(crate) async fn predicts(&self, client: &Client, since: i64) -> Result<Duration> {
        let names: Vec<String> = symbols()?.iter().map(ToString::to_string).collect();
        loop {
            let mut missing = 0;
            for name in &names {
                missing += usize::from(match client.predict(name, &[]).await {
                    Ok(made) => made.bar_time_ms < since,
                    // A bundle of real klines may know fewer pairs.
                    Err(ClientError::Refused { reason, .. }) => reason != "SYMBOL_NOT_IN_BUNDLE",
                    Err(_) => true,
                });
            }
            if missing == 0 {
                return Ok(self.started.elapsed());
            }
            if self.started.elapsed() > PATIENCE {
                bail!("{missing} pairs are not predicted: {}", self.log());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// How many pairs it predicts.
    pub(crate) async fn predicted(&self, client: &Client) -> Result<usize> {
        let mut count = 0;
        for symbol in symbols()? {
            count += usize::from(client.predict(symbol.as_str(), &[]).await.is_ok());
        }
        Ok(count)
    }

    /// What it has logged.
    fn log(&self) -> String {
        std::fs::read_to_string(self.files.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
