//! The peers in Python: each a script that prints its port and serves on the first core.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result};
use features::Catalogue;
use prost::Message as _;
use proto::inference::model_infer_request::InferInputTensor;
use proto::inference::{InferTensorContents, ModelInferRequest};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::http;
use super::load::{self, Call, Found, Shape};
use crate::household::{Server, read_bundle};
use crate::process::{Pinned, on_first_core};

/// What a script needs.
const BOOSTERS: &str = include_str!("python/boosters.py");

/// Whom klinecast is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// FastAPI, TA-Lib over 500 bars, and every booster on each request.
    SeedLike,
    /// MLServer with every booster behind one model of the Open Inference Protocol.
    MlServer,
}

impl Peer {
    const fn script(self) -> &'static str {
        match self {
            Self::SeedLike => include_str!("python/seed_like.py"),
            Self::MlServer => include_str!("python/mlserver_peer.py"),
        }
    }
}

/// A running peer; dropping it kills it.
pub(super) struct Running {
    child: Child,
    pub(super) address: SocketAddr,
    _scripts: TempDir,
}

impl Running {
    pub(super) async fn start(peer: Peer, python: &Path, bundle: &Path) -> Result<Self> {
        // A bundle that does not hold is told now and not by Python.
        read_bundle(bundle)?;
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("boosters.py"), BOOSTERS)?;
        let script = folder.path().join("peer.py");
        std::fs::write(&script, peer.script())?;
        let mut command = on_first_core(&std::path::absolute(python)?);
        // One thread a library, as our server scores with one.
        command.env("OMP_NUM_THREADS", "1").env("OMP_WAIT_POLICY", "PASSIVE").current_dir(folder.path());
        command.arg(&script).arg(std::path::absolute(bundle)?).stdout(Stdio::piped());
        let mut child = command.spawn().context("the Python server does not start")?;
        let output = tokio::process::ChildStdout::from_std(child.stdout.take().context("no output")?)?;
        let (mut lines, mut port) = (BufReader::new(output).lines(), None);
        while port.is_none() {
            let line = lines.next_line().await?.context("the Python server does not listen")?;
            port = line.trim().parse::<u16>().ok();
        }
        // Whatever else it prints is read, so that it never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let address = SocketAddr::from(([127, 0, 0, 1], port.unwrap_or_default()));
        Ok(Self { child, address, _scripts: folder })
    }

    pub(super) fn process(&self) -> Pinned {
        Pinned::of(self.child.id())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The CPU time in microseconds that a request costs the server that reckons on request, and that a call costs the faces of
/// ours: a row a round, in turn, as the machine's clock changes from minute to minute.
pub(super) async fn seed_like(
    (python, bundle): (&Path, &Path),
    (server, call, path): (&Server, &Call, &str),
    (rounds, for_long): (usize, Duration),
) -> Result<Vec<[f64; 3]>> {
    let (peer, ours) = (Running::start(Peer::SeedLike, python, bundle).await?, Pinned::of(server.id()));
    let load = || http::closed(peer.address, "/predict/BTCUSDT", 4, for_long * 2);
    // The first calls build what Python builds lazily.
    load().await?;
    let shape = Shape { connections: 4, in_flight: 16 };
    let mut costs = Vec::new();
    for _ in 0..rounds {
        let (there, there_cpu) = peer.process().during(load()).await?;
        let (grpc, grpc_cpu) = ours.during(load::closed(call, shape, for_long)).await?;
        let rest = http::closed(server.addresses()?[1], path, 16, for_long);
        let (rest, rest_cpu) = ours.during(rest).await?;
        costs.push([there.cpu_a_call(there_cpu), grpc.cpu_a_call(grpc_cpu), rest.cpu_a_call(rest_cpu)]);
    }
    Ok(costs)
}

/// How one row of features is asked about by the Open Inference Protocol; our model also asks for the regime's cuts.
fn row_of_features(address: SocketAddr, has_cuts: bool) -> Call {
    let width = Catalogue::standard().len();
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let row = (0..width).map(|at| (at as f64).sin()).collect();
    let tensor = |name: &str, values: Vec<f64>| InferInputTensor {
        name: name.to_owned(),
        datatype: "FP64".to_owned(),
        shape: vec![1, i64::try_from(values.len()).unwrap_or_default()],
        contents: Some(InferTensorContents { fp64_contents: values, ..Default::default() }),
        ..Default::default()
    };
    let mut inputs = vec![tensor("features", row)];
    if has_cuts {
        inputs.push(tensor("regime_cuts", vec![0.1, 0.2]));
    }
    let request = ModelInferRequest { model_name: "all".to_owned(), inputs, ..Default::default() };
    Call::new(address, "/inference.GRPCInferenceService/ModelInfer", request.encode_to_vec())
}

/// What a load of single rows finds at MLServer and at ours, in turn.
pub(super) async fn mlserver(
    (python, bundle): (&Path, &Path),
    ours: SocketAddr,
    (rounds, for_long): (usize, Duration),
) -> Result<Vec<[Found; 2]>> {
    let server = Running::start(Peer::MlServer, python, bundle).await?;
    let shape = Shape { connections: 4, in_flight: 4 };
    let (theirs, ours) = (row_of_features(server.address, false), row_of_features(ours, true));
    load::closed(&theirs, shape, for_long).await?;
    let mut found = Vec::new();
    for _ in 0..rounds {
        let theirs = load::closed(&theirs, shape, for_long).await?;
        found.push([theirs, load::closed(&ours, shape, for_long).await?]);
    }
    Ok(found)
}
