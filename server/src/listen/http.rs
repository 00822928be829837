//! Serves HTTP/1.1 and HTTP/2 on our connections, with the time-outs that the framework's own loop lacks.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use tokio_stream::StreamExt as _;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use super::body::timely;
use super::{Connection, Listener};

/// A silent HTTP/2 connection is asked for a sign of life this often.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// How long it may take to give one.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);

/// Requests that one HTTP/2 connection may have open.
const STREAMS_PER_CONNECTION: u32 = 256;

/// The longest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Serves until `stop`, then lets open requests end. Needs to be awaited to the end.
pub async fn serve(listener: Listener, router: Router, stop: CancellationToken) {
    let patience = listener.limits().header_timeout;
    let builder = builder(patience);
    let graceful = GracefulShutdown::new();
    let mut connections = listener.connections();
    loop {
        let next = tokio::select! {
            () = stop.cancelled() => break,
            next = connections.next() => next,
        };
        match next {
            Some(Ok(connection)) => serve_one(&builder, connection, router.clone(), (&graceful, patience)),
            Some(Err(error)) => tracing::debug!(%error, "a connection could not be taken in"),
            None => break,
        }
    }
    drop(connections);
    graceful.shutdown().await;
}

fn builder(header_timeout: Duration) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .max_concurrent_streams(STREAMS_PER_CONNECTION);
    builder
}

fn serve_one(
    builder: &Builder<TokioExecutor>,
    connection: Connection,
    router: Router,
    (graceful, patience): (&GracefulShutdown, Duration),
) {
    let peer = connection.peer().clone();
    let answer = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        let answered = router.clone().oneshot(request.map(|body| timely(body, patience)));
        async move { answered.await.map_err(|never: Infallible| never) }
    });
    // A websocket begins as a request.
    let served = builder.serve_connection_with_upgrades(TokioIo::new(connection), answer).into_owned();
    let served = graceful.watch(served);
    tokio::spawn(async move {
        if let Err(error) = served.await {
            tracing::debug!(error, "a connection ended early");
        }
    });
}
