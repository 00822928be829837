//! Figures pushed to Prometheus's push gateway: `POST /metrics/job/NAME`, in the text format.
//!
//! POST and not PUT: it replaces the metrics that are pushed, and leaves those of the other stages, which may be pushed by other
//! processes on other machines.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use reqwest::{Certificate, Client, StatusCode, Url};

use crate::{Result, TrainerError};

/// How long one push may take: a stage waits for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A gateway by its parts, each as it was given; an empty address names none.
#[derive(Debug, Clone, Default)]
pub struct GatewayParts<'a> {
    /// Its address.
    pub url: &'a str,
    /// The job.
    pub job: &'a str,
    /// The user; empty for none.
    pub username: &'a str,
    /// The password.
    pub password: Option<String>,
    /// A file with it, which goes before.
    pub password_file: Option<&'a Path>,
    /// A file of root certificates in PEM form, beside the system's.
    pub root_certificate: Option<&'a Path>,
}

/// A push gateway. Shown without secrets.
#[derive(Clone)]
pub struct Gateway {
    url: Url,
    credential: Option<(String, String)>,
    roots: Vec<Certificate>,
}

impl Gateway {
    /// What was asked for; `None` if nothing was.
    ///
    /// # Errors
    /// [`TrainerError::PushGateway`], which repeats no secret; [`TrainerError::Io`] for a file that can't be read.
    pub fn chosen(parts: GatewayParts<'_>) -> Result<Option<Self>> {
        let wrong = |problem: &str| TrainerError::PushGateway { problem: problem.to_owned() };
        if parts.url.is_empty() {
            return Ok(None);
        }
        let neither = || wrong("it is no address of http or https");
        let mut url: Url = parts.url.parse().map_err(|_| neither())?;
        if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
            return Err(neither());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(wrong(
                "it has a user or a password in it; name them by MONITORING_PUSH_USERNAME and _PASSWORD",
            ));
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it has more in it than a host, a port and a path"));
        }
        if parts.job.is_empty() {
            return Err(wrong("the job has no name"));
        }
        url.path_segments_mut().map_err(|()| neither())?.pop_if_empty().extend(["metrics", "job", parts.job]);
        let read = |path: &Path| {
            let failed = |source| TrainerError::Io { path: path.to_owned(), act: "read", source };
            std::fs::read(path).map_err(failed)
        };
        let password = match parts.password_file {
            Some(path) => Some(String::from_utf8_lossy(&read(path)?).trim_end().to_owned()),
            None => parts.password,
        };
        let credential = match (parts.username, password) {
            ("", _) => None,
            (user, password) => Some((user.to_owned(), password.unwrap_or_default())),
        };
        let roots = match parts.root_certificate {
            Some(path) => Certificate::from_pem_bundle(&read(path)?)
                .ok()
                .filter(|roots| !roots.is_empty())
                .ok_or_else(|| wrong("the file of root certificates has none in PEM form"))?,
            None => Vec::new(),
        };
        Ok(Some(Self { url, credential, roots }))
    }

    /// Replaces metrics by those of a text.
    ///
    /// # Errors
    /// [`TrainerError::PushGateway`] when it can't be reached in time, or refuses.
    pub fn push(&self, text: String) -> Result<()> {
        let failed = |problem: String| TrainerError::PushGateway { problem: format!("{self}: {problem}") };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map_err(|error| failed(error.to_string()))?.block_on(async {
            let client = self.client().map_err(|error| failed(causes(&error)))?;
            let mut request = client.post(self.url.clone()).body(text);
            if let Some((user, password)) = &self.credential {
                request = request.basic_auth(user, Some(password));
            }
            let answer = request.send().await.map_err(|error| failed(with_remedy(causes(&error))))?;
            match answer.status() {
                status if status.is_success() => Ok(()),
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(failed(
                    "user or password is refused (MONITORING_PUSH_USERNAME and _PASSWORD)".to_owned(),
                )),
                status => {
                    let words: String = answer.text().await.unwrap_or_default().chars().take(200).collect();
                    Err(failed(format!("status {status}: {}", words.trim())))
                }
            }
        })
    }

    fn client(&self) -> reqwest::Result<Client> {
        // An error says that one is installed already, which is what is wanted.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("klinecast/", env!("CARGO_PKG_VERSION")))
            .tls_certs_merge(self.roots.clone());
        let is_here =
            self.url.host_str().is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
        if is_here {
            builder = builder.no_proxy();
        }
        builder.build()
    }
}

/// An error's causes, the innermost last; the error itself only if it has none, for it repeats the address.
fn causes(error: &dyn Error) -> String {
    let (mut parts, mut cause) = (Vec::new(), error.source());
    while let Some(next) = cause {
        parts.push(next.to_string());
        cause = next.source();
    }
    parts.dedup();
    if parts.is_empty() { error.to_string() } else { parts.join(": ") }
}

/// A certificate that is not believed, with the setting that has it believed.
fn with_remedy(problem: String) -> String {
    let certificate = ["certificate", "UnknownIssuer"].iter().any(|word| problem.contains(word));
    let remedy = "; name the file of the root that signed its certificate (MONITORING_PUSH_CA_FILE)";
    if certificate { problem + remedy } else { problem }
}

impl fmt::Display for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.as_str())
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gateway({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_an_address_and_a_job_and_a_secret_in_it_is_not_repeated() {
        let of = |url: &str, job: &str| {
            let parts = GatewayParts { url, job, ..GatewayParts::default() };
            match Gateway::chosen(parts) {
                Ok(found) => found.map_or_else(|| "none".to_owned(), |found| found.to_string()),
                Err(error) => error.to_string(),
            }
        };
        assert_eq!(of("", "x"), "none");
        assert_eq!(of("http://gateway:9091", "a b/c"), "http://gateway:9091/metrics/job/a%20b%2Fc");
        assert_eq!(of("https://host/push/", "train"), "https://host/push/metrics/job/train");
        for (url, job, told) in [
            ("gateway:9091", "x", "no address of http"),
            ("http://ada:hidden@gateway", "x", "MONITORING_PUSH_USERNAME"),
            ("http://gateway/?hidden", "x", "more in it"),
            ("http://gateway", "", "no name"),
        ] {
            let found = of(url, job);
            assert!(found.contains(told) && !found.contains("hidden"), "{found}");
        }
    }
}
