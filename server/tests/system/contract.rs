//! The OpenAPI document holds: schemathesis asks the running server by it, rightly and wrongly.

use std::path::{Path, PathBuf};

use crate::harness::{PATIENCE, Server, exchange, publish_champion};

/// What is looked at. Not among them: that whatever fits the schemas is taken (`from` after `until` fits), and that what is
/// asked without a key is refused (nobody is asked here; `access.rs` looks at it).
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,negative_data_rejection,unsupported_method,allow_header_conformance,missing_required_header";

fn schemathesis() -> PathBuf {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/schemathesis/bin/python");
    assert!(program.exists(), "{} is missing: run scripts/setup tests", program.display());
    program
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_answers_as_its_document_says() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    publish_champion(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    let folder = tempfile::tempdir().expect("a folder");
    let settings = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system/schemathesis.toml");
    let running = tokio::process::Command::new(schemathesis())
        .args(["-c", "from schemathesis.cli import schemathesis; schemathesis()"])
        .arg("--config-file")
        .arg(settings)
        .args(["run", &format!("{}/openapi.json", server.http), "--url", &server.http])
        .args(["--checks", CHECKS, "--phases", "examples,coverage,fuzzing", "--mode", "all"])
        .args(["--seed", "7", "--max-examples", "15", "--max-time", "90", "--workers", "1"])
        // Longer than any wait that may be asked for.
        .args(["--request-timeout", "100"])
        // They never end.
        .args(["--exclude-path", "/stream", "--exclude-path", "/ws"])
        .args(["--continue-on-failure", "--no-color", "--warnings", "off", "--generation-database", "none"])
        .current_dir(folder.path())
        .env_remove("http_proxy")
        .env("no_proxy", "127.0.0.1")
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(6 * PATIENCE, running).await.expect("in time").expect("Python starts");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("passed"), "{told}\n{errors}\n{}", server.log());
    // It went through, and the server with it.
    assert_eq!(server.get("/health/live").await.0, 200);
}
