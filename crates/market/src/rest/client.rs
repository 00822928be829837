//! What sends requests: one HTTP client, one weight budget.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kline::{Milliseconds, Symbol};
use reqwest::Response;
use tokio::time::Instant;
use url::Url;

use super::{RestCall, RestReply, retry_after};
use crate::binance::rest::ExchangeInfo;
use crate::settings::parse_address;
use crate::{ExchangeLimits, ExchangeSettings, MarketError, WeightBudget};

/// No valid answer is longer: `exchangeInfo` over all markets is about 20 MB.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A client of one exchange's REST interface. Clones share connections and the weight budget.
#[derive(Debug, Clone)]
pub struct RestClient {
    http: reqwest::Client,
    base: Url,
    address: Arc<str>,
    limits: ExchangeLimits,
    budget: Arc<Mutex<WeightBudget>>,
    /// The latest time that the exchange has told; its clock is not behind this.
    told_time: Arc<AtomicI64>,
}

impl RestClient {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`MarketError::Address`] for an address that cannot be used, [`MarketError::Client`] without TLS roots.
    pub fn new(settings: &ExchangeSettings) -> Result<Self, MarketError> {
        let base = parse_address("rest", &settings.rest_url, &["http", "https"])?;
        crate::tls::install_ring();
        let mut builder = reqwest::Client::builder()
            .connect_timeout(settings.limits.connect_timeout)
            .timeout(settings.limits.request_timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("klinecast/", env!("CARGO_PKG_VERSION")));
        if is_loopback(&base) {
            builder = builder.no_proxy();
        }
        Ok(Self {
            http: builder.build().map_err(|error| MarketError::Client(causes(&error)))?,
            address: base.as_str().into(),
            base,
            budget: Arc::new(Mutex::new(WeightBudget::new(settings.limits.request_weight_per_minute))),
            limits: settings.limits.clone(),
            told_time: Arc::new(AtomicI64::new(0)),
        })
    }

    /// The bounds that it keeps.
    #[must_use]
    pub const fn limits(&self) -> &ExchangeLimits {
        &self.limits
    }

    /// Request weight used in the present minute.
    #[must_use]
    pub fn used_weight(&self) -> u32 {
        self.budget.lock().unwrap_or_else(PoisonError::into_inner).used()
    }

    /// Asks for the exchange's clock.
    ///
    /// # Errors
    /// [`MarketError`].
    pub async fn server_time(&self) -> Result<Milliseconds, MarketError> {
        let call = RestCall::time();
        let time = call.read_time(&self.get(&call).await?)?;
        self.hear_time(time);
        Ok(time)
    }

    /// Asks for the exchange's markets; `symbols` empty means all.
    ///
    /// # Errors
    /// [`MarketError`]; an unknown symbol is [`MarketError::Refused`].
    pub async fn exchange_info(&self, symbols: &[Symbol]) -> Result<ExchangeInfo, MarketError> {
        let call = RestCall::exchange_info(symbols);
        call.read_exchange_info(&self.get(&call).await?)
    }

    /// The exchange's latest known time; 0 before it was told.
    pub(crate) fn told_time(&self) -> Milliseconds {
        self.told_time.load(Ordering::Relaxed)
    }

    pub(crate) fn hear_time(&self, time: Milliseconds) {
        self.told_time.fetch_max(time, Ordering::Relaxed);
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Sends one request when the budget allows it and answers the body. Safe to cancel.
    async fn get(&self, call: &RestCall) -> Result<Vec<u8>, MarketError> {
        loop {
            let wait = self.with_budget(|budget, now| budget.reserve(call.weight(), now));
            let Some(wait) = wait else { break };
            tracing::debug!(path = call.path(), wait_ms = wait.as_millis(), "request weight is used up");
            tokio::time::sleep(wait).await;
        }
        let reply = self.send(call).await?;
        self.with_budget(|budget, now| budget.heed(&reply, now));
        call.judge(reply, &self.address)
    }

    /// Sends one request, whatever the budget, and reads the whole answer, whatever its status. Safe to cancel.
    pub(crate) async fn send(&self, call: &RestCall) -> Result<RestReply, MarketError> {
        let mut url = self.base.clone();
        url.set_path(&format!("{}{}", self.base.path().trim_end_matches('/'), call.path()));
        let sent = self.http.get(url).query(call.query()).send().await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        Ok(RestReply {
            status: response.status().as_u16(),
            used_weight: header(&response, "x-mbx-used-weight-1m"),
            retry_after: header::<String>(&response, "retry-after").and_then(|text| retry_after(&text)),
            body: self.body(call.path(), response).await?,
        })
    }

    async fn body(&self, path: &str, mut response: Response) -> Result<Vec<u8>, MarketError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if body.len() + chunk.len() > ANSWER_BYTES_MAX {
                return Err(MarketError::TooLong { request: path.to_owned(), limit: ANSWER_BYTES_MAX });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    fn unreachable(&self, error: &reqwest::Error) -> MarketError {
        MarketError::Unreachable { address: self.address.to_string(), problem: causes(error) }
    }

    pub(crate) fn with_budget<T>(&self, act: impl FnOnce(&mut WeightBudget, Instant) -> T) -> T {
        act(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }
}

fn header<T: std::str::FromStr>(response: &Response, name: &str) -> Option<T> {
    response.headers().get(name)?.to_str().ok()?.trim().parse().ok()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// An error with all its causes, without the query (which may be long).
fn causes(error: &reqwest::Error) -> String {
    let mut parts = vec![if error.is_timeout() { "no answer in time" } else { "no connection" }.to_owned()];
    let mut cause = std::error::Error::source(error);
    while let Some(next) = cause {
        parts.push(next.to_string());
        cause = next.source();
    }
    parts.dedup();
    parts.join(": ")
}
