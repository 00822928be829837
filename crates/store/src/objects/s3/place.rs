//! Which bucket holds the bundles, and how to reach it.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::StoreError;
use crate::secret::Secret;

/// The bucket when nothing names one.
const BUCKET: &str = "klinecast";
/// Where bundles lie in the bucket when nothing says it.
const PREFIX: &str = "bundles";
/// The region that servers of one's own take.
const REGION: &str = "us-east-1";

/// A bucket of an S3 server, the place in it, and the key to it. Shown without secrets.
///
/// ```
/// use store::{S3Parts, S3Place};
///
/// let parts = S3Parts { endpoint: "minio:9000", access_key: "ada", secret_key: "s3cret", ..S3Parts::default() };
/// let place = S3Place::chosen(parts)?.expect("one was named");
/// assert_eq!(place.to_string(), "s3://klinecast/bundles at http://minio:9000");
/// # Ok::<(), store::StoreError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct S3Place {
    endpoint: Option<Url>,
    region: String,
    bucket: String,
    prefix: String,
    access_key: String,
    secret_key: Secret,
    session_token: Option<Secret>,
    root_certificate: Option<PathBuf>,
}

/// A place by its parts, each as it was given; an empty one was not.
#[derive(Debug, Clone, Copy, Default)]
pub struct S3Parts<'a> {
    /// `s3://bucket/prefix`; goes over `bucket`.
    pub address: &'a str,
    /// The server: `host:port`, or with `http://` or `https://` before it; AWS's own of the region if only an address is given.
    pub endpoint: &'a str,
    /// The key's name.
    pub access_key: &'a str,
    /// The key.
    pub secret_key: &'a str,
    /// What comes with a key that expires.
    pub session_token: &'a str,
    /// The bucket; `klinecast` if empty.
    pub bucket: &'a str,
    /// The region; `us-east-1` if empty.
    pub region: &'a str,
    /// Whether a `host:port` is spoken to by TLS: `true` or `false`, which is what is meant if it is empty.
    pub secure: &'a str,
    /// A file of root certificates in PEM form, beside the system's.
    pub root_certificate: &'a str,
}

impl S3Place {
    /// What was asked for; `None`, the folder in the home, if nothing was.
    ///
    /// # Errors
    /// [`StoreError::S3Place`], which repeats no secret.
    pub fn chosen(parts: S3Parts<'_>) -> Result<Option<Self>, StoreError> {
        let refuse = |problem| Err(StoreError::S3Place { problem });
        if parts.address.is_empty() && parts.endpoint.is_empty() {
            let others = [parts.access_key, parts.secret_key, parts.session_token, parts.bucket];
            return if others.iter().all(|part| part.is_empty()) {
                Ok(None)
            } else {
                refuse("parts of it are given, but no endpoint (MINIO_ENDPOINT)")
            };
        }
        let (bucket, prefix) = if parts.address.is_empty() {
            (if parts.bucket.is_empty() { BUCKET } else { parts.bucket }, PREFIX)
        } else {
            let Some(rest) = parts.address.strip_prefix("s3://") else {
                return refuse("its address does not begin with s3://");
            };
            rest.split_once('/').unwrap_or((rest, PREFIX))
        };
        if !is_bucket(bucket) {
            return refuse("a bucket's name has 3 to 63 of a to z, 0 to 9, - and .");
        }
        let prefix = prefix.trim_matches('/');
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
        if !prefix.bytes().all(plain) || prefix.split('/').any(|part| [".", ".."].contains(&part)) {
            return refuse("the folder in the bucket may have letters, digits, / - _ and . only");
        }
        if parts.access_key.is_empty() || parts.secret_key.is_empty() {
            return refuse("it needs a key (MINIO_ACCESS_KEY and MINIO_SECRET_KEY)");
        }
        let text = |part: &str, default: &str| if part.is_empty() { default } else { part }.to_owned();
        Ok(Some(Self {
            endpoint: endpoint(parts.endpoint, parts.secure)?,
            region: text(parts.region, REGION),
            bucket: bucket.to_owned(),
            prefix: prefix.to_owned(),
            access_key: parts.access_key.to_owned(),
            secret_key: Secret::new(parts.secret_key),
            session_token: Some(parts.session_token).filter(|token| !token.is_empty()).map(Secret::new),
            root_certificate: Some(parts.root_certificate).filter(|path| !path.is_empty()).map(PathBuf::from),
        }))
    }

