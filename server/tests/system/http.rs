//! HTTP as its standards have it: methods, kinds of bodies and answers, bounds, packing, paths.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::harness::Server;
use crate::raw::{Answer, ask, send};

async fn server() -> (Server, tempfile::TempDir) {
    let home = tempfile::tempdir().expect("a folder");
    (Server::start_alone(home.path(), &[]).await, home)
}

fn is_problem(answer: &Answer, status: u16, reason: &str) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(answer.json()["reason"], reason, "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn methods_kinds_and_caches_are_those_of_the_standard() {
    let (server, _home) = server().await;
    let http = &server.http;
    let head = ask(http, "HEAD /v1/tasks", &[], b"").await;
    assert!(head.status == 200 && head.body.is_empty(), "{head:?}");
    assert_eq!(head.header("content-type"), "application/json");
    let options = ask(http, "OPTIONS /tasks", &[], b"").await;
    assert_eq!((options.status, options.header("allow").as_str()), (204, "GET,HEAD"));
    for (line, allow) in
        [("PUT /tasks", "GET,HEAD"), ("GET /predict/BTCUSDT", "POST"), ("DELETE /v1/models/promote", "POST")]
    {
        let answer = ask(http, line, &[], b"").await;
        is_problem(&answer, 405, "METHOD_NOT_ALLOWED");
        assert_eq!(answer.header("allow"), allow, "{line}");
    }
    let post = async |kind: &[(&str, &str)]| ask(http, "POST /predict/batch", kind, b"{}").await;
    for kind in ["text/plain", "application/json; charset=utf-16", "multipart/form-data"] {
        is_problem(&post(&[("content-type", kind)]).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    }
    let twice = [("content-type", "application/json"), ("content-type", "application/json")];
    is_problem(&post(&twice).await, 415, "UNSUPPORTED_MEDIA_TYPE");
    // The last is what `curl -d` says.
    for kind in ["application/json", "Application/JSON;charset=UTF-8", "application/x-www-form-urlencoded"] {
        assert_ne!(post(&[("content-type", kind)]).await.status, 415);
    }
    is_problem(&ask(http, "GET /tasks", &[("accept", "text/html")], b"").await, 406, "NOT_ACCEPTABLE");
    let browser = [("accept", "text/html,application/xhtml+xml,*/*;q=0.8")];
    assert_eq!(ask(http, "GET /tasks", &browser, b"").await.status, 200);
    is_problem(
        &ask(http, "GET /stream", &[("accept", "application/json")], b"").await,
        406,
        "NOT_ACCEPTABLE",
    );

    let tasks = ask(http, "GET /tasks", &[], b"").await;
    assert_eq!(
        (tasks.header("cache-control").as_str(), tasks.header("x-content-type-options").as_str()),
        ("no-store", "nosniff")
    );
    let document = ask(http, "GET /v1/openapi.json", &[], b"").await;
    assert_eq!(document.json()["openapi"], "3.1.0");
    let tag = document.header("etag");
    let again = ask(http, "GET /openapi.json", &[("if-none-match", &tag)], b"").await;
    assert!(again.status == 304 && again.body.is_empty() && again.header("etag") == tag, "{again:?}");
    let page = ask(http, "GET /docs", &browser, b"").await;
    assert_eq!((page.status, page.header("content-type").as_str()), (200, "text/html; charset=utf-8"));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));

    let ready = ask(http, "GET /health/ready", &[], b"").await;
    assert_eq!((ready.status, ready.json()["status"].as_str()), (503, Some("not_ready")));
    assert_eq!(ask(http, "GET /v1/health/startup", &[], b"").await.status, 503);
    assert_eq!(ask(http, "GET /health/live", &[], b"").await.status, 200);
    let waiting = ask(http, "POST /predict/BTCUSDT", &[], b"").await;
    assert!(waiting.status == 503 && waiting.header("retry-after") == "1", "{waiting:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_long_or_no_path_is_told() {
    let (server, _home) = server().await;
    let http = &server.http;
    is_problem(
        &ask(http, &format!("GET /gaps?symbol={}", "A".repeat(9_000)), &[], b"").await,
        414,
        "URI_TOO_LONG",
    );
    is_problem(
        &ask(http, "GET /tasks", &[("x-long", &"a".repeat(40_000))], b"").await,
        431,
        "HEADERS_TOO_LARGE",
    );
    // Beyond the bounds of the connection itself.
    assert_eq!(ask(http, "GET /tasks", &[("x-long", &"a".repeat(100_000))], b"").await.status, 431);
    let many: Vec<(&str, &str)> = (0..200).map(|_| ("x-many", "a")).collect();
    assert_eq!(ask(http, "GET /tasks", &many, b"").await.status, 431);
    for path in [
        "/..",
        "/../tasks",
        "/%2e%2e/tasks",
        "//tasks",
        "/tasks/",
        "/v1//tasks",
        "/v1",
        "/v1/v1/tasks",
        "/tasks%2F",
        "/tasks;x=1",
        "/predict/a/b/c",
        "/%00",
        "/Tasks",
        "/health%2Flive",
        "/v1/features/../tasks",
    ] {
        is_problem(&ask(http, &format!("GET {path}"), &[], b"").await, 404, "UNKNOWN_ROUTE");
    }
    for path in ["/features/BTC%2FUSDT", "/features/..%2F..%2Fetc", "/features/%00"] {
        let answer = ask(http, &format!("GET {path}"), &[], b"").await;
        is_problem(&answer, 404, "UNKNOWN_SYMBOL");
    }
    for path in [
        "/features/%FF",
        "/features/%C0%AF",
        "/gaps?symbol=%FF&symbol=x",
        "/gaps?unfilled=maybe",
        "/gaps?unknown=1",
        "/gaps?symbol=A&symbol=B",
        "/scorecard?days=2",
    ] {
        is_problem(&ask(http, &format!("GET {path}"), &[], b"").await, 400, "MALFORMED_REQUEST");
    }
    for bytes in [&b"GET /\xff HTTP/1.1\r\nhost: localhost\r\n\r\n"[..], b"GET tasks HTTP/1.1\r\nhost: localhost\r\n\r\n", b"\r\nTASKS\r\n\r\n", b"POST /predict/batch HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n", b"POST /predict/batch HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"] {
        let answer = send(http, bytes).await;
        assert!((400..500).contains(&answer.status), "{answer:?} to {:?}", String::from_utf8_lossy(bytes));
    }
    for body in [
        "{\"symbols\":[],\"symbols\":[]}",
        "{\"freshness\":{\"wait_ms\":1,\"wait_ms\":1}}",
        "{\"nowcast\":NaN}",
        "{\"tasks\":[]}{}",
        "\u{feff}{}",
    ] {
        is_problem(&ask(http, "POST /predict/batch", &[], body.as_bytes()).await, 400, "MALFORMED_REQUEST");
    }
    assert_eq!(ask(http, "GET /health/live", &[], b"").await.status, 200);
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut writer = GzEncoder::new(Vec::new(), Compression::best());
    writer.write_all(bytes).expect("written");
    writer.finish().expect("packed")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_packed_both_ways_and_bombs_do_not_go_off() {
    let (server, _home) = server().await;
    let http = &server.http;
    let plain = ask(http, "GET /tasks", &[], b"").await;
    assert!(plain.body.len() > 1_024 && plain.header("content-encoding").is_empty());
    let answer = ask(http, "GET /tasks", &[("accept-encoding", "gzip")], b"").await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    assert!(answer.body.len() < plain.body.len() / 2 && answer.header("vary").contains("accept-encoding"));
    let mut unpacked = Vec::new();
    GzDecoder::new(answer.body.as_slice()).read_to_end(&mut unpacked).expect("gzip");
    assert_eq!(unpacked, plain.body);
    let answer = ask(http, "GET /tasks", &[("accept-encoding", "zstd, gzip;q=0.5")], b"").await;
    assert_eq!(answer.header("content-encoding"), "zstd");
    assert!(answer.body.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]));
    let short = ask(http, "GET /health/live", &[("accept-encoding", "gzip")], b"").await;
    assert!(short.header("content-encoding").is_empty());

    let gzip = [("content-encoding", "gzip"), ("content-type", "application/json")];
    let sent = ask(http, "POST /predict/batch", &gzip, &packed(b"{\"symbols\":[\"BTCUSDT\"]}")).await;
    assert!(sent.status == 200 && sent.json()["problems"]["BTCUSDT"].is_object(), "{sent:?}");
    is_problem(&ask(http, "POST /predict/batch", &gzip, b"{}").await, 400, "MALFORMED_REQUEST");
    let other = [("content-encoding", "br")];
    let refused = ask(http, "POST /predict/batch", &other, b"{}").await;
    is_problem(&refused, 415, "UNSUPPORTED_MEDIA_TYPE");
    assert!(refused.header("accept-encoding").contains("gzip"), "{refused:?}");

    // 64 MiB of blanks in 64 KiB.
    let bomb = packed(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 256 * 1024);
    is_problem(&ask(http, "POST /predict/batch", &gzip, &bomb).await, 413, "REQUEST_TOO_LARGE");
    let infer = ask(http, "POST /v2/models/all/infer", &gzip, &bomb).await;
    assert!(infer.status == 413 || infer.status == 400, "{infer:?}");
    for method in [
        "klinecast.v1.PredictionService/Predict",
        "klinecast.v1.StatusService/GetScorecard",
        "klinecast.v1.MarketService/ListGaps",
        "inference.GRPCInferenceService/ModelInfer",
    ] {
        let length = u32::try_from(bomb.len()).expect("short").to_be_bytes();
        let body = [&[1][..], &length, &bomb].concat();
        let headers = [("content-type", "application/grpc-web+proto"), ("grpc-encoding", "gzip")];
        let answer = ask(&server.grpc, &format!("POST /{method}"), &headers, &body).await;
        let told = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert!(told.contains("limit") && !told.contains("\"grpc-status\", \"0\""), "{method}: {told}");
    }
    assert_eq!(ask(http, "GET /health/live", &[], b"").await.status, 200);
}
