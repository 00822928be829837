//! How the connection to a database is protected, as its address says it.

use std::path::PathBuf;

use tokio_postgres::config::SslMode;

/// libpq's `sslmode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TlsMode {
    /// Never TLS.
    Disable,
    /// TLS if the server has it, whoever that is.
    Prefer,
    /// TLS, whoever the server is; with a root, [`TlsMode::VerifyCa`].
    Require,
    /// TLS with a certificate that the roots have signed.
    VerifyCa,
    /// The same, for the host's name.
    VerifyFull,
}

/// Whose signatures are believed: libpq's `sslrootcert`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TlsRoots {
    /// The public authorities.
    Public,
    /// The certificates in a file, in PEM form.
    File(PathBuf),
}

/// What an address says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsSettings {
    pub(crate) mode: TlsMode,
    pub(crate) roots: TlsRoots,
}

impl Default for TlsSettings {
    /// As libpq where nothing is said.
    fn default() -> Self {
        Self { mode: TlsMode::Prefer, roots: TlsRoots::Public }
    }
}

impl TlsMode {
    /// A mode by libpq's name; its `allow` is taken for what it means with a server that has TLS.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "disable" => Self::Disable,
            "allow" | "prefer" => Self::Prefer,
            "require" => Self::Require,
            "verify-ca" => Self::VerifyCa,
            "verify-full" => Self::VerifyFull,
            _ => return None,
        })
    }

    /// What the driver is told.
    pub(crate) const fn driver(self) -> SslMode {
        match self {
            Self::Disable => SslMode::Disable,
            Self::Prefer => SslMode::Prefer,
            Self::Require | Self::VerifyCa | Self::VerifyFull => SslMode::Require,
        }
    }
}

impl TlsRoots {
    /// A value of `sslrootcert`, with `%` before what is special in it; `None` if it can't be read.
    pub(crate) fn named(value: &str) -> Option<Self> {
        let path = decoded(value)?;
        Some(match path.as_str() {
            "" => return None,
            "system" => Self::Public,
            _ => Self::File(PathBuf::from(path)),
        })
    }
}

/// A part of an address without its percent signs.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(others.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = others.get(2..)?;
        } else {
            bytes.push(first);
            rest = others;
        }
    }
    String::from_utf8(bytes).ok()
}
