//! A real Redis, on a socket in a folder of its own; dropping it ends it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::harness::PATIENCE;

pub(crate) struct Redis {
    child: Child,
    folder: TempDir,
}

impl Redis {
    /// Starts one and waits until it listens. Its program is the one that `KLINECAST_REDIS` names, or the system's.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let child = spawn(folder.path());
        let redis = Self { child, folder };
        redis.listens().await;
        redis
    }

    /// Its address.
    pub(crate) fn url(&self) -> String {
        format!("redis+unix://{}", socket(self.folder.path()).display())
    }

    /// Kills it, as a machine that fails does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        std::fs::remove_file(socket(self.folder.path())).expect("a dead one leaves its socket");
    }

    /// Starts it again at the same address, empty.
    pub(crate) async fn start_again(&mut self) {
        self.child = spawn(self.folder.path());
        self.listens().await;
    }

    async fn listens(&self) {
        let began = Instant::now();
        while tokio::net::UnixStream::connect(socket(self.folder.path())).await.is_err() {
            assert!(began.elapsed() < PATIENCE, "Redis does not listen");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn socket(folder: &Path) -> PathBuf {
    folder.join("redis.socket")
}

fn spawn(folder: &Path) -> Child {
    let program = std::env::var_os("KLINECAST_REDIS").unwrap_or_else(|| "redis-server".into());
    Command::new(&program)
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket"])
        .arg(socket(folder))
        .arg("--dir")
        .arg(folder)
        .stdout(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("{}: {error}; scripts/setup tests installs it", program.display()))
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
