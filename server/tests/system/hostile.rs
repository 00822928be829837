//! Requests that mean no good: whatever is sent, the status is the right one, nobody else waits, and memory does not grow.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use klinecast_server::access::table;
use prost::Message as _;
use prost::bytes::{Buf as _, BufMut as _};
use proto::v1;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::harness::{PATIENCE, Server, exchange, publish_champion};
use crate::raw::{ask, send};

/// Messages as they stand on the wire, right or wrong.
#[derive(Debug, Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

/// Calls a method with these bytes and reads one answer.
async fn call(channel: &Channel, path: &'static str, message: Vec<u8>) -> Result<(), Status> {
    let mut client = tonic::client::Grpc::new(channel.clone());
    client.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
    let mut request = Request::new(message);
    request.set_timeout(Duration::from_secs(5));
    let answer = client.server_streaming(request, path.parse().expect("a path"), Raw).await?;
    answer.into_inner().message().await.map(drop)
}

/// Right messages, which are then damaged.
fn seeds() -> Vec<Vec<u8>> {
    let text = "BTCUSDT".to_owned();
    let freshness = v1::Freshness { min_bar_time_ms: 1, max_staleness_ms: 2, wait_ms: 3 };
    let tensor = proto::inference::model_infer_request::InferInputTensor {
        name: "symbol".to_owned(),
        datatype: "BYTES".to_owned(),
        shape: vec![1],
        ..Default::default()
    };
    vec![
        v1::PredictRequest {
            symbol: text.clone(),
            tasks: vec!["return_1step".to_owned()],
            explain_top: 2,
            freshness: Some(freshness),
            ..Default::default()
        }
        .encode_to_vec(),
        v1::SubscribeRequest { resume_token: "1.1.0000000000000000.1".to_owned(), ..Default::default() }
            .encode_to_vec(),
        v1::ListPredictionsRequest { symbols: vec![text], page_token: "x".to_owned(), ..Default::default() }
            .encode_to_vec(),
        proto::inference::ModelInferRequest {
            model_name: "all".to_owned(),
            inputs: vec![tensor],
            raw_input_contents: vec![vec![7, 0, 0, 0], b"BTCUSDT".to_vec()],
            ..Default::default()
        }
        .encode_to_vec(),
    ]
}

/// A message with a few bytes changed, cut out, put in or doubled.
fn damaged(random: &mut StdRng, seeds: &[Vec<u8>]) -> Vec<u8> {
    let mut message = seeds[random.random_range(0..seeds.len())].clone();
    for _ in 0..random.random_range(0..6) {
        let at = random.random_range(0..=message.len());
        match random.random_range(0..4) {
            0 => message.truncate(at),
            1 => message.insert(at, random.random()),
            2 => {
                let doubled = message[at..].to_vec();
                message.extend(doubled);
            }
            _ => {
                if let Some(byte) = message.get_mut(at) {
                    *byte = random.random();
                }
            }
        }
        message.truncate(4_096);
    }
    message
}

/// What a caller may be told about a message of its own.
fn is_callers_fault(path: &str, status: &Status) -> bool {
    match status.code() {
        // What gRPC's own list of status codes says of a request that cannot be parsed.
        Code::Internal => status.message().starts_with("failed to decode Protobuf message"),
        Code::Unknown | Code::DataLoss | Code::Unauthenticated | Code::PermissionDenied => false,
        // Parts of the protocol that are not here are said to be so.
        Code::Unimplemented => !path.starts_with("/klinecast.") || status.message().contains("compress"),
        _ => true,
    }
}

