//! How connections are taken in, and what is said of who may do what.

use std::path::PathBuf;

use super::Reader;
use crate::access::tokens::TokenSettings;
use crate::access::{AccessSettings, Anonymous, Limits, RedisUrl};
use crate::listen::{ClientCertificateWish, ConnectionLimits, TlsFiles};

/// How connections are taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenSettings {
    /// How many, and how patiently.
    pub limits: ConnectionLimits,
    /// The files of TLS; without them, connections are plain.
    pub tls: Option<TlsFiles>,
}

pub(super) fn listen(reader: &mut Reader<'_>) -> ListenSettings {
    let limits = ConnectionLimits {
        open_max: reader.count("server.connections_max", 1, 1_000_000),
        handshakes_max: reader.count("server.handshakes_max", 1, 100_000),
        handshake_timeout: reader.seconds("server.handshake_timeout_seconds", 0.1),
        header_timeout: reader.seconds("server.header_timeout_seconds", 0.1),
    };
    let [certificate, key, client_ca] =
        ["tls.certificate", "tls.key", "tls.client_ca"].map(|path| file(reader, path));
    let wish = reader.parse("tls.client_certificate").unwrap_or(ClientCertificateWish::Optional);
    let tls = match (certificate, key) {
        (Some(certificate), Some(key)) => {
            Some(TlsFiles { certificate, key, client_ca, client_certificate: wish })
        }
        (None, None) => {
            if client_ca.is_some() {
                reader.refuse("tls.client_ca", &"give tls.certificate and tls.key too");
            }
            None
        }
        (Some(_), None) => {
            reader.refuse("tls.key", &"give the key of tls.certificate");
            None
        }
        (None, Some(_)) => {
            reader.refuse("tls.certificate", &"give the certificate of tls.key");
            None
        }
    };
    if wish == ClientCertificateWish::Required && tls.as_ref().is_none_or(|tls| tls.client_ca.is_none()) {
        reader.refuse(
            "tls.client_certificate",
            &"say with tls.client_ca who signs the certificates of clients",
        );
    }
    ListenSettings { limits, tls }
}

pub(super) fn access(reader: &mut Reader<'_>) -> AccessSettings {
    AccessSettings {
        keys_file: file(reader, "access.keys_file"),
        tokens: tokens(reader),
        open: reader.parse("access.open").unwrap_or(false),
        anonymous: reader.parse("access.anonymous").unwrap_or(Anonymous::Nothing),
        reload_every: reader.seconds("access.reload_seconds", 0.05),
        limits: Limits {
            per_second: reader.amount("limits.requests_per_second"),
            burst: reader.amount("limits.burst"),
            per_day: reader.bounded("limits.requests_per_day", 0, 1_000_000_000_000).unsigned_abs(),
        },
        clients_max: reader.count("limits.clients_max", 100, 10_000_000),
        redis: redis(reader),
    }
}

fn file(reader: &Reader<'_>, path: &str) -> Option<PathBuf> {
    Some(reader.text(path)).filter(|text| !text.is_empty()).map(Into::into)
}

fn tokens(reader: &mut Reader<'_>) -> Option<TokenSettings> {
    let (secret_file, jwks_file) = (file(reader, "jwt.secret_file"), file(reader, "jwt.jwks_file"));
    let leeway_seconds = reader.bounded("jwt.leeway_seconds", 0, 600).unsigned_abs();
    if secret_file.is_none() && jwks_file.is_none() {
        return None;
    }
    let needed = ["jwt.issuer", "jwt.audience", "jwt.roles_claim"];
    for path in needed {
        if reader.text(path).is_empty() {
            reader.refuse(
                path,
                &"say it: a token that somebody else issued, or for somebody else, must not pass",
            );
        }
    }
    let [issuer, audience, roles_claim] = needed.map(|path| reader.text(path));
    Some(TokenSettings { secret_file, jwks_file, issuer, audience, leeway_seconds, roles_claim })
}

