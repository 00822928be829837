//! The access file: API keys by their digest, and which client certificate is whom.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::{Identity, Limits, Proof, Role};
use crate::listen::ClientCertificate;
use crate::reason::shorten;

/// How a key of ours begins, so that a person or a scanner of secrets knows it.
pub const KEY_PREFIX: &str = "klk_";

/// Random bytes of a key.
const KEY_BYTES: usize = 32;

/// Lines that the file may have of each kind.
const ENTRIES_MAX: usize = 100_000;

/// Why an access file cannot be used. Names no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// It is no TOML of the expected shape.
    #[error("it is not an access file: {0}; klinecast-server keys new prints what belongs there")]
    Shape(String),
    /// A line is wrong.
    #[error("{kind} {name:?}: {problem}")]
    Entry {
        /// A key or a certificate.
        kind: &'static str,
        /// Its name.
        name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The file says too much.
    #[error("it has more than {ENTRIES_MAX} keys or certificates; divide them, or use signed tokens")]
    TooMany,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    key: Vec<KeyLine>,
    #[serde(default)]
    certificate: Vec<CertificateLine>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyLine {
    name: String,
    sha256: String,
    roles: Vec<String>,
    expires: Option<toml::value::Datetime>,
    #[serde(default)]
    requests_per_second: f64,
    #[serde(default)]
    burst: f64,
    #[serde(default)]
    requests_per_day: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CertificateLine {
    name: String,
    subject: Option<String>,
    san: Option<String>,
    roles: Vec<String>,
}

#[derive(Debug)]
struct KnownKey {
    digest: [u8; 32],
    expires_ms: Option<i64>,
    identity: Arc<Identity>,
}

/// Who is known by key or certificate.
#[derive(Debug, Default)]
pub struct People {
    /// By the first eight bytes of the digest.
    keys: HashMap<u64, KnownKey>,
    subjects: HashMap<String, Arc<Identity>>,
    names: HashMap<String, Arc<Identity>>,
}

/// What was found about a key.
#[derive(Debug, Clone, PartialEq)]
pub enum FoundKey {
    /// It is known and valid.
    Valid(Arc<Identity>),
    /// It was valid once.
    Expired,
    /// It is not known.
    Unknown,
}

impl People {
    /// Reads an access file's text.
    ///
    /// # Errors
    /// A text of another shape, a line that cannot be used, a key or certificate that stands twice.
    pub fn read(text: &str) -> Result<Self, PeopleError> {
        // The reader's whole message shows the line, which may hold a key that somebody pasted.
        let file: File =
            toml::from_str(text).map_err(|error| PeopleError::Shape(error.message().to_owned()))?;
        if file.key.len().max(file.certificate.len()) > ENTRIES_MAX {
            return Err(PeopleError::TooMany);
        }
        let mut people = Self::default();
        for line in file.key {
            people.add_key(&line)?;
        }
        for line in file.certificate {
            people.add_certificate(&line)?;
        }
        Ok(people)
    }

    fn add_key(&mut self, line: &KeyLine) -> Result<(), PeopleError> {
        let wrong = |problem: String| PeopleError::Entry { kind: "key", name: shorten(&line.name), problem };
        let mut digest = [0; 32];
        hex::decode_to_slice(&line.sha256, &mut digest).map_err(|_| {
            wrong("sha256 is not 64 hexadecimal digits; klinecast-server keys new prints them".to_owned())
        })?;
        let expires_ms = line.expires.map(|at| milliseconds(&at)).transpose().map_err(wrong)?;
        let numbers = [line.requests_per_second, line.burst];
        if numbers.iter().any(|number| !number.is_finite() || *number < 0.0) {
            return Err(wrong("requests_per_second and burst must be 0 or more".to_owned()));
        }
        let limits = Limits {
            per_second: line.requests_per_second,
            burst: line.burst,
            per_day: line.requests_per_day,
        };
        let own = (!limits.are_none()).then_some(limits);
        let role = roles(&line.roles).map_err(wrong)?;
        named(&line.name).map_err(wrong)?;
        let identity = Arc::new(Identity::new(Proof::Key, "", &line.name, Some(role), own));
        let known = KnownKey { digest, expires_ms, identity };
        match self.keys.insert(place(&digest), known) {
            None => Ok(()),
            Some(_) => Err(wrong("the same sha256 stands twice; make a key for each".to_owned())),
        }
    }

    fn add_certificate(&mut self, line: &CertificateLine) -> Result<(), PeopleError> {
        let wrong =
            |problem: String| PeopleError::Entry { kind: "certificate", name: shorten(&line.name), problem };
        named(&line.name).map_err(wrong)?;
        let role = roles(&line.roles).map_err(wrong)?;
        let identity = Arc::new(Identity::new(Proof::Certificate, "", &line.name, Some(role), None));
        let (map, key) = match (&line.subject, &line.san) {
            (Some(subject), None) => (&mut self.subjects, subject),
            (None, Some(san)) => (&mut self.names, san),
            _ => return Err(wrong("give either its subject or one of its san".to_owned())),
        };
        match map.insert(key.clone(), identity) {
            None => Ok(()),
            Some(_) => Err(wrong("the same subject or san stands twice".to_owned())),
        }
    }

    /// Looks up a key. One SHA-256 is right for keys of 256 random bits: there is nothing to guess that a slow hash would make
    /// dearer. The digest is compared in constant time; where it is looked for depends on the digest alone, which tells nothing
    /// about a key.
    #[must_use]
    pub fn find_key(&self, key: &[u8], now_ms: i64) -> FoundKey {
        let digest: [u8; 32] = Sha256::digest(key).into();
        match self.keys.get(&place(&digest)) {
            Some(known) if bool::from(known.digest.ct_eq(&digest)) => {
                if known.expires_ms.is_some_and(|expires| expires <= now_ms) {
                    FoundKey::Expired
                } else {
                    FoundKey::Valid(known.identity.clone())
                }
            }
            _ => FoundKey::Unknown,
        }
    }

    /// Who a verified certificate belongs to: by its whole subject, else by one of its names.
    #[must_use]
    pub fn find_certificate(&self, certificate: &ClientCertificate) -> Option<&Arc<Identity>> {
        let by_name = || certificate.names.iter().find_map(|name| self.names.get(name));
        self.subjects.get(&certificate.subject).or_else(by_name)
    }

    /// How many keys and certificates are known.
    #[must_use]
    pub fn count(&self) -> usize {
        self.keys.len() + self.subjects.len() + self.names.len()
    }
}

fn place(digest: &[u8; 32]) -> u64 {
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(first)
}

fn named(name: &str) -> Result<(), String> {
    let fits = !name.is_empty() && name.len() <= 64 && !name.chars().any(char::is_control);
    if fits { Ok(()) } else { Err("a name has 1 to 64 bytes and no control characters".to_owned()) }
}

fn roles(names: &[String]) -> Result<Role, String> {
    let mut strongest = None;
    for name in names {
        let role = name.parse::<Role>().map_err(|error| error.to_string())?;
        strongest = strongest.max(Some(role));
    }
    strongest.ok_or_else(|| "it has no roles; use reader, operator or admin".to_owned())
}

fn milliseconds(at: &toml::value::Datetime) -> Result<i64, String> {
    let text = at.to_string();
    let moment: Result<jiff::Timestamp, _> = text.parse();
    moment
        .map(jiff::Timestamp::as_millisecond)
        .map_err(|_| format!("expires = {text} is not a moment; write it like 2027-01-31T00:00:00Z"))
}

/// A new key, and the lines for the access file.
#[derive(Debug)]
pub struct NewKey {
    /// The key itself; shown once.
    pub key: String,
    /// The lines, with the key's digest.
    pub lines: String,
}

/// Makes a key of 256 random bits.
///
/// # Errors
/// A name that is none.
pub fn new_key(name: &str, role: Role, expires: Option<&str>) -> Result<NewKey, PeopleError> {
    let wrong = |problem| PeopleError::Entry { kind: "key", name: shorten(name), problem };
    named(name).map_err(wrong)?;
    let random: [u8; KEY_BYTES] = rand::random();
    let key = format!("{KEY_PREFIX}{}", hex::encode(random));
    let mut lines = String::from("[[key]]\n");
    let _ = writeln!(lines, "name = {}", toml::Value::String(name.to_owned()));
    let _ = writeln!(lines, "sha256 = \"{}\"", hex::encode(Sha256::digest(&key)));
    let _ = writeln!(lines, "roles = [\"{role}\"]");
    if let Some(expires) = expires {
        let at: toml::value::Datetime = expires.parse().map_err(|_| {
            wrong("the expiry is not a moment; write it like 2027-01-31T00:00:00Z".to_owned())
        })?;
        milliseconds(&at).map_err(wrong)?;
        let _ = writeln!(lines, "expires = {at}");
    }
    Ok(NewKey { key, lines })
}

#[cfg(test)]
#[path = "people_tests.rs"]
mod tests;
