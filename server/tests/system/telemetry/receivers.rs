//! A real receiver of traces, and one that takes connections and never answers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::harness::PATIENCE;

/// A process of `rotel`, which receives OTLP and writes what it gets. Dropping it kills it.
pub(super) struct Rotel {
    child: Child,
    pub(super) endpoint: String,
    files: TempDir,
}

impl Rotel {
    /// Starts it on free ports; `None`, with a word why, where it is not installed and `CI` is not set.
    pub(super) async fn start() -> Option<Self> {
        let program = program()?;
        // Between asking for a free port and its use another process may take it: then the receiver ends, and is started anew.
        let began = Instant::now();
        loop {
            assert!(began.elapsed() < PATIENCE, "the receiver does not start");
            let mut rotel = Self::spawn(&program).await;
            let address = rotel.endpoint.trim_start_matches("http://").to_owned();
            while rotel.child.try_wait().expect("a child can be asked").is_none() {
                if TcpStream::connect(&address).await.is_ok() {
                    return Some(rotel);
                }
                assert!(began.elapsed() < PATIENCE, "the receiver does not listen: {}", rotel.output());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    async fn spawn(program: &Path) -> Self {
        let files = tempfile::tempdir().expect("a folder");
        let (grpc, http) = (free_address().await, free_address().await);
        let output = fs::File::create(files.path().join("output")).expect("a file");
        let child = Command::new(program)
            .arg("start")
            .args(["--exporter", "blackhole", "--debug-log", "traces", "--debug-log-verbosity", "detailed"])
            .args(["--otlp-grpc-endpoint", &grpc, "--otlp-http-endpoint", &http])
            .arg("--pid-file")
            .arg(files.path().join("pid"))
            .stderr(output.try_clone().expect("a file"))
            .stdout(output)
            .stdin(Stdio::null())
            .spawn()
            .expect("the receiver starts");
        Self { child, endpoint: format!("http://{grpc}"), files }
    }

    /// All that it has written.
    pub(super) fn output(&self) -> String {
        fs::read_to_string(self.files.path().join("output")).unwrap_or_default()
    }
}

impl Drop for Rotel {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program() -> Option<PathBuf> {
    let folder = std::env::var_os("KLINECAST_ROTEL")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/rotel"), PathBuf::from);
    let program = folder.join("rotel/rotel-agent");
    if program.exists() {
        return Some(program);
    }
    let message =
        format!("rotel is not in {}; run scripts/setup tests, or set KLINECAST_ROTEL", folder.display());
    assert!(std::env::var_os("CI").is_none(), "{message}");
    println!("{message}");
    None
}

async fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    listener.local_addr().expect("an address").to_string()
}

/// Takes connections, reads nothing, answers nothing.
pub(super) async fn hanging() -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let taking = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    (format!("http://{address}"), taking)
}
