//! Which database is used, and how to reach it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::StoreError;
use crate::tls::{TlsMode, TlsRoots, TlsSettings};

/// How long one address is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long sent bytes may stay unacknowledged before the connection counts as dead.
const UNACKNOWLEDGED_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may be silent before the other side is asked whether it lives.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(30);
/// The schema of all tables when the address names none.
const SCHEMA: &str = "klinecast";
/// The port when nothing names one.
const PORT: u16 = 5432;
/// Connections that one opened store makes at most.
const CONNECTIONS_MAX: usize = 4;

/// Where a PostgreSQL database is: `postgresql://user:password@host:port/database`. `?schema=name` puts the tables into
/// another schema than `klinecast`; `sslmode` (disable, prefer, require, verify-ca, verify-full; prefer if nothing is said) and
/// `sslrootcert` (a file in PEM form; the public authorities if nothing is said) are libpq's. Shown without its password.
///
/// ```
/// let url: store::DatabaseUrl = "postgresql://ada:s3cret@db.example:5433/market".parse()?;
/// assert_eq!(url.to_string(), "postgresql://ada:***@db.example:5433/market");
/// # Ok::<(), store::StoreError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct DatabaseUrl {
    config: Config,
    schema: String,
    tls: TlsSettings,
}

/// An address by its parts, each as it was given; an empty one was not.
#[derive(Debug, Clone, Copy, Default)]
pub struct DatabaseParts<'a> {
    /// The host's name or address, or the folder of a socket.
    pub host: &'a str,
    /// The port; 5432 if empty.
    pub port: &'a str,
    /// The user.
    pub user: &'a str,
    /// The password; none if empty.
    pub password: &'a str,
    /// The database; `klinecast` if empty.
    pub name: &'a str,
}

impl DatabaseUrl {
    /// What was asked for: a whole address wins over parts; `None`, the database in the home, if both are empty.
    ///
    /// # Errors
    /// [`StoreError::DatabaseUrl`], which repeats nothing of what was given.
    pub fn chosen(url: &str, parts: DatabaseParts<'_>) -> Result<Option<Self>, StoreError> {
        let refuse = |problem| Err(StoreError::DatabaseUrl { problem });
        if !url.is_empty() {
            return url.parse().map(Some);
        }
        let DatabaseParts { host, port, user, password, name } = parts;
        if host.is_empty() {
            return if [port, user, password, name].iter().all(|part| part.is_empty()) {
                Ok(None)
            } else {
                refuse("parts of it are given, but no host (DB_HOST)")
            };
        }
        if user.is_empty() {
            return refuse("a host is given, but no user (DB_USER)");
        }
        let port = if port.is_empty() { Some(PORT) } else { port.parse().ok().filter(|port| *port > 0) };
        let Some(port) = port else { return refuse("the port (DB_PORT) must lie from 1 to 65535") };
        let mut config = Config::new();
        config.host(host).port(port).user(user);
        config.dbname(if name.is_empty() { SCHEMA } else { name });
        if !password.is_empty() {
            config.password(password);
        }
        Self::checked(config, SCHEMA.to_owned(), TlsSettings::default()).map(Some)
    }

    fn checked(mut config: Config, schema: String, tls: TlsSettings) -> Result<Self, StoreError> {
        let refuse = |problem| Err(StoreError::DatabaseUrl { problem });
        config.ssl_mode(tls.mode.driver());
        if config.get_hosts().is_empty() {
            return refuse("it names no host");
        }
        if config.get_user().is_none_or(str::is_empty) {
            return refuse("it names no user");
        }
        let first = schema.bytes().next().unwrap_or(b'0');
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if schema.len() > 63 || first.is_ascii_digit() || !schema.bytes().all(plain) {
            return refuse(
                "a schema's name has at most 63 of a to z, 0 to 9 and _, and begins with a letter",
            );
        }
        if config.get_dbname().is_none() {
            config.dbname(SCHEMA);
        }
        let name = if schema == SCHEMA { SCHEMA.to_owned() } else { format!("{SCHEMA} {schema}") };
        config
            .application_name(name)
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_user_timeout(UNACKNOWLEDGED_TIMEOUT)
            .keepalives_idle(KEEPALIVE_IDLE);
        Ok(Self { config, schema, tls })
    }

    /// How the driver is told.
    pub(crate) const fn config(&self) -> &Config {
        &self.config
    }

    /// How connections are protected.
    pub(crate) const fn tls(&self) -> &TlsSettings {
        &self.tls
    }

    /// The schema of all tables. Needs no quotes.
    pub(crate) fn schema(&self) -> &str {
        &self.schema
    }

    /// Connections that one store makes at most.
    pub(crate) const fn connections_max() -> usize {
        CONNECTIONS_MAX
    }

    /// An address as it may be shown: without its password, and not at all if it is none.
    #[must_use]
    pub fn masked(text: &str) -> String {
        if text.is_empty() {
            return String::new();
        }
        text.parse::<Self>().map_or_else(|_| "***".to_owned(), |url| url.to_string())
    }
}

