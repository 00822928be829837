//! What a server says that cannot start, or not yet.

use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

use proto::v1;

use crate::harness::{PATIENCE, Server, command};

/// Nothing listens there: the port was free a moment ago.
fn nowhere() -> (String, String) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    (format!("http://{address}"), format!("ws://{address}"))
}

#[test]
fn a_port_in_use_is_one_clear_error() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let home = tempfile::tempdir().expect("a folder");
    let output = std::process::Command::new(crate::binaries::server())
        .env_clear()
        .env("API_GRPC_ADDRESS", &address)
        .args(["--http-address", "127.0.0.1:0", "--metrics-address", "127.0.0.1:0", "--home"])
        .arg(home.path())
        .output()
        .expect("the server runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&address) && said.contains("--grpc-address"), "{said}");
}

#[test]
fn a_settings_file_that_is_not_there_is_named() {
    let (home, files) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
    let (rest, websocket) = nowhere();
    let mut command = command((&rest, &websocket), home.path(), files.path());
    command.args(["--config", "missing.toml"]).stderr(Stdio::piped());
    let output = command.output().expect("the server runs");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("missing.toml cannot be read"));
}

#[test]
fn an_unknown_key_names_the_nearest_and_the_settings_can_be_shown() {
    let files = tempfile::tempdir().expect("a folder");
    let path = files.path().join("server.toml");
    let run = |text: &str| {
        std::fs::write(&path, text).expect("written");
        let mut command = std::process::Command::new(crate::binaries::server());
        command.env_clear().env("BINANCE_INTERVAL", "5m").arg("--config").arg(&path).arg("--print-config");
        let output = command.output().expect("the server runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, said) = run("[grpc]\naddres = \"127.0.0.1:1\"\n");
    assert_eq!(code, Some(2));
    assert!(said.contains("grpc.addres") && said.contains("did you mean grpc.address?"), "{said}");
    let (code, shown, said) = run("[grpc]\naddress = \"127.0.0.1:1\"\n");
    assert_eq!(code, Some(0), "{said}");
    assert!(shown.contains("interval = \"5m\"  # environment BINANCE_INTERVAL"), "{shown}");
    assert!(shown.contains("address = \"127.0.0.1:1\"  # file "), "{shown}");
    assert!(shown.contains("home = \".klinecast\"  # default"), "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exchange_that_is_down_is_tried_again_and_named() {
    let home = tempfile::tempdir().expect("a folder");
    let (rest, websocket) = nowhere();
    let server = Server::start_at((&rest, &websocket), home.path()).await;
    let began = Instant::now();
    let status = loop {
        let status =
            server.statuses().get_status(v1::GetStatusRequest {}).await.expect("a status").into_inner();
        if !status.exchange_problem.is_empty() {
            break status;
        }
        assert!(began.elapsed() < PATIENCE, "no problem is shown");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(status.state(), v1::ServingState::Starting);
    assert_eq!(status.exchange_state(), v1::ExchangeState::Connecting);
    assert!(
        status.exchange_problem.contains(rest.trim_start_matches("http://")),
        "{}",
        status.exchange_problem
    );
    assert!(!status.waiting_for.is_empty());
    let (ended, took, log) = server.terminate().await;
    assert!(ended.success() && took < Duration::from_secs(15), "{ended} after {took:?}: {log}");
}
