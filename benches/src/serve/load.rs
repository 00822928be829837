//! The load on a gRPC server, straight over HTTP/2 so that asking costs little: closed (each caller waits for its answer before
//! it asks again) and open (calls are due at a rate, whether earlier ones were answered or not).

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use h2::client::SendRequest;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::latencies::Latencies;

/// What is called.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    address: SocketAddr,
    path: &'static str,
    /// The message with its five bytes of framing.
    message: Bytes,
}

impl Call {
    pub(crate) fn new(address: SocketAddr, path: &'static str, message: Vec<u8>) -> Self {
        let mut framed = vec![0];
        framed.extend(u32::try_from(message.len()).unwrap_or(0).to_be_bytes());
        framed.extend(message);
        Self { address, path, message: framed.into() }
    }
}

/// How many connections, and how many calls in flight on each.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) connections: usize,
    pub(crate) in_flight: usize,
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} x {}", self.connections, self.in_flight)
    }
}

/// What a load found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Found {
    pub(crate) latencies: Latencies,
    pub(crate) took: Duration,
    pub(crate) reply_bytes: usize,
    /// Calls that were not answered.
    pub(crate) failed: usize,
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^53")]
impl Found {
    /// Calls a second.
    pub(crate) fn rate(&self) -> f64 {
        self.latencies.count() as f64 / self.took.as_secs_f64()
    }

    /// The server's CPU time a call, in microseconds.
    pub(crate) fn cpu_a_call(&self, cpu: Duration) -> f64 {
        cpu.as_secs_f64() * 1e6 / self.latencies.count().max(1) as f64
    }

    /// A quantile of the latencies in microseconds.
    pub(crate) fn microseconds(&self, per_mille: usize) -> f64 {
        self.latencies.quantile(per_mille).unwrap_or_default().as_secs_f64() * 1e6
    }
}

/// Each of the callers waits for its answer before it asks again. A call that fails fails it all.
pub(crate) async fn closed(call: &Call, shape: Shape, for_long: Duration) -> Result<Found> {
    let found = closed_with_failures(call, shape, for_long).await?;
    if found.failed > 0 {
        bail!("{} calls failed", found.failed);
    }
    Ok(found)
}

/// The same, with the calls that fail counted.
pub(crate) async fn closed_with_failures(call: &Call, shape: Shape, for_long: Duration) -> Result<Found> {
    let mut callers = JoinSet::new();
    let begin = Instant::now();
    let end = begin + for_long;
    for _ in 0..shape.connections {
        let connection = connect(call.address).await?;
        for _ in 0..shape.in_flight {
            let (connection, call) = (connection.clone(), call.clone());
            callers.spawn(async move {
                let mut found = Found::default();
                loop {
                    let asked = Instant::now();
                    if asked >= end {
                        return Ok(found);
                    }
                    match ask(&connection, &call).await {
                        Ok(bytes) => {
                            found.reply_bytes = bytes;
                            found.latencies.push(asked.elapsed());
                        }
                        Err(error) => {
                            eprintln!("a call failed: {error:#}");
                            found.failed += 1;
                            // A connection that is gone fails every call at once.
                            tokio::time::sleep(Duration::from_millis(10)).await;
                        }
                    }
                }
            });
        }
    }
    gather(callers, begin).await
}

/// Calls are due at a rate; the time of each counts from when it was due, so that a server that stalls does not hide the calls
/// that it kept from being made.
pub(crate) async fn open(call: &Call, shape: Shape, rate: f64, for_long: Duration) -> Result<Found> {
    let mut callers = JoinSet::new();
    let begin = Instant::now();
    let count = shape.connections * shape.in_flight;
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    let every = Duration::from_secs_f64(count as f64 / rate);
    for connection in 0..shape.connections {
        let sender = connect(call.address).await?;
        for place in 0..shape.in_flight {
            let (sender, call) = (sender.clone(), call.clone());
            let number = u32::try_from(connection * shape.in_flight + place)?;
            let first = begin + every * number / u32::try_from(count)?;
            callers.spawn(async move {
                let mut found = Found::default();
                let mut due = first;
                while due < begin + for_long {
                    tokio::time::sleep_until(due.into()).await;
                    found.reply_bytes = ask(&sender, &call).await?;
                    found.latencies.push(due.elapsed());
                    due += every;
                }
                Ok(found)
            });
        }
    }
    gather(callers, begin).await
}

async fn gather(mut callers: JoinSet<Result<Found>>, begin: Instant) -> Result<Found> {
    let mut all = Found::default();
    while let Some(caller) = callers.join_next().await {
        let found = caller.context("a caller was cancelled")??;
        all.latencies.append(found.latencies);
        all.reply_bytes = all.reply_bytes.max(found.reply_bytes);
        all.failed += found.failed;
    }
    all.latencies.sort();
    all.took = begin.elapsed();
    Ok(all)
}

/// Opens a connection, which is driven by a task of its own until all who use it are gone.
pub(crate) async fn connect(address: SocketAddr) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = h2::client::Builder::new()
        .initial_window_size(1 << 20)
        .initial_connection_window_size(1 << 24)
        .handshake(stream)
        .await?;
    tokio::spawn(async move {
        // An error is one of the calls too, which tell it.
        let _ = connection.await;
    });
    Ok(sender)
}

/// One call; the length of the reply.
pub(crate) async fn ask(connection: &SendRequest<Bytes>, call: &Call) -> Result<usize> {
    let mut body = begin(connection, call).await?;
    let mut length = 0;
    while let Some(chunk) = body.data().await {
        let chunk = chunk?;
        length += chunk.len();
        body.flow_control().release_capacity(chunk.len())?;
    }
    let trailers = body.trailers().await?.context("a reply without trailers")?;
    if trailers.get("grpc-status").is_none_or(|status| status != "0") {
        bail!("a call failed: {trailers:?}");
    }
    Ok(length.saturating_sub(5))
}

/// Sends a request; its reply as it comes.
pub(crate) async fn begin(connection: &SendRequest<Bytes>, call: &Call) -> Result<h2::RecvStream> {
    let request = http::Request::builder()
        .method("POST")
        .uri(format!("http://{}{}", call.address, call.path))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())?;
    let mut connection = connection.clone().ready().await?;
    let (response, mut stream) = connection.send_request(request, false)?;
    stream.send_data(call.message.clone(), true)?;
    let response = response.await?;
    if let Some(status) = response.headers().get("grpc-status") {
        bail!("a call was refused: {status:?} {:?}", response.headers().get("grpc-message"));
    }
    Ok(response.into_body())
}