impl FromStr for DatabaseUrl {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        let refuse = |problem| Err(StoreError::DatabaseUrl { problem });
        if !["postgresql://", "postgres://"].iter().any(|scheme| text.starts_with(scheme)) {
            return refuse("it does not begin with postgresql://");
        }
        // A password may have a question mark in it.
        let host = text.rfind('@').unwrap_or(0);
        let end = text[host..].find('?').map_or(text.len(), |at| host + at);
        let (address, query) = (&text[..end], text[end..].trim_start_matches('?'));
        let mut schema = SCHEMA.to_owned();
        let mut tls = TlsSettings::default();
        let mut others = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("schema", name)) => name.clone_into(&mut schema),
                Some(("sslmode", name)) => match TlsMode::named(name) {
                    Some(mode) => tls.mode = mode,
                    None => {
                        return refuse("sslmode is none of disable, prefer, require, verify-ca, verify-full");
                    }
                },
                Some(("sslrootcert", value)) => match TlsRoots::named(value) {
                    Some(roots) => tls.roots = roots,
                    None => return refuse("sslrootcert can't be read"),
                },
                _ => others.push(pair),
            }
        }
        let rest = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
        // The parser's own words may repeat a part of the password.
        match format!("{address}{rest}").parse() {
            Ok(config) => Self::checked(config, schema, tls),
            Err(_) => refuse("a part of it can't be read"),
        }
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.config;
        write!(f, "postgresql://{}", config.get_user().unwrap_or_default())?;
        if config.get_password().is_some() {
            f.write_str(":***")?;
        }
        f.write_str("@")?;
        for (index, host) in config.get_hosts().iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            let ports = config.get_ports();
            write!(f, ":{}", ports.get(index).or(ports.first()).copied().unwrap_or(PORT))?;
        }
        write!(f, "/{}", config.get_dbname().unwrap_or_default())?;
        if self.schema != SCHEMA {
            write!(f, "?schema={}", self.schema)?;
        }
        Ok(())
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DatabaseUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<DatabaseUrl>().map_or_else(|error| error.to_string(), |url| format!("taken: {url}"))
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        let shown = |text: &str| text.parse::<DatabaseUrl>().map(|url| format!("{url} {url:?}"));
        for (given, expected) in [
            ("postgresql://u:p%40ss@h/d", "postgresql://u:***@h:5432/d"),
            ("postgres://u@h:1/d?schema=x_1", "postgresql://u@h:1/d?schema=x_1"),
            ("postgres://u:pass?schema=y@h:1/d", "postgresql://u:***@h:1/d"),
            ("postgresql://u:pass@[::1]:7", "postgresql://u:***@::1:7/klinecast"),
            ("postgresql://u:pass@h/d?sslmode=prefer", "postgresql://u:***@h:5432/d"),
        ] {
            let shown = shown(given).expect("an address");
            assert!(shown.starts_with(&format!("{expected} ")), "{shown}");
            assert!(!shown.contains("pass") && !shown.contains("p@ss"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        for (given, expected) in [
            ("mysql://u:hidden@h/d", "postgresql://"),
            ("postgresql://u:hidden@h/d?den=1", "can't be read"),
            ("postgresql://u:hidden@h:port/d", "can't be read"),
            ("postgresql://u:hidden@h/d?sslmode=hidden", "verify-full"),
            ("postgresql://u:hidden@h/d?sslrootcert=%2", "sslrootcert"),
            ("postgresql://u:hidden@h/d?sslrootcert=", "sslrootcert"),
            ("postgresql://u:hidden@h/d?schema=Robert'; --", "schema"),
            ("postgresql://:hidden@h/d", "user"),
        ] {
            let told = refusal(given);
            assert!(
                told.contains(expected) && !told.contains("hid") && !told.contains("den"),
                "{expected}: {told}"
            );
            assert!(!DatabaseUrl::masked(given).contains("hid"));
        }
    }

    #[test]
    fn tls_is_what_libpq_makes_of_the_same_words() {
        let tls =
            |query: &str| format!("postgresql://u@h/d{query}").parse::<DatabaseUrl>().map(|url| url.tls);
        let settings = |mode, roots| TlsSettings { mode, roots };
        let file = || TlsRoots::File("/a b/root.pem".into());
        for (query, expected) in [
            ("", settings(TlsMode::Prefer, TlsRoots::Public)),
            ("?sslmode=disable", settings(TlsMode::Disable, TlsRoots::Public)),
            ("?sslmode=require&schema=x", settings(TlsMode::Require, TlsRoots::Public)),
            ("?sslrootcert=/a%20b%2Froot.pem&sslmode=verify-ca", settings(TlsMode::VerifyCa, file())),
            ("?sslmode=verify-full&sslrootcert=system", settings(TlsMode::VerifyFull, TlsRoots::Public)),
        ] {
            assert_eq!(tls(query).ok(), Some(expected), "{query}");
        }
    }

    #[test]
    fn parts_make_an_address_and_a_whole_one_wins() {
        let parts = DatabaseParts { host: "h", user: "u", password: "p@:/", ..DatabaseParts::default() };
        let chosen = |url, parts| {
            DatabaseUrl::chosen(url, parts)
                .map(|url| url.map(|url| url.to_string()))
                .map_err(|error| error.to_string())
        };
        assert_eq!(chosen("", parts), Ok(Some("postgresql://u:***@h:5432/klinecast".to_owned())));
        assert_eq!(chosen("postgresql://a@b:1/c", parts), Ok(Some("postgresql://a@b:1/c".to_owned())));
        assert_eq!(chosen("", DatabaseParts::default()), Ok(None));
        for (parts, part) in [
            (DatabaseParts { host: "", ..parts }, "DB_HOST"),
            (DatabaseParts { user: "", ..parts }, "DB_USER"),
            (DatabaseParts { port: "0", ..parts }, "DB_PORT"),
        ] {
            assert!(chosen("", parts).is_err_and(|told| told.contains(part) && !told.contains("p@")));
        }
    }
}
