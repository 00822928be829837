//! Requests to MLflow's REST interface.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode};
use serde::Deserialize;
use serde_json::Value;

use super::fault::MlflowFault;
use super::place::{Credential, MlflowPlace};
use crate::StoreError;
use crate::web::{self, Driver};

/// How long one request may take, and one with a file, which may be large.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
const FILE_TIMEOUT: Duration = Duration::from_secs(120);
/// How long one answer to our caller may take, with its retries.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(200);
/// How often a request is made that does not reach the server, and the first wait between; each one is twice as long.
const TRIES_MAX: u32 = 4;
const WAIT_FIRST: Duration = Duration::from_millis(150);

/// An MLflow server. Nothing is sent before it is asked for something.
#[derive(Clone)]
pub struct Mlflow(Arc<Inner>);

struct Inner {
    place: MlflowPlace,
    http: OnceLock<Client>,
    driver: Driver,
}

/// What the server does not do, with its code for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: String,
    pub(super) message: String,
}

/// A request.
#[derive(Clone)]
struct Request {
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    body: Body,
}

#[derive(Clone)]
enum Body {
    Nothing,
    Json(Value),
    Bytes(bytes::Bytes),
}

/// Why there is no answer.
struct Fault(MlflowFault, String);

impl Refusal {
    pub(super) fn is_missing(&self) -> bool {
        self.code == "RESOURCE_DOES_NOT_EXIST"
    }

    pub(super) fn is_there_already(&self) -> bool {
        self.code == "RESOURCE_ALREADY_EXISTS"
    }
}

impl Mlflow {
    /// The server of a place.
    #[must_use]
    pub fn new(place: MlflowPlace) -> Self {
        Self(Arc::new(Inner { place, http: OnceLock::new(), driver: Driver::new("mlflow") }))
    }

    /// Which one it is.
    #[must_use]
    pub fn place(&self) -> &MlflowPlace {
        &self.0.place
    }

    /// An error of this server.
    pub(super) fn failed(&self, action: &'static str, fault: MlflowFault, problem: String) -> StoreError {
        StoreError::Mlflow { server: self.0.place.to_string(), action, fault, problem }
    }

    /// A refusal that is an error.
    pub(super) fn refused(&self, action: &'static str, refusal: Refusal) -> StoreError {
        let Refusal { code, message } = refusal;
        // Some messages have a whole statement of SQL in them.
        let first = message.lines().next().unwrap_or_default();
        let words: String = first.chars().take(300).collect();
        self.failed(action, MlflowFault::Failed, format!("{words} ({code})"))
    }

    pub(super) fn get(
        &self,
        action: &'static str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Result<Value, Refusal>, StoreError> {
        let query = query.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let path = format!("api/2.0/mlflow/{path}");
        self.ask(action, Request { method: Method::GET, path, query, body: Body::Nothing })
    }

    pub(super) fn post(
        &self,
        action: &'static str,
        path: &str,
        body: Value,
    ) -> Result<Result<Value, Refusal>, StoreError> {
        self.send(Method::POST, action, path, body)
    }

    pub(super) fn delete(
        &self,
        action: &'static str,
        path: &str,
        body: Value,
    ) -> Result<Result<Value, Refusal>, StoreError> {
        self.send(Method::DELETE, action, path, body)
    }

    fn send(
        &self,
        method: Method,
        action: &'static str,
        path: &str,
        body: Value,
    ) -> Result<Result<Value, Refusal>, StoreError> {
        let path = format!("api/2.0/mlflow/{path}");
        self.ask(action, Request { method, path, query: Vec::new(), body: Body::Json(body) })
    }

    /// Puts a file where the server passes artifacts on.
    pub(super) fn put_file(&self, action: &'static str, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let body = Body::Bytes(bytes::Bytes::copy_from_slice(bytes));
        let path = format!("api/2.0/mlflow-artifacts/artifacts/{path}");
        let answer = self.ask(action, Request { method: Method::PUT, path, query: Vec::new(), body })?;
        answer.map(drop).map_err(|refusal| self.refused(action, refusal))
    }

