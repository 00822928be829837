//! The HTTP side of the loopback server: requests are answered, handshakes become websockets.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::shared::{Context, Shared, stopped};
use crate::{Answer, socket};

/// Every request that comes.
pub(crate) async fn enter(State(context): State<Context>, request: Request) -> Response<Body> {
    let path_and_query = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    if request.method() != Method::GET {
        return respond(Answer::text(405, "this exchange answers GET alone".to_owned()));
    }
    if path_and_query.starts_with("/ws") || path_and_query.starts_with("/stream") {
        return websocket(context, request, &path_and_query).await;
    }
    let shared = &context.shared;
    let asked = shared.asked();
    match shared.with_hub(|hub| hub.venue.request(&path_and_query, asked)) {
        Some(answer) => respond(answer),
        None => hang(shared).await,
    }
}

/// Accepts a websocket, if the exchange does.
async fn websocket(context: Context, mut request: Request, path_and_query: &str) -> Response<Body> {
    let Some(key) = key(request.headers()) else {
        let text = "this is a websocket of version 13; send its handshake".to_owned();
        return respond(Answer::text(400, text));
    };
    let accept = derive_accept_key(key.as_bytes());
    let shared = &context.shared;
    let (line, queue) = match shared.with_hub(|hub| hub.connect(path_and_query, shared.clock.now())) {
        Ok(connected) => connected,
        Err(Some(answer)) => return respond(answer),
        Err(None) => return hang(shared).await,
    };
    shared.changed.notify_waiters();
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Context { shared, guard } = context;
        let opened = upgraded.await.ok();
        if let Some(parts) =
            opened.and_then(|upgraded| upgrade::downcast::<TokioIo<TcpStream>>(upgraded).ok())
        {
            let read = parts.read_buf.to_vec();
            socket::serve(parts.io.into_inner(), read, &shared, line, queue).await;
        }
        shared.with_hub(|hub| hub.disconnect(line));
        shared.changed.notify_waiters();
        drop(guard);
    });
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::from_str(&accept) {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// The key of a websocket's handshake.
fn key(headers: &HeaderMap) -> Option<HeaderValue> {
    let says = |name: HeaderName, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let handshake =
        says(CONNECTION, "upgrade") && says(UPGRADE, "websocket") && says(SEC_WEBSOCKET_VERSION, "13");
    headers.get(SEC_WEBSOCKET_KEY).filter(|_| handshake).cloned()
}

/// Answers nothing until the client goes or the exchange stops.
async fn hang(shared: &Shared) -> Response<Body> {
    stopped(&mut shared.stop.clone()).await;
    respond(Answer::text(503, "the exchange stops".to_owned()))
}

fn respond(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(&value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
