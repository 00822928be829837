//! What pages may do: gRPC-Web decoded by hand, preflights, and pages and names that are refused.

use prost::Message as _;
use proto::v1;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;

use crate::harness::Server;
use crate::raw::{Answer, address, ask, send};

const PAGE: &str = "https://board.test";

async fn server(arguments: &[&str]) -> (Server, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a folder");
    (Server::start_alone(home.path(), arguments).await, home)
}

/// A message between pages and gRPC: a flag, a length, the bytes.
fn frame(message: &impl prost::Message) -> Vec<u8> {
    let bytes = message.encode_to_vec();
    let length = u32::try_from(bytes.len()).expect("a short message");
    [&[0][..], &length.to_be_bytes(), &bytes].concat()
}

/// The messages of a body, and its trailers.
fn frames(mut rest: &[u8]) -> (Vec<Vec<u8>>, String) {
    let (mut messages, mut trailers) = (Vec::new(), String::new());
    while !rest.is_empty() {
        let length = u32::from_be_bytes(rest[1..5].try_into().expect("four bytes")) as usize;
        let bytes = &rest[5..5 + length];
        match rest[0] {
            0 => messages.push(bytes.to_vec()),
            0x80 => trailers.push_str(std::str::from_utf8(bytes).expect("a text")),
            flag => panic!("flag {flag}"),
        }
        rest = &rest[5 + length..];
    }
    (messages, trailers)
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn to_text(bytes: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for three in bytes.chunks(3) {
        let number =
            (0..3).fold(0_u32, |sum, at| sum << 8 | u32::from(three.get(at).copied().unwrap_or_default()));
        for at in 0..4 {
            let digit = DIGITS[(number >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= three.len() { digit } else { b'=' });
        }
    }
    text
}

/// Pieces of base64, each with its own padding.
fn from_text(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for four in text.chunks(4) {
        assert_eq!(four.len(), 4, "{}", String::from_utf8_lossy(text));
        let value = |digit: &u8| DIGITS.iter().position(|known| known == digit).unwrap_or_default();
        let number = four.iter().fold(0, |sum, digit| sum << 6 | value(digit));
        let padding = four.iter().filter(|digit| **digit == b'=').count();
        bytes.extend_from_slice(&u32::try_from(number).expect("24 bits").to_be_bytes()[1..4 - padding]);
    }
    bytes
}

#[test]
fn the_tests_own_base64_is_base64() {
    for (bytes, text) in
        [(&b""[..], &b""[..]), (b"f", b"Zg=="), (b"fo", b"Zm8="), (b"foo", b"Zm9v"), (b"foobar", b"Zm9vYmFy")]
    {
        assert_eq!(to_text(bytes), text);
        assert_eq!(from_text(text), bytes);
    }
    assert_eq!(from_text(b"Zg==Zm8="), b"ffo");
}

/// A call as a page makes it, in either form.
async fn call(
    server: &Server,
    method: &str,
    message: &impl prost::Message,
    is_text: bool,
) -> (Answer, Vec<u8>) {
    let kind = if is_text { "application/grpc-web-text" } else { "application/grpc-web+proto" };
    let headers = [("content-type", kind), ("accept", kind), ("x-grpc-web", "1"), ("origin", PAGE)];
    let body = if is_text { to_text(&frame(message)) } else { frame(message) };
    let answer = ask(&server.grpc, &format!("POST /{method}"), &headers, &body).await;
    let body = if is_text { from_text(&answer.body) } else { answer.body.clone() };
    (answer, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_call_grpc_in_both_forms() {
    let (server, _home) = server(&["--allowed-origins", PAGE]).await;
    for is_text in [false, true] {
        let (answer, body) =
            call(&server, "klinecast.v1.ModelService/ListTasks", &v1::ListTasksRequest {}, is_text).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.header("content-type").starts_with("application/grpc-web"), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        let exposed = answer.header("access-control-expose-headers");
        for name in ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-request-id"] {
            assert!(exposed.contains(name), "{exposed}");
        }
        let (messages, trailers) = frames(&body);
        assert_eq!(messages.len(), 1);
        let tasks = v1::ListTasksResponse::decode(messages[0].as_slice()).expect("a message");
        assert_eq!(tasks.tasks.len(), 7);
        assert!(trailers.contains("grpc-status:0"), "{trailers:?}");

        let (answer, body) =
            call(&server, "klinecast.v1.JournalService/VerifyJournal", &v1::VerifyJournalRequest {}, is_text)
                .await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let (messages, trailers) = frames(&body);
        assert!(!messages.is_empty() && trailers.contains("grpc-status:0"), "{trailers:?}");
        for message in &messages {
            v1::VerifyJournalResponse::decode(message.as_slice()).expect("a message");
        }
        // A refusal, which a page reads from the head or from the trailers.
        let predict = v1::PredictRequest { symbol: "NOUSDT".to_owned(), ..Default::default() };
        let (answer, body) = call(&server, "klinecast.v1.PredictionService/Predict", &predict, is_text).await;
        let trailers = frames(&body).1;
        let in_trailers = trailers.lines().find_map(|line| line.strip_prefix("grpc-status:"));
        let head = answer.header("grpc-status");
        assert_eq!(in_trailers.unwrap_or(&head), "5", "{answer:?} {trailers}");
    }
    let counted = "grpc_server_handled_total{grpc_type=\"unary\",grpc_service=\"klinecast.v1.ModelService\",grpc_method=\"ListTasks\",grpc_code=\"OK\"}";
    assert_eq!(server.metric(counted).await, Some(2.0), "calls of pages are counted like others");
    // What is no call of a page over HTTP/1.1 gets nothing.
    for (line, kind) in [
        ("POST /klinecast.v1.ModelService/ListTasks", "application/grpc"),
        ("GET /", "text/html"),
        ("GET /klinecast.v1.ModelService/ListTasks", "application/grpc-web"),
    ] {
        let answer = ask(&server.grpc, line, &[("content-type", kind)], b"").await;
        assert!((400..500).contains(&answer.status), "{answer:?}");
    }
    server.models().list_tasks(v1::ListTasksRequest {}).await.expect("native calls go on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_browser_is_told_which_pages_may_ask() {
    let (server, _home) = server(&["--allowed-origins", PAGE]).await;
    let wanted = "authorization,content-type,x-grpc-web";
    let asked = |origin| {
        [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", wanted),
        ]
    };
    for (url, path) in [
        (&server.http, "/v1/predict/BTCUSDT"),
        (&server.http, "/v2/models/all/infer"),
        (&server.grpc, "/klinecast.v1.PredictionService/Predict"),
    ] {
        let line = format!("OPTIONS {path}");
        let answer = ask(url, &line, &asked(PAGE), b"").await;
        assert_eq!(answer.status, 204, "{path}: {answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        assert_eq!(answer.header("access-control-allow-headers"), wanted);
        assert!(answer.header("access-control-allow-methods").contains("POST"));
        assert!(answer.header("vary").contains("origin"));
        assert!(answer.header("access-control-max-age").parse::<u32>().is_ok());
        let answer = ask(url, &line, &asked("https://evil.test"), b"").await;
        assert_eq!(
            (answer.status, answer.header("access-control-allow-origin").as_str()),
            (403, ""),
            "{path}"
        );
    }
    let answer = ask(&server.http, "GET /tasks", &[("origin", PAGE)], b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin").as_str()), (200, PAGE));
    // A refusal can be read by the page too.
    let answer = ask(&server.http, "GET /nothing", &[("origin", PAGE)], b"").await;
    assert_eq!((answer.status, answer.header("access-control-allow-origin").as_str()), (404, PAGE));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_others_and_borrowed_names_are_refused() {
    let (server, _home) = server(&["--allowed-hosts", "forecasts.test"]).await;
    let own = format!("http://{}", address(&server.http));
    let refused = |answer: &Answer, reason: &str| {
        assert_eq!((answer.status, answer.json()["reason"].as_str()), (403, Some(reason)), "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    };
    for path in ["/tasks", "/v1/stream", "/ws", "/openapi.json", "/nothing"] {
        let line = format!("GET {path}");
        for origin in ["https://evil.test", "null", "http://localhost:3000"] {
            refused(&ask(&server.http, &line, &[("origin", origin)], b"").await, "ORIGIN_NOT_ALLOWED");
        }
        refused(&ask(&server.http, &line, &[("host", "evil.test")], b"").await, "HOST_NOT_ALLOWED");
    }
    let image = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")];
    refused(&ask(&server.http, "GET /journal/verify", &image, b"").await, "ORIGIN_NOT_ALLOWED");
    let body = ask(&server.http, "POST /symbols", &[("origin", "https://evil.test")], b"{}").await;
    refused(&body, "ORIGIN_NOT_ALLOWED");
    let metrics = server.metrics.trim_end_matches("/metrics");
    refused(&ask(metrics, "GET /metrics", &[("host", "evil.test")], b"").await, "HOST_NOT_ALLOWED");
    let infer = ask(&server.http, "GET /v2", &[("origin", "https://evil.test")], b"").await;
    assert!(
        infer.status == 403
            && infer.json()["error"].as_str().is_some_and(|told| told.starts_with("ORIGIN_NOT_ALLOWED"))
    );
    assert_eq!(ask(&server.http, "GET /tasks", &[("origin", &own)], b"").await.status, 200);
    assert_eq!(ask(&server.http, "GET /tasks", &[("host", "forecasts.test:1")], b"").await.status, 200);
    assert_eq!(ask(&server.http, "GET /tasks", &[("host", "localhost")], b"").await.status, 200);
    let hostless = send(&server.http, b"GET /tasks HTTP/1.0\r\n\r\n").await;
    refused(&hostless, "HOST_NOT_ALLOWED");

    // A websocket of a page of somebody else is not opened.
    let mut request =
        format!("{}/ws", server.http.replace("http", "ws")).into_client_request().expect("a request");
    request.headers_mut().insert("origin", "https://evil.test".parse().expect("a value"));
    let Err(Error::Http(answer)) = tokio_tungstenite::connect_async(request).await else {
        panic!("it was opened")
    };
    assert_eq!(answer.status(), 403);

    // gRPC-Web.
    let kind = ("content-type", "application/grpc-web+proto");
    let line = "POST /klinecast.v1.ModelService/ListTasks";
    for (header, reason) in
        [(("origin", "https://evil.test"), "ORIGIN_NOT_ALLOWED"), (("host", "evil.test"), "HOST_NOT_ALLOWED")]
    {
        let answer = ask(&server.grpc, line, &[kind, header], &frame(&v1::ListTasksRequest {})).await;
        assert_eq!((answer.status, answer.header("grpc-status").as_str()), (403, "7"), "{answer:?}");
        let details = answer.header("grpc-status-details-bin");
        let details =
            from_text(format!("{details:=<width$}", width = details.len().next_multiple_of(4)).as_bytes());
        assert!(String::from_utf8_lossy(&details).contains(reason), "{answer:?}");
    }
    // Programs say neither where they come from nor have to name the server over HTTP/2.
    server.models().list_tasks(v1::ListTasksRequest {}).await.expect("an answer");
}
