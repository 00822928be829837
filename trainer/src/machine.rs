//! Where and by which program something was made.

use std::fs::File;
use std::io::{self, Read};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version, with the commit where the program was built from a git repository.
pub const VERSION: &str = match option_env!("KLINECAST_COMMIT") {
    Some(commit) => commit,
    None => env!("CARGO_PKG_VERSION"),
};

/// Which program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// [`VERSION`].
    pub version: String,
    /// The SHA-256 of the program itself: what it leaves for later is taken up by the same program alone.
    pub program: String,
}

impl Code {
    /// Of the program that runs.
    #[must_use]
    pub fn of_this() -> Self {
        static PROGRAM: OnceLock<String> = OnceLock::new();
        let program = PROGRAM.get_or_init(|| digest_of_this().unwrap_or_else(|_| "unknown".to_owned()));
        Self { version: VERSION.to_owned(), program: program.clone() }
    }
}

fn digest_of_this() -> io::Result<String> {
    let mut file = File::open(std::env::current_exe()?)?;
    let mut hasher = Sha256::new();
    let mut part = vec![0; 1 << 20];
    loop {
        match file.read(&mut part)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            length => hasher.update(&part[..length]),
        }
    }
}

/// How many threads the machine runs at once.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// The machine's name.
#[must_use]
pub fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    name.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_else(|| "unknown".to_owned())
}

/// Who runs this program, and where: `name@host`.
#[must_use]
pub fn person() -> String {
    let name = ["USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    format!("{}@{}", name.as_deref().unwrap_or("unknown"), host())
}

/// The SHA-256 of a value's JSON, in hexadecimal digits.
pub(crate) fn digest(value: &impl Serialize) -> io::Result<String> {
    let text = serde_json::to_vec(value).map_err(io::Error::other)?;
    Ok(hex::encode(Sha256::digest(text)))
}
