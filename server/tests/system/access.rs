//! Who may do what: the real server asked by callers of every kind, over both faces.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use futures::StreamExt as _;
use klinecast::{Client, ClientError, Credentials, Secret, Settings};
use proto::inference as wire;
use proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use proto::v1;
use serde_json::{Value, json};
use tokio_stream::wrappers::ReceiverStream;
use tokio_tungstenite::tungstenite::ClientRequestBuilder;
use tonic::Code;

use crate::harness::{PATIENCE, Server};
use crate::redis::Redis;

/// Makes a key with the real command, puts its lines into the access file and answers the key.
pub(crate) fn key(file: &Path, name: &str, role: &str, more: &str) -> String {
    let made = Command::new(crate::binaries::server())
        .env_clear()
        .args(["keys", "new", "--name", name, "--role", role])
        .output()
        .expect("the command runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let printed = String::from_utf8(made.stdout).expect("a text");
    let key = printed.lines().find_map(|line| line.strip_prefix("# klk_")).expect("the key is printed");
    let lines: String =
        printed.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let before = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, format!("{before}{lines}{more}\n")).expect("written");
    format!("klk_{key}")
}

fn client(server: &Server, key: Option<&str>) -> Client {
    let mut settings = Settings::at(&server.grpc);
    settings.attempts_max = 1;
    settings.deadline = PATIENCE;
    settings.credentials = Credentials { key: key.map(Secret::new), ..Default::default() };
    Client::new(settings).expect("an address")
}

