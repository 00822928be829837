//! Finds the project's binaries for tests that run several of them.

use std::path::PathBuf;
use std::process::Command;

/// The server's binary.
pub(crate) fn server() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_klinecast-server"))
}

/// A binary of another package, for example `("trainer", "klinecast-trainer")`: the one beside the server's, built first
/// if it is not there.
#[allow(dead_code, reason = "for tests that run the trainer, the exchange or the client as processes")]
pub(crate) fn binary(package: &str, name: &str) -> PathBuf {
    let path = server().with_file_name(name);
    if !path.exists() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo)
            .args(["build", "--package", package, "--bin", name])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .expect("cargo runs");
        assert!(built.success(), "{package} does not build");
    }
    path
}