/// Asks a right question again and again until told to stop; how often it was answered.
async fn ask_meanwhile(server: &Server, stop: &AtomicBool) -> usize {
    let mut answered = 0;
    while !stop.load(Ordering::Relaxed) {
        let request = v1::PredictRequest { symbol: "BTCUSDT".to_owned(), ..Default::default() };
        let asked = tokio::time::timeout(PATIENCE, server.predictions().predict(request)).await;
        let _ = asked.expect("others are answered in time").expect("others are answered");
        answered += 1;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    answered
}

async fn memory_mb(server: &Server) -> f64 {
    server.metric("process_resident_memory_bytes").await.expect("a metric") / 1e6
}

async fn warm() -> (Server, tempfile::TempDir, exchange_sim::Exchange) {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let _ = publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    (server, home, exchange)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_messages_of_every_method_are_told_and_harm_nobody() {
    let (server, _home, _exchange) = warm().await;
    let channel = server.channel();
    let seeds = seeds();
    let stop = AtomicBool::new(false);
    let before = memory_mb(&server).await;
    let damage = async {
        let mut random = StdRng::seed_from_u64(7);
        for _ in 0..60 {
            for (path, _) in &table::METHODS {
                let message = damaged(&mut random, &seeds);
                let told = tokio::time::timeout(PATIENCE, call(&channel, path, message.clone())).await;
                if let Err(status) = told.expect("an answer in time") {
                    assert!(is_callers_fault(path, &status), "{path} {message:02x?}: {status:?}");
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
    };
    let ((), answered) = tokio::join!(damage, ask_meanwhile(&server, &stop));
    assert!(answered > 20, "others were answered {answered} times");
    let grown = memory_mb(&server).await - before;
    assert!(grown < 64.0, "memory grew by {grown} MB");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_million_symbols_cost_a_refusal_and_no_memory() {
    let (server, _home, _exchange) = warm().await;
    let many = |count: usize| v1::PredictBatchRequest {
        symbols: (0..count).map(|at| format!("X{at}USDT")).collect(),
        ..Default::default()
    };
    // All in one request, in many, and one by one; on both faces.
    let status = server.predictions().predict_batch(many(1_000_000)).await.expect_err("too many");
    assert_eq!(status.code(), Code::OutOfRange, "{status:?}");
    let status = server.predictions().predict_batch(many(5_000)).await.expect_err("too many");
    assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
    let head = "POST /predict/batch HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 9000000\r\n\r\n";
    assert_eq!(send(&server.http, head.as_bytes()).await.status, 413);
    let pages = |page: String| page.lines().filter(|line| !line.starts_with('#')).count();
    let (series, before) = (pages(server.metrics_page().await), memory_mb(&server).await);
    let asked = AtomicUsize::new(0);
    let callers = (0..64).map(|caller| {
        let (channel, asked) = (server.channel(), &asked);
        async move {
            for at in 0..300 {
                let symbol = format!("X{caller}Y{at}");
                let request = v1::PredictRequest { symbol, ..Default::default() }.encode_to_vec();
                let told = call(&channel, "/klinecast.v1.PredictionService/Predict", request).await;
                assert_eq!(told.expect_err("not followed").code(), Code::NotFound);
                asked.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    futures::future::join_all(callers).await;
    assert_eq!(asked.load(Ordering::Relaxed), 64 * 300);
    let grown = memory_mb(&server).await - before;
    assert!(grown < 32.0, "memory grew by {grown} MB");
    let more = pages(server.metrics_page().await) - series;
    assert!(more < 100, "{more} series of metrics more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribers_that_do_not_read_and_explanations_by_many_are_bounded() {
    let (server, _home, _exchange) = warm().await;
    let before = memory_mb(&server).await;
    // They go on from the first record on and never read; one connection each ten.
    let mut silent = Vec::new();
    for _ in 0..30 {
        let mut predictions = server.predictions();
        for _ in 0..10 {
            let request = v1::SubscribeRequest {
                after_bar_time_ms: 1,
                delivery: v1::Delivery::Lossless.into(),
                ..Default::default()
            };
            silent.push(predictions.subscribe(request).await.expect("a stream").into_inner());
        }
    }
    let explain = (0..64).map(|at| {
        let mut predictions = server.predictions();
        async move {
            let tasks = vec![["return_1step", "volatility_4step"][at % 2].to_owned()];
            let request = v1::PredictRequest {
                symbol: "BTCUSDT".to_owned(),
                tasks,
                explain_top: 5,
                ..Default::default()
            };
            match tokio::time::timeout(PATIENCE, predictions.predict(request)).await.expect("in time") {
                Ok(_) => true,
                Err(status) => {
                    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                    false
                }
            }
        }
    });
    let explained = futures::future::join_all(explain).await;
    assert!(explained.iter().any(|explained| *explained), "somebody is answered");
    let request = v1::PredictRequest { symbol: "ETHUSDT".to_owned(), ..Default::default() };
    let _ = server.predictions().predict(request).await.expect("others are answered");
    tokio::time::sleep(Duration::from_secs(5)).await;
    let each = (memory_mb(&server).await - before) * 1e3 / 300.0;
    assert!(each < 400.0, "each silent subscriber holds {each} kB");
    drop(silent);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_texts_and_paths_that_make_no_sense_are_refused() {
    let (server, _home, _exchange) = warm().await;
    let predict = "/klinecast.v1.PredictionService/Predict";
    // No time at all, asked by hand: a client would not wait for the answer.
    let message = v1::PredictRequest { symbol: "BTCUSDT".to_owned(), ..Default::default() }.encode_to_vec();
    let length = u8::try_from(message.len()).expect("short");
    let headers = [("content-type", "application/grpc-web+proto"), ("grpc-timeout", "0n")];
    let framed = [&[0, 0, 0, 0, length][..], &message].concat();
    let answer = ask(&server.grpc, &format!("POST {predict}"), &headers, &framed).await;
    assert_eq!(answer.header("grpc-status"), "4", "{answer:?}");
    assert!(answer.header("grpc-message").contains("allow%20more%20time"), "{answer:?}");
    // A symbol that is no text: field 1, three bytes that are not UTF-8.
    let status = call(&server.channel(), predict, vec![10, 3, 0xff, 0xfe, 0xfd]).await.expect_err("no text");
    assert!(is_callers_fault(predict, &status), "{status:?}");
    for path in [
        "/predict/../../../../etc/passwd",
        "/predict/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
        "//predict/BTCUSDT",
        "/predict/%00",
        "/predict/%ff%fe",
        "/predictions/BTCUSDT/at/../../../models",
        "/v1/v1/health",
        "/docs/../journal/verify/x",
        "/journal/%2e%2e/replay",
    ] {
        let lines = format!("GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n");
        let answer = send(&server.http, lines.as_bytes()).await;
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
        assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
        assert!(!String::from_utf8_lossy(&answer.body).contains("root:"), "{path}");
    }
    // What is no HTTP at all is hung up on, and the next is answered.
    for bytes in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff",
        b"\0\0\0",
    ] {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        for face in [&server.http, &server.grpc] {
            let mut line =
                tokio::net::TcpStream::connect(crate::raw::address(face)).await.expect("connected");
            let _ = line.write_all(bytes).await;
            let _ = line.shutdown().await;
            let mut told = Vec::new();
            let read = tokio::time::timeout(PATIENCE, line.read_to_end(&mut told)).await;
            let _ = read.expect("hung up on in time");
        }
    }
    assert_eq!(server.get("/health/live").await.0, 200);
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