    pub(super) fn endpoint(&self) -> Option<&Url> {
        self.endpoint.as_ref()
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn bucket(&self) -> &str {
        &self.bucket
    }

    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key's name, the key, and the token that may come with it.
    pub(super) fn key(&self) -> (&str, &Secret, Option<&Secret>) {
        (&self.access_key, &self.secret_key, self.session_token.as_ref())
    }

    pub(super) fn root_certificate(&self) -> Option<&Path> {
        self.root_certificate.as_deref()
    }
}

fn is_bucket(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'.';
    (3..=63).contains(&name.len()) && name.bytes().all(plain)
}

/// The server's address.
fn endpoint(text: &str, secure: &str) -> Result<Option<Url>, StoreError> {
    let refuse = |problem| Err(StoreError::S3Place { problem });
    let secure = match secure {
        "" => None,
        "true" => Some(true),
        "false" => Some(false),
        _ => return refuse("whether it is spoken to by TLS (MINIO_SECURE) is true or false"),
    };
    if text.is_empty() {
        return Ok(None);
    }
    let whole = match text.split_once("://") {
        None => format!("{}://{text}", if secure == Some(true) { "https" } else { "http" }),
        Some((scheme, _)) => {
            if secure.is_some_and(|secure| secure != (scheme == "https")) {
                return refuse("MINIO_SECURE contradicts what MINIO_ENDPOINT begins with");
            }
            text.to_owned()
        }
    };
    let Ok(url) = whole.parse::<Url>() else {
        return refuse("the endpoint (MINIO_ENDPOINT) is neither host:port nor an address of http or https");
    };
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return refuse("the endpoint (MINIO_ENDPOINT) is neither host:port nor an address of http or https");
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.path() != "/" {
        return refuse("the endpoint (MINIO_ENDPOINT) has more in it than a host and a port");
    }
    Ok(Some(url))
}

impl fmt::Display for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "s3://{}", self.bucket)?;
        if !self.prefix.is_empty() {
            write!(f, "/{}", self.prefix)?;
        }
        match &self.endpoint {
            Some(endpoint) => write!(f, " at {}", endpoint.as_str().trim_end_matches('/')),
            None => write!(f, " at AWS in {}", self.region),
        }
    }
}

impl fmt::Debug for S3Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3Place({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(parts: S3Parts<'_>) -> String {
        match S3Place::chosen(parts) {
            Ok(None) => "the home's folder".to_owned(),
            Ok(Some(place)) => format!("{place}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_place_is_chosen_by_its_address_or_its_endpoint() {
        let key = S3Parts { access_key: "ada", secret_key: "hidden", ..S3Parts::default() };
        for (parts, expected) in [
            (S3Parts::default(), "the home's folder"),
            (S3Parts { endpoint: "minio:9000", ..key }, "s3://klinecast/bundles at http://minio:9000"),
            (
                S3Parts { endpoint: "minio:9000", secure: "true", bucket: "models", ..key },
                "s3://models/bundles at https://minio:9000",
            ),
            (
                S3Parts { endpoint: "https://s3.example/", address: "s3://models/a/b/", bucket: "no", ..key },
                "s3://models/a/b at https://s3.example",
            ),
            (
                S3Parts { address: "s3://models/", region: "eu-west-1", ..key },
                "s3://models at AWS in eu-west-1",
            ),
        ] {
            assert_eq!(shown(parts), expected);
        }
    }

    #[test]
    fn what_is_no_place_is_refused_without_repeating_a_secret() {
        let whole = S3Parts {
            endpoint: "minio:9000",
            access_key: "ada",
            secret_key: "hidden",
            session_token: "hidden",
            ..S3Parts::default()
        };
        for (parts, expected) in [
            (S3Parts { endpoint: "", ..whole }, "no endpoint (MINIO_ENDPOINT)"),
            (S3Parts { secret_key: "", ..whole }, "MINIO_SECRET_KEY"),
            (S3Parts { secure: "hidden", ..whole }, "MINIO_SECURE"),
            (S3Parts { endpoint: "http://minio:9000", secure: "true", ..whole }, "contradicts"),
            (S3Parts { endpoint: "ftp://minio", ..whole }, "neither host:port"),
            (S3Parts { endpoint: "http://ada:hidden@minio", ..whole }, "more in it"),
            (S3Parts { address: "hidden", ..whole }, "s3://"),
            (S3Parts { address: "s3://A_hidden", ..whole }, "bucket's name"),
            (S3Parts { address: "s3://models/../hidden", ..whole }, "folder in the bucket"),
        ] {
            let told = shown(parts);
            assert!(told.contains(expected) && !told.contains("hidden"), "{expected}: {told}");
        }
        let place = S3Place::chosen(whole).expect("a place");
        assert!(!format!("{place:?}").contains("hidden"));
    }
}