/// The status, the reason and the challenge of a REST answer.
async fn rest(server: &Server, (method, path): (&str, &str), key: Option<&str>) -> (u16, String, String) {
    let mut request =
        crate::harness::http().request(method.parse().expect("a method"), format!("{}{path}", server.http));
    if method == "POST" {
        request = request.body(r#"{"version": 1, "stage": "archived"}"#);
    }
    if let Some(key) = key {
        request = request.header("x-api-key", key);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let challenge =
        answer.headers().get("www-authenticate").map(|value| value.to_str().expect("a text").to_owned());
    let body: Value = answer.json().await.expect("JSON");
    (status, body["reason"].as_str().unwrap_or_default().to_owned(), challenge.unwrap_or_default())
}

/// The code that a method of each role's ends with.
async fn grpc(server: &Server, needed: &str, key: Option<&str>) -> Code {
    let client = client(server, key);
    let answer = match needed {
        "reader" => client.tasks().await.map(drop),
        "operator" => client.reload().await.map(drop),
        _ => client.promote(9, v1::Stage::Archived, v1::Alias::Unspecified).await.map(drop),
    };
    match answer {
        Ok(()) => Code::Ok,
        Err(ClientError::Refused { code, .. }) => code,
        Err(other) => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_hold_on_both_faces_and_what_is_done_is_written_down() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("keys.toml");
    let roles = ["reader", "operator", "admin"];
    let keys = roles.map(|role| key(&file, &format!("the {role}"), role, ""));
    let file_flag = file.to_str().expect("a path").to_owned();
    let server = Server::start_alone(home.path(), &["--access-keys-file", &file_flag]).await;
    let routes = [("GET", "/v1/tasks"), ("POST", "/models/reload"), ("POST", "/v1/models/promote")];
    for (needed_at, needed) in roles.iter().enumerate() {
        assert_eq!(grpc(&server, needed, None).await, Code::Unauthenticated);
        assert_eq!(grpc(&server, needed, Some("klk_wrong")).await, Code::Unauthenticated);
        let (status, reason, challenge) = rest(&server, routes[needed_at], None).await;
        assert_eq!((status, reason.as_str()), (401, "UNAUTHENTICATED"));
        assert_eq!(challenge, "Bearer realm=\"klinecast\"");
        assert!(rest(&server, routes[needed_at], Some("klk_wrong")).await.2.contains("invalid_token"));
        for (has_at, key) in keys.iter().enumerate() {
            let (code, (status, reason, _)) =
                (grpc(&server, needed, Some(key)).await, rest(&server, routes[needed_at], Some(key)).await);
            if has_at < needed_at {
                assert_eq!(
                    (code, status, reason.as_str()),
                    (Code::PermissionDenied, 403, "PERMISSION_DENIED")
                );
            } else {
                // Nothing is warm and the registry is empty: what may be asked is answered so.
                let expected = [(Code::Ok, 200), (Code::Unavailable, 503), (Code::NotFound, 404)][needed_at];
                assert_eq!((code, status), expected, "{needed}: {reason}");
            }
        }
    }
    // What nobody lists is refused, health and metrics are open.
    assert_eq!(rest(&server, ("GET", "/no/such/route"), Some(&keys[0])).await.0, 403);
    assert_eq!(rest(&server, ("GET", "/no/such/route"), Some(&keys[2])).await.0, 404);
    assert_eq!(server.get("/health/live").await.0, 200);
    let health = tonic_health::pb::HealthCheckRequest::default();
    server.health().check(health).await.expect("health is open");
    let refused = server.metric("klinecast_access_refused_total{reason=\"PERMISSION_DENIED\"}").await;
    assert!(refused.is_some_and(|count| count >= 6.0), "{refused:?}");

    let audit = fs::read_to_string(home.path().join("audit.jsonl")).expect("an audit file");
    let lines: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let told = |who: &str, what: &str, outcome: &str| {
        lines.iter().any(|line| line["who"] == who && line["what"] == what && line["outcome"] == outcome)
    };
    assert!(told("the admin", "/klinecast.v1.ModelService/PromoteModel", "NotFound"), "{audit}");
    assert!(told("the admin", "POST /v1/models/promote", "404"), "{audit}");
    assert!(told("the operator", "POST /models/reload", "503"), "{audit}");
    assert!(told("the reader", "POST /models/reload", "PERMISSION_DENIED"), "{audit}");
    assert!(lines.iter().any(|line| line["note"] == "version 1, stage archived"), "{audit}");
    let metrics = server.metrics_page().await;
    let (_, _, log) = server.terminate().await;
    assert!(log.contains("klinecast::audit"), "{log}");
    let digests = fs::read_to_string(&file).expect("readable");
    for secret in keys.iter().map(|key| &key[4..]).chain(["klk_wrong"]) {
        for (place, text) in [("log", &log), ("audit", &audit), ("metrics", &metrics), ("file", &digests)] {
            assert!(!text.contains(secret), "{secret} stands in the {place}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_come_and_go_while_it_serves() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("keys.toml");
    let first = key(&file, "first", "reader", "");
    let flags = ["--access-keys-file", file.to_str().expect("a path"), "--access-reload-seconds", "0.05"];
    let server = Server::start_alone(home.path(), &flags).await;
    assert_eq!(grpc(&server, "reader", Some(&first)).await, Code::Ok);
    fs::write(&file, "this is no access file").expect("written");
    let refused = "klinecast_access_reloads_total{what=\"keys\",result=\"refused\"}";
    until(async || server.metric(refused).await == Some(1.0)).await;
    assert_eq!(grpc(&server, "reader", Some(&first)).await, Code::Ok);
    let mut request = tonic::Request::new(v1::SubscribeRequest::default());
    request.metadata_mut().insert("x-api-key", first.parse().expect("a value"));
    let mut stream = server.predictions().subscribe(request).await.expect("a stream").into_inner();
    let page = crate::harness::http().get(format!("{}/stream", server.http)).header("x-api-key", &first);
    let page = page.send().await.expect("a stream");
    assert_eq!(page.status(), 200);

    let url = format!("{}/ws", server.http.replace("http", "ws"));
    let request =
        ClientRequestBuilder::new(url.parse().expect("an address")).with_header("x-api-key", &first);
    let (socket, _) = tokio_tungstenite::connect_async(request).await.expect("it connects");
    let (rows, requests) = tokio::sync::mpsc::channel(1);
    let mut request = tonic::Request::new(ReceiverStream::new(requests));
    request.metadata_mut().insert("x-api-key", first.parse().expect("a value"));
    let mut inference = GrpcInferenceServiceClient::new(server.channel());
    let mut answers = inference.model_stream_infer(request).await.expect("a stream").into_inner();
    rows.send(wire::ModelInferRequest::default()).await.expect("sent");
    let refused = answers.message().await.expect("no error").expect("an answer");
    assert!(!refused.error_message.is_empty(), "there is no model, and the stream goes on");

    fs::remove_file(&file).expect("removed");
    let second = key(&file, "second", "reader", "");
    until(async || grpc(&server, "reader", Some(&second)).await == Code::Ok).await;
    assert_eq!(grpc(&server, "reader", Some(&first)).await, Code::Unauthenticated);
    // What the key has opened ends with it.
    let ended = async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without saying why"),
                Err(status) => break status,
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await.expect("it ends");
    assert_eq!(ended.code(), Code::Unauthenticated, "{ended:?}");
    let told = tokio::time::timeout(PATIENCE, page.text()).await.expect("it ends").expect("a text");
    assert!(told.contains("event: problem") && told.contains("UNAUTHENTICATED"), "{told}");
    let told: Vec<String> = tokio::time::timeout(PATIENCE, socket.collect::<Vec<_>>())
        .await
        .expect("it ends")
        .into_iter()
        .filter_map(|message| Some(message.ok()?.into_text().ok()?.to_string()))
        .collect();
    assert!(told.iter().any(|message| message.contains("UNAUTHENTICATED")), "{told:?}");
    rows.send(wire::ModelInferRequest::default()).await.expect("sent");
    let ended = answers.message().await.expect_err("the right to ask is gone");
    assert_eq!(ended.code(), Code::Unauthenticated, "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signed_tokens_open_both_faces() {
    use jsonwebtoken::{EncodingKey, Header, encode};
    let home = tempfile::tempdir().expect("a folder");
    let secret = home.path().join("secret");
    fs::write(&secret, "0123456789abcdef0123456789abcdef\n").expect("written");
    let flags = ["--jwt-secret-file", secret.to_str().expect("a path"), "--jwt-issuer", "desk"];
    let flags = [&flags[..], &["--jwt-audience", "klinecast", "--jwt-roles-claim", "realm.roles"]].concat();
    let server = Server::start_alone(home.path(), &flags).await;
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_secs();
    let token = |audience: &str, secret: &[u8]| {
        let claims = json!({"sub": "ada", "iss": "desk", "aud": audience, "exp": now + 600, "realm": {"roles": ["reader"]}});
        encode(&Header::default(), &claims, &EncodingKey::from_secret(secret)).expect("signed")
    };
    let good = token("klinecast", b"0123456789abcdef0123456789abcdef");
    assert_eq!(grpc(&server, "reader", Some(&good)).await, Code::Ok);
    assert_eq!(grpc(&server, "admin", Some(&good)).await, Code::PermissionDenied);
    let bearer = crate::harness::http().get(format!("{}/tasks", server.http)).bearer_auth(&good);
    assert_eq!(bearer.send().await.expect("an answer").status(), 200);
    for bad in [
        token("else", b"0123456789abcdef0123456789abcdef"),
        token("klinecast", b"another secret of the same length"),
    ] {
        assert_eq!(grpc(&server, "reader", Some(&bad)).await, Code::Unauthenticated);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_share_a_quota_over_redis_and_each_limits_alone_without_it() {
    let mut redis = Redis::start().await;
    let homes = [tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder")];
    let file = homes[0].path().join("keys.toml");
    let shared = key(&file, "shared", "reader", "requests_per_day = 6");
    let url = redis.url();
    let flags = ["--access-keys-file", file.to_str().expect("a path"), "--redis-url", &url];
    let one = Server::start_alone(homes[0].path(), &flags).await;
    let two = Server::start_alone(homes[1].path(), &flags).await;
    let mut passed = 0;
    for server in [&one, &two, &one, &two, &one, &two, &one, &two] {
        let (status, reason, _) = rest(server, ("GET", "/tasks"), Some(&shared)).await;
        match status {
            200 => passed += 1,
            _ => assert_eq!((status, reason.as_str()), (429, "QUOTA_EXCEEDED")),
        }
    }
    assert_eq!(passed, 6, "three calls at each, and no more at either");
    assert_eq!(grpc(&two, "reader", Some(&shared)).await, Code::ResourceExhausted);
    assert_eq!(one.metric("klinecast_limits_shared").await, Some(1.0));

    redis.kill();
    // Alone, each has the whole quota: nobody is locked out because Redis is away.
    for server in [&one, &two] {
        assert_eq!(rest(server, ("GET", "/tasks"), Some(&shared)).await.0, 200);
        assert_eq!(server.metric("klinecast_limits_shared").await, Some(0.0));
        assert!(server.metric("klinecast_limits_fallbacks_total").await.is_some_and(|count| count >= 1.0));
    }
    let mut answers = Vec::new();
    for _ in 0..8 {
        answers.push(rest(&one, ("GET", "/tasks"), Some(&shared)).await.0);
    }
    assert_eq!(answers[..5], [200; 5]);
    assert_eq!(answers[5..], [429; 3]);

    redis.start_again().await;
    until(async || {
        rest(&one, ("GET", "/tasks"), Some(&shared)).await;
        one.metric("klinecast_limits_shared").await == Some(1.0)
    })
    .await;
    let said = one.log().matches("Redis does not answer").count();
    assert_eq!(said, 1, "{}", one.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pace_is_told_with_the_wait_on_both_faces() {
    let home = tempfile::tempdir().expect("a folder");
    let flags = ["--requests-per-second", "0.5", "--burst", "2"];
    let server = Server::start_alone(home.path(), &flags).await;
    for _ in 0..2 {
        assert_eq!(server.get("/tasks").await.0, 200);
    }
    let answer =
        crate::harness::http().get(format!("{}/tasks", server.http)).send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), answer.headers()["retry-after"].to_str().ok()), (429, Some("2")));
    let refused = server.models().list_tasks(v1::ListTasksRequest {}).await.expect_err("too fast");
    let details = tonic_types::StatusExt::get_error_details(&refused);
    assert_eq!(refused.code(), Code::ResourceExhausted);
    let wait = details.retry_info().and_then(|info| info.retry_delay).expect("a wait");
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(2), "{wait:?}");
    assert_eq!(
        details.quota_failure().map(|quota| quota.violations[0].subject.clone()),
        Some("RATE_LIMITED".into())
    );
    // A client that waits as told gets its answer.
    let mut patient = Settings::at(&server.grpc);
    patient.deadline = PATIENCE;
    Client::new(patient).expect("an address").tasks().await.expect("an answer after the wait");
}

#[test]
fn a_server_that_asks_nobody_is_not_for_other_machines_and_shows_no_secret() {
    let home = tempfile::tempdir().expect("a folder");
    let run = |arguments: &[&str]| {
        let output = Command::new(crate::binaries::server())
            .env_clear()
            .env("REDIS_PASSWORD", "s3cret")
            .args(["--metrics-address", "127.0.0.1:0", "--http-address", "127.0.0.1:0", "--home"])
            .arg(home.path())
            .args(arguments)
            .output()
            .expect("the server runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (code, said) = run(&["--grpc-address", "0.0.0.0:0"]);
    assert_eq!(code, Some(1), "{said}");
    for part in ["0.0.0.0:0", "--access-keys-file", "--jwt-jwks-file", "--grpc-address", "--access-open true"]
    {
        assert!(said.contains(part), "{part} is not in: {said}");
    }
    let (code, said) = run(&["--print-config", "--redis-url", "redis://ada:s3cret@cache:6379/0"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("redis://***@cache:6379/0") && !said.contains("s3cret"), "{said}");
    let (code, said) = run(&["--access-keys-file", "missing.toml", "--grpc-address", "127.0.0.1:0"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("access.keys_file missing.toml cannot be read"), "{said}");
}

/// Waits until something is so.
pub(crate) async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < PATIENCE, "it does not come");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
