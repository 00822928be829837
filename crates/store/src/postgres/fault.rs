//! What went wrong, in words that say what to do.

use std::error::Error;
use std::fmt::Write as _;

use rustls::CertificateError;
use tokio_postgres::error::SqlState;

use crate::StoreError;

/// Why a piece of work ended: the database's own reason, or ours.
#[derive(Debug)]
pub(super) enum Fault {
    Driver(tokio_postgres::Error),
    Store(StoreError),
    /// No answer for so long that none is waited for.
    Silence,
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Driver(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Fault {
    /// As the store tells it.
    pub(super) fn told(self, database: &str, action: &'static str) -> StoreError {
        match self {
            Self::Store(error) => error,
            Self::Silence => StoreError::Postgres {
                database: database.to_owned(),
                action,
                problem: "no answer".to_owned(),
                remedy: "check that the database is not stopped or overloaded",
            },
            Self::Driver(error) => StoreError::Postgres {
                database: database.to_owned(),
                action,
                problem: problem(&error),
                remedy: remedy(&error),
            },
        }
    }

    /// Whether the database was not to be reached, was about to stop or start, or chose this transaction as the one to
    /// give way.
    pub(super) fn may_pass(&self) -> bool {
        let Self::Driver(error) = self else { return false };
        match error.code() {
            // A certificate does not become a better one.
            None => tls_problem(error).is_none(),
            Some(code) => {
                code.code().starts_with("57P")
                    || code.code().starts_with("08")
                    || *code == SqlState::TOO_MANY_CONNECTIONS
                    || *code == SqlState::T_R_DEADLOCK_DETECTED
                    || *code == SqlState::T_R_SERIALIZATION_FAILURE
            }
        }
    }
}

/// The database's words, or the connection's.
fn problem(error: &tokio_postgres::Error) -> String {
    if let Some(told) = error.as_db_error() {
        return format!("{} ({})", told.message(), told.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        // Writing to a text can't fail.
        let _ = write!(text, ": {source}");
        cause = source.source();
    }
    text
}

/// What is wrong with TLS, if that is what went wrong.
fn tls_problem(error: &tokio_postgres::Error) -> Option<&'static str> {
    let mut cause = error.source();
    while let Some(source) = cause {
        let inner = source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        let rustls = inner.and_then(|inner| inner.downcast_ref()).or_else(|| source.downcast_ref());
        if let Some(error) = rustls {
            return Some(certificate_remedy(error));
        }
        cause = source.source();
    }
    problem(error)
        .contains("server does not support TLS")
        .then_some("switch TLS on there, or use sslmode=prefer or disable on a private network")
}

const fn certificate_remedy(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "connect by a name that the certificate is for, or use sslmode=verify-ca",
        rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "name the certificate of the authority that signed it by sslrootcert"
        }
        rustls::Error::InvalidCertificate(_) => "give the database a valid certificate",
        _ => "check what listens there and the database's TLS settings",
    }
}

fn remedy(error: &tokio_postgres::Error) -> &'static str {
    if let Some(remedy) = tls_problem(error) {
        return remedy;
    }
    let Some(code) = error.code() else {
        return "check that the database runs there and can be reached, and that the password is given";
    };
    match code.code().get(..2).unwrap_or_default() {
        "28" => "check the user and the password",
        "3D" => "make that database, or name another one",
        "42" if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "let the database's owner grant the user CREATE on the database and all rights on the schema"
        }
        "53" => "give the database more disk, memory or connections",
        "55" | "57" | "40" => "another process holds it up or it is stopping; try again",
        "08" => "check that the database can be reached",
        _ => "the database's log says more",
    }
}
