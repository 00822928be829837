//! The peer: a tonic server that does nothing but clone a reply of so many bytes and encode it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use clap::Args;
use futures::future::BoxFuture;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

use crate::process::{Pinned, on_first_core};

/// What is called.
pub(crate) const PATH: &str = "/klinecast.bench.Echo/Echo";

/// How the peer is started.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Bytes of a reply.
    #[arg(long)]
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Service(Bytes);

impl NamedService for Service {
    const NAME: &'static str = "klinecast.bench.Echo";
}

impl tower::Service<http::Request<Body>> for Service {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let reply = self.0.clone();
        Box::pin(async move {
            let call = tower::service_fn(move |_: Request<()>| {
                let reply = reply.clone();
                async move { Ok::<_, Status>(Response::new(reply)) }
            });
            Ok(Grpc::new(ProstCodec::<Bytes, ()>::default()).unary(call, request).await)
        })
    }
}

/// Serves until it is killed; its address is its first line.
pub(crate) async fn run(options: &Options) -> Result<()> {
    // Spans cost nothing then; without it they are offered to the log.
    tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::default())?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    // One field of bytes: its key and its length take three bytes, or two below 128.
    let head = if options.bytes > 129 { 3 } else { 2 };
    let reply = Bytes::from(vec![7; options.bytes.saturating_sub(head)]);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    tonic::transport::Server::builder()
        .add_service(Service(reply))
        .serve_with_incoming(incoming)
        .await
        .context("the echo ended")
}

/// The running peer; dropping it kills it.
#[derive(Debug)]
pub(crate) struct Echo {
    child: Child,
    address: SocketAddr,
    process: Pinned,
}

impl Echo {
    /// Starts it on the first core.
    pub(crate) async fn start(bytes: usize) -> Result<Self> {
        Self::start_by(on_first_core(&std::env::current_exe()?), bytes).await
    }

    /// Starts it by a command that starts this program.
    pub(crate) async fn start_by(mut command: Command, bytes: usize) -> Result<Self> {
        command.args(["echo", "--bytes", &bytes.to_string()]).stdout(Stdio::piped());
        let mut child = command.spawn().context("the echo does not start")?;
        let output = child.stdout.take().context("no output")?;
        let output = tokio::process::ChildStdout::from_std(output)?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line).await?;
        let address = line.trim().parse().context("the echo does not listen")?;
        let process = Pinned::of(child.id());
        Ok(Self { child, address, process })
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) const fn process(&self) -> &Pinned {
        &self.process
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
