//! The exchange's REST interface.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kline::{Interval, Kline, Milliseconds, Symbol};
use reqwest::{Response, StatusCode};
use tokio::time::Instant;
use url::Url;

use crate::binance::DecodeError;
use crate::binance::rest::{ExchangeInfo, decode_exchange_info, decode_klines, decode_refusal, decode_time};
use crate::settings::parse_address;
use crate::{ExchangeLimits, ExchangeSettings, MarketError, PAGE_ROWS, WeightBudget};

/// No valid answer is longer: `exchangeInfo` over all markets is about 20 MB.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// When a 429 or 418 does not say how long to wait.
const RETRY_AFTER_DEFAULT: Duration = Duration::from_secs(60);

/// Weights of the requests that we make.
mod weight {
    pub(super) const TIME: u32 = 1;
    pub(super) const KLINES: u32 = 2;
    pub(super) const EXCHANGE_INFO: u32 = 20;
}

/// A client of one exchange's REST interface. Clones share connections and the weight budget.
#[derive(Debug, Clone)]
pub struct RestClient {
    http: reqwest::Client,
    base: Url,
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
            base,
            budget: Arc::new(Mutex::new(WeightBudget::new(settings.limits.request_weight_per_minute))),
            limits: settings.limits.clone(),
            told_time: Arc::new(AtomicI64::new(i64::MIN)),
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
        let request = "/api/v3/time";
        let time = read(request, &self.get(request, &[], weight::TIME).await?, decode_time)?;
        self.told_time.fetch_max(time, Ordering::Relaxed);
        Ok(time)
    }

    /// Asks for the exchange's markets; `symbols` empty means all.
    ///
    /// # Errors
    /// [`MarketError`]; an unknown symbol is [`MarketError::Refused`].
    pub async fn exchange_info(&self, symbols: &[Symbol]) -> Result<ExchangeInfo, MarketError> {
        let request = "/api/v3/exchangeInfo";
        let names: Vec<&str> = symbols.iter().map(Symbol::as_str).collect();
        let query = match names.as_slice() {
            [] => Vec::new(),
            [name] => vec![("symbol", (*name).to_owned())],
            names => vec![("symbols", format!("[\"{}\"]", names.join("\",\"")))],
        };
        read(request, &self.get(request, &query, weight::EXCHANGE_INFO).await?, decode_exchange_info)
    }

    /// Fetches the closed klines that open in `from..to_exclusive` (milliseconds), at most the first 1,000 of them.
    /// The forming kline is never among them: only bars that had closed before the request was sent are kept.
    ///
    /// # Errors
    /// [`MarketError`]; an unknown symbol is [`MarketError::Refused`].
    pub async fn klines(
        &self,
        symbol: Symbol,
        interval: Interval,
        from: Milliseconds,
        to_exclusive: Milliseconds,
    ) -> Result<Vec<Kline>, MarketError> {
        let mut told = self.told_time.load(Ordering::Relaxed);
        if told < to_exclusive {
            told = self.server_time().await?;
        }
        let to_exclusive = to_exclusive.min(interval.floor(told));
        if from >= to_exclusive {
            return Ok(Vec::new());
        }
        let query = [
            ("symbol", symbol.to_string()),
            ("interval", interval.to_string()),
            ("startTime", from.to_string()),
            ("endTime", (to_exclusive - 1).to_string()),
            ("limit", PAGE_ROWS.to_string()),
        ];
        let path = "/api/v3/klines";
        let request = format!("{path} of {symbol} {interval}");
        let body = self.get(path, &query, weight::KLINES).await?;
        let mut klines = read(&request, &body, |bytes| decode_klines(bytes, interval, symbol))?;
        klines.retain(|kline| (from..to_exclusive).contains(&kline.open_time) && kline.close_time < told);
        Ok(klines)
    }

    /// Sends one request when the budget allows it and reads the whole answer. Safe to cancel.
    async fn get(
        &self,
        path: &'static str,
        query: &[(&str, String)],
        weight: u32,
    ) -> Result<Vec<u8>, MarketError> {
        loop {
            let wait = self.with_budget(|budget, now| budget.reserve(weight, now));
            let Some(wait) = wait else { break };
            tracing::debug!(path, wait_ms = wait.as_millis(), "request weight is used up");
            tokio::time::sleep(wait).await;
        }
        let mut url = self.base.clone();
        url.set_path(&format!("{}{path}", self.base.path().trim_end_matches('/')));
        let sent = self.http.get(url).query(query).send().await;
        let response = sent.map_err(|error| self.unreachable(&error))?;
        if let Some(used) = header(&response, "x-mbx-used-weight-1m") {
            self.with_budget(|budget, now| budget.observe(used, now));
        }
        let status = response.status();
        if matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::IM_A_TEAPOT) {
            let wait = header(&response, "retry-after").map_or(RETRY_AFTER_DEFAULT, Duration::from_secs);
            self.with_budget(|budget, now| budget.block(wait, now));
            return Err(MarketError::RateLimited { status: status.as_u16(), wait });
        }
        let body = self.body(path, response).await?;
        if status.is_success() { Ok(body) } else { Err(self.refusal(path, status, &body)) }
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

    fn refusal(&self, path: &str, status: StatusCode, body: &[u8]) -> MarketError {
        let (request, number) = (path.to_owned(), status.as_u16());
        match (status, decode_refusal(body)) {
            (StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, _) | (StatusCode::FORBIDDEN, None) => {
                MarketError::Forbidden { address: self.base.to_string(), status: number }
            }
            (status, _) if status.is_server_error() => MarketError::Server { request, status: number },
            (_, Some((code, message))) => MarketError::Refused { request, status: number, code, message },
            (_, None) => {
                let message = String::from_utf8_lossy(body).chars().take(200).collect();
                MarketError::Refused { request, status: number, code: 0, message }
            }
        }
    }

    fn unreachable(&self, error: &reqwest::Error) -> MarketError {
        MarketError::Unreachable { address: self.base.to_string(), problem: causes(error) }
    }

    fn with_budget<T>(&self, act: impl FnOnce(&mut WeightBudget, Instant) -> T) -> T {
        act(&mut self.budget.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }
}

fn read<T>(
    request: &str,
    body: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, DecodeError>,
) -> Result<T, MarketError> {
    decode(body).map_err(|source| MarketError::Malformed { request: request.to_owned(), source })
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