    /// Blocks until the server has answered.
    fn ask(&self, action: &'static str, request: Request) -> Result<Result<Value, Refusal>, StoreError> {
        let inner = self.0.clone();
        let http = match inner.http.get() {
            Some(http) => http.clone(),
            None => {
                let place = &inner.place;
                let made = web::client(place.uri(), place.root_certificate(), REQUEST_TIMEOUT)?;
                inner.http.get_or_init(|| made).clone()
            }
        };
        let place = inner.place.clone();
        let answer =
            self.0.driver.run(ANSWER_TIMEOUT, async move { tried(&http, &place, &request).await })?;
        match answer {
            Some(Ok(answer)) => Ok(answer),
            Some(Err(Fault(fault, problem))) => Err(self.failed(action, fault, problem)),
            None => Err(self.failed(action, MlflowFault::Unreachable, "no answer in time".to_owned())),
        }
    }
}

/// Makes a request; again, a few times, if it certainly did not reach the server.
async fn tried(
    http: &Client,
    place: &MlflowPlace,
    request: &Request,
) -> Result<Result<Value, Refusal>, Fault> {
    let mut pause = WAIT_FIRST;
    let mut tries = 1;
    loop {
        match made(http, place, request).send().await {
            Ok(response) => return read(response).await,
            Err(error) if error.is_connect() && tries < TRIES_MAX && !is_certificate(&error) => {
                tokio::time::sleep(pause).await;
                (pause, tries) = (pause * 2, tries + 1);
            }
            Err(error) => {
                let fault =
                    if is_certificate(&error) { MlflowFault::Certificate } else { MlflowFault::Unreachable };
                return Err(Fault(fault, web::causes(&error)));
            }
        }
    }
}

fn is_certificate(error: &reqwest::Error) -> bool {
    let problem = web::causes(error);
    ["certificate", "UnknownIssuer"].iter().any(|word| problem.contains(word))
}

fn made(http: &Client, place: &MlflowPlace, request: &Request) -> reqwest::RequestBuilder {
    let address = format!("{}/{}", place.uri().as_str().trim_end_matches('/'), request.path);
    let mut building = http.request(request.method.clone(), address).query(&request.query);
    building = match place.credential() {
        Credential::Nothing => building,
        Credential::Password(user, password) => building.basic_auth(user, Some(password.reveal())),
        Credential::Token(token) => building.bearer_auth(token.reveal()),
    };
    match &request.body {
        Body::Nothing => building,
        Body::Json(value) => building.json(value),
        Body::Bytes(bytes) => building.body(bytes.clone()).timeout(FILE_TIMEOUT),
    }
}

async fn read(response: Response) -> Result<Result<Value, Refusal>, Fault> {
    #[derive(Deserialize)]
    struct Told {
        error_code: String,
        #[serde(default)]
        message: String,
    }
    let status = response.status();
    let text = response.text().await.map_err(|error| Fault(MlflowFault::Unreachable, web::causes(&error)))?;
    if status.is_success() {
        let parsed = if text.trim().is_empty() { Ok(Value::Null) } else { serde_json::from_str(&text) };
        return parsed
            .map(Ok)
            .map_err(|_| Fault(MlflowFault::NotMlflow, "it answers something else than JSON".to_owned()));
    }
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        return Err(Fault(MlflowFault::Refused, format!("status {status}")));
    }
    match serde_json::from_str::<Told>(&text) {
        Ok(told) => Ok(Err(Refusal { code: told.error_code, message: told.message })),
        Err(_)
            if matches!(
                status,
                StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT
            ) =>
        {
            Err(Fault(MlflowFault::Unreachable, format!("status {status}")))
        }
        Err(_) if status.is_server_error() => Err(Fault(MlflowFault::Failed, format!("status {status}"))),
        Err(_) => Err(Fault(MlflowFault::NotMlflow, format!("status {status} without MLflow's words"))),
    }
}

impl fmt::Debug for Mlflow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mlflow({})", self.0.place)
    }
}
