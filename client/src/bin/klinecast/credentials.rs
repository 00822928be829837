//! What the command shows the server, and which servers it believes.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::Args;
use klinecast::{Credentials, Secret};

/// Keys and certificates.
#[derive(Debug, Args)]
pub(crate) struct CredentialArguments {
    /// An API key or a signed token; better by the environment or a file, arguments are seen by others.
    #[arg(long, global = true, env = "KLINECAST_API_KEY", hide_env_values = true, value_name = "KEY")]
    api_key: Option<Secret>,
    /// A file with the API key or token.
    #[arg(long, global = true, env = "KLINECAST_API_KEY_FILE", value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// PEM file of who signs the server's certificate, for a server at https://.
    #[arg(long, global = true, env = "KLINECAST_CA", value_name = "FILE")]
    ca: Option<PathBuf>,
    /// PEM file of a client certificate to show.
    #[arg(long, global = true, env = "KLINECAST_CERTIFICATE", requires = "key", value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// PEM file of the client certificate's key.
    #[arg(long, global = true, env = "KLINECAST_KEY", requires = "certificate", value_name = "FILE")]
    key: Option<PathBuf>,
}

impl CredentialArguments {
    /// Reads the files. A key goes over a file with one.
    pub(crate) fn read(&self) -> Result<Credentials> {
        let key = match (&self.api_key, &self.api_key_file) {
            (Some(key), _) => Some(key.clone()),
            (None, Some(path)) => Some(Secret::new(&text("--api-key-file", path)?)),
            (None, None) => None,
        };
        let authority = self.ca.as_deref().map(|path| text("--ca", path)).transpose()?;
        let certificate = match (&self.certificate, &self.key) {
            (Some(certificate), Some(key)) => {
                let certificate = text("--certificate", certificate)?.into_bytes();
                Some((certificate, Secret::new(&text("--key", key)?)))
            }
            _ => None,
        };
        Ok(Credentials { key, authority: authority.map(String::into_bytes), certificate })
    }
}

fn text(flag: &str, path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{flag} {} cannot be read", path.display()))
}
