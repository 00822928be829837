//! The peer that reckons on request: FastAPI, TA-Lib over 500 bars, every booster of the bundle asked through Python.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::http;
use crate::household::read_bundle;
use crate::process::{Pinned, on_first_core};

/// The server's script.
const SCRIPT: &str = include_str!("seed_like.py");

/// Connections that ask.
const CONNECTIONS: usize = 4;

/// The running server; dropping it kills it.
struct SeedLike {
    child: Child,
    address: SocketAddr,
    _script: TempDir,
}

impl SeedLike {
    async fn start(python: &Path, bundle: &Path) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let script = folder.path().join("seed_like.py");
        std::fs::write(&script, SCRIPT)?;
        let mut command = on_first_core(python);
        // One thread a library, as our server scores with one.
        command.env("OMP_NUM_THREADS", "1").env("OMP_WAIT_POLICY", "PASSIVE");
        command.arg(&script).arg(bundle).stdout(Stdio::piped());
        let mut child = command.spawn().context("the Python server does not start")?;
        let output = tokio::process::ChildStdout::from_std(child.stdout.take().context("no output")?)?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let port: u16 = line.trim().parse().context("the Python server does not listen")?;
        Ok(Self { child, address: SocketAddr::from(([127, 0, 0, 1], port)), _script: folder })
    }
}

impl Drop for SeedLike {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time that a request costs there, in microseconds.
pub(super) async fn cpu_a_call(python: &Path, bundle: &Path, for_long: Duration) -> Result<f64> {
    // A bundle that does not hold is told now and not by Python.
    read_bundle(bundle)?;
    let server = SeedLike::start(python, bundle).await?;
    let process = Pinned::of(server.child.id());
    let load = || http::closed(server.address, "/predict/BTCUSDT", CONNECTIONS, for_long);
    // The first calls build what Python builds lazily.
    load().await?;
    let (found, cpu) = process.during(load()).await?;
    Ok(found.cpu_a_call(cpu))
}