fn redis(reader: &mut Reader<'_>) -> Option<RedisUrl> {
    let url = reader.text("redis.url");
    if !url.is_empty() {
        if !["redis://", "rediss://", "unix://", "redis+unix://"].iter().any(|scheme| url.starts_with(scheme))
        {
            reader.refuse("redis.url", &"write it like redis://user:password@host:6379/0");
        }
        return Some(RedisUrl::new(url));
    }
    let [host, port, password, database] =
        ["redis.host", "redis.port", "redis.password", "redis.database"].map(|path| reader.text(path));
    if host.is_empty() {
        return None;
    }
    let credentials = if password.is_empty() { String::new() } else { format!(":{}@", encoded(&password)) };
    Some(RedisUrl::new(format!("redis://{credentials}{host}:{port}/{database}")))
}

/// A password as it stands in an address.
fn encoded(text: &str) -> String {
    let mut written = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            written.push(char::from(byte));
        } else {
            written.push_str(&format!("%{byte:02X}"));
        }
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;
    use crate::settings::{Settings, SettingsError, Sources, resolve};

    fn settings(flags: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let mut sources = Sources::default();
        for (path, text) in flags {
            sources.flags.insert((*path).to_owned(), (*text).to_owned());
        }
        Settings::from_resolved(&resolve(&sources)?)
    }

    fn problem(flags: &[(&str, &str)]) -> String {
        settings(flags).map_or_else(|error| error.to_string(), |_| String::new())
    }

    #[test]
    fn nothing_is_asked_and_nothing_limited_by_default() -> Result<(), SettingsError> {
        let settings = settings(&[])?;
        assert!(settings.access.limits.are_none() && settings.access.redis.is_none());
        assert_eq!(settings.access.anonymous.role(false), Some(Role::Admin));
        assert_eq!(settings.access.anonymous.role(true), None);
        assert!(settings.listen.tls.is_none() && settings.listen.limits.open_max >= 10_000);
        Ok(())
    }

    #[test]
    fn half_of_a_thing_is_refused_with_the_other_half_named() {
        for (flags, part) in [
            (&[("tls.certificate", "a.pem")][..], "tls.key"),
            (&[("tls.key", "a.pem")], "tls.certificate"),
            (&[("tls.client_ca", "a.pem")], "tls.certificate and tls.key"),
            (&[("tls.client_certificate", "required")], "tls.client_ca"),
            (&[("tls.client_certificate", "maybe")], "optional or required"),
            (&[("jwt.secret_file", "a"), ("jwt.issuer", "i")], "jwt.audience"),
            (&[("jwt.jwks_file", "a"), ("jwt.audience", "i")], "jwt.issuer"),
            (&[("access.anonymous", "root")], "auto, none, reader"),
            (&[("limits.requests_per_second", "-1")], "limits.requests_per_second"),
            (&[("limits.requests_per_second", "nan")], "limits.requests_per_second"),
            (&[("redis.url", "http://x")], "redis://user"),
        ] {
            let told = problem(flags);
            assert!(told.contains(part), "{flags:?}: {told}");
        }
    }

    #[test]
    fn redis_is_named_by_its_address_or_its_parts_and_its_password_is_not_shown() -> Result<(), SettingsError>
    {
        let by_parts = settings(&[("redis.host", "cache"), ("redis.password", "s3 cret")])?.access.redis;
        assert_eq!(by_parts.as_ref().map(RedisUrl::address), Some("redis://:s3%20cret@cache:6379/0"));
        let by_url = settings(&[("redis.url", "redis://ada:s3cret@cache:1/2")])?.access;
        assert!(!format!("{by_parts:?}{by_url:?}").contains("s3"), "{by_parts:?}{by_url:?}");
        assert!(!problem(&[("redis.url", "http://ada:s3cret@x")]).contains("s3cret"));
        Ok(())
    }
}
