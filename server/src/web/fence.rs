//! The decision about a request's `Origin` and `Host`.

use std::net::SocketAddr;

use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Uri};

use crate::reason::{Reason, Refusal, shorten};

/// The names by which a server on loopback is always known.
const LOOPBACK_HOSTS: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

/// The origin of every page.
const ANY: &str = "*";

/// Which pages may ask, and by which names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WebSettings {
    /// Origins whose pages may ask, `scheme://host[:port]`; `*` is every page's, `null` that of pages without one.
    pub allowed_origins: Vec<String>,
    /// Names and addresses, with or without port, by which a server on loopback may be asked beside those of loopback.
    pub allowed_hosts: Vec<String>,
}

/// An origin or a host cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnOrigin {
    /// No browser sends such an origin.
    #[error("{0:?} is no origin, write https://name or https://name:port without a path, or *, or null")]
    Origin(String),
    /// No browser sends such a host.
    #[error("{0:?} is no host, write a name or an address, with a port or without")]
    Host(String),
}

/// Checks an origin as a setting writes it.
///
/// # Errors
/// Anything that no browser would send: a path, a space, no scheme.
pub fn check_origin(text: &str) -> Result<String, NotAnOrigin> {
    let origin = text.to_ascii_lowercase();
    let is_one = matches!(origin.as_str(), ANY | "null")
        || origin.split_once("://").is_some_and(|(scheme, host)| !scheme.is_empty() && is_host(host));
    if is_one { Ok(origin) } else { Err(NotAnOrigin::Origin(shorten(text))) }
}

/// Checks a host as a setting writes it.
///
/// # Errors
/// Anything that is no name or address with or without a port.
pub fn check_host(text: &str) -> Result<String, NotAnOrigin> {
    if is_host(text) { Ok(text.to_ascii_lowercase()) } else { Err(NotAnOrigin::Host(shorten(text))) }
}

fn is_host(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte))
}

/// What a request that may go on comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Visitor {
    /// No page, or one that this server has served.
    Own,
    /// An allowed page of somebody else, which is told that it is.
    Page(HeaderValue),
}

/// The rules of one face.
#[derive(Debug, Clone)]
pub struct Fence {
    origins: Vec<String>,
    /// `None` where other machines reach the server: what it is called there is not known here.
    hosts: Option<Vec<String>>,
}

impl Fence {
    /// The rules of a face that listens at an address.
    #[must_use]
    pub fn new(settings: &WebSettings, address: SocketAddr) -> Self {
        let hosts =
            LOOPBACK_HOSTS.iter().map(|&host| host.to_owned()).chain(settings.allowed_hosts.iter().cloned());
        Self {
            origins: settings.allowed_origins.clone(),
            hosts: address.ip().is_loopback().then(|| hosts.collect()),
        }
    }

    /// Decides about a request.
    pub(super) fn look(&self, headers: &HeaderMap, uri: &Uri) -> Result<Visitor, Refusal> {
        let host = host(headers, uri);
        self.look_at_host(host)?;
        let mut origins = headers.get_all(ORIGIN).iter();
        let Some(origin) = origins.next() else { return loaded_by_stranger(headers) };
        let text = origin.to_str().ok().filter(|_| origins.next().is_none()).unwrap_or_default();
        if is_same(text, host) {
            return Ok(Visitor::Own);
        }
        let any = HeaderValue::from_static(ANY);
        for allowed in &self.origins {
            match allowed.as_str() {
                ANY => return Ok(Visitor::Page(any)),
                allowed if allowed.eq_ignore_ascii_case(text) => return Ok(Visitor::Page(origin.clone())),
                _ => {}
            }
        }
        let origin = shorten(text);
        let message = format!("pages of {origin:?} may not ask this server");
        Err(Refusal::new(Reason::OriginNotAllowed, message).with("origin", origin))
    }

    fn look_at_host(&self, host: &str) -> Result<(), Refusal> {
        let Some(hosts) = &self.hosts else { return Ok(()) };
        let bare = without_port(host);
        if hosts.iter().any(|known| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(bare)) {
            return Ok(());
        }
        let host = shorten(host);
        let message = format!("this server is not known as {host:?}");
        Err(Refusal::new(Reason::HostNotAllowed, message).with("host", host))
    }
}

/// A request without an origin: of a program, of the address bar, or of an image or a script in somebody's page.
fn loaded_by_stranger(headers: &HeaderMap) -> Result<Visitor, Refusal> {
    let says = |name: &str, value: &str| headers.get(name).is_some_and(|told| told == value);
    if says("sec-fetch-site", "cross-site") && says("sec-fetch-mode", "no-cors") {
        let message = "a page of somebody else may not load this";
        return Err(Refusal::new(Reason::OriginNotAllowed, message).with("sec-fetch-site", "cross-site"));
    }
    Ok(Visitor::Own)
}

/// What the caller calls the server; empty if it says nothing that can be read, or two things.
fn host<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> &'a str {
    if let Some(authority) = uri.authority() {
        return authority.as_str();
    }
    let mut hosts = headers.get_all(HOST).iter();
    let (host, other) = (hosts.next(), hosts.next());
    host.filter(|_| other.is_none()).and_then(|host| host.to_str().ok()).unwrap_or_default()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((bare, port)) if !bare.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) => bare,
        _ => host,
    }
}

/// Whether a page comes from the host that it asks. Its scheme is not compared: in front of us may be what speaks TLS.
fn is_same(origin: &str, host: &str) -> bool {
    let Some((scheme, from)) = origin.split_once("://") else { return false };
    let default = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let short = |host: &str| host.strip_suffix(default).unwrap_or(host).to_ascii_lowercase();
    !host.is_empty() && short(from) == short(host)
}

#[cfg(test)]
#[path = "fence_tests.rs"]
mod tests;
