//! The REST routes under `/api/v3`.

mod failure;

use std::collections::BTreeMap;

use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use kline::{Interval, Symbol};
use serde_json::{Value, json};

use crate::decimals::Decimals;
use crate::frame::{self, decimal};
use crate::pace::divides;
use crate::shared::{Context, Shared};
use crate::weights::WEIGHT_HEADER;
use failure::Failure;

const DEFAULT_LIMIT: usize = 500;
const MOST_ROWS: usize = 1_000;

type Parameters = Query<BTreeMap<String, String>>;

pub(crate) async fn ping(State(context): State<Context>) -> Response {
    answer(&context.shared, 1, || Ok("{}".to_owned()))
}

pub(crate) async fn time(State(context): State<Context>) -> Response {
    answer(&context.shared, 1, || Ok(json!({ "serverTime": context.shared.clock.now() }).to_string()))
}

pub(crate) async fn exchange_info(State(context): State<Context>, Query(parameters): Parameters) -> Response {
    answer(&context.shared, 20, || info(&context.shared, &parameters))
}

pub(crate) async fn klines(State(context): State<Context>, Query(parameters): Parameters) -> Response {
    answer(&context.shared, 2, || rows(&context.shared, &parameters))
}

pub(crate) async fn unknown() -> Response {
    Failure::UnknownRoute.into_response()
}

/// Charges the request's weight, then answers with JSON and the weight used so far.
fn answer(shared: &Shared, weight: u32, body: impl FnOnce() -> Result<String, Failure>) -> Response {
    let used = shared.weights.charge(weight);
    let mut response = match used {
        Err(retry_after) => {
            Failure::TooManyRequests { retry_after, limit: shared.weights.limit() }.into_response()
        }
        Ok(_) => match body() {
            Ok(body) => {
                (StatusCode::OK, [(CONTENT_TYPE, "application/json;charset=UTF-8")], body).into_response()
            }
            Err(failure) => failure.into_response(),
        },
    };
    let used = used.unwrap_or_else(|_| shared.weights.limit());
    response.headers_mut().insert(WEIGHT_HEADER, HeaderValue::from(used));
    response
}

fn rows(shared: &Shared, parameters: &BTreeMap<String, String>) -> Result<String, Failure> {
    let symbol = symbol(shared, required(parameters, "symbol")?)?;
    let interval: Interval = required(parameters, "interval")?.parse().map_err(|_| Failure::Interval)?;
    if !divides(shared.interval, interval) {
        return Err(Failure::Interval);
    }
    let limit = match number(parameters, "limit")? {
        None => DEFAULT_LIMIT,
        Some(limit) => {
            usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or(Failure::Invalid("limit"))?
        }
    };
    let range = (number(parameters, "startTime")?, number(parameters, "endTime")?);
    let now = shared.clock.now();
    Ok(frame::rows(&shared.tape().candles(symbol, interval, range, limit.min(MOST_ROWS), now)))
}

fn info(shared: &Shared, parameters: &BTreeMap<String, String>) -> Result<String, Failure> {
    let chosen: Option<Vec<Symbol>> = match (parameters.get("symbol"), parameters.get("symbols")) {
        (Some(name), None) => Some(vec![symbol(shared, name)?]),
        (None, Some(list)) => {
            let names: Vec<String> =
                serde_json::from_str(list).map_err(|_| Failure::Characters("symbols"))?;
            Some(names.iter().map(|name| symbol(shared, name)).collect::<Result<_, _>>()?)
        }
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Failure::Combination),
    };
    let tape = shared.tape();
    let listed =
        tape.symbols().filter(|(symbol, _)| chosen.as_ref().is_none_or(|chosen| chosen.contains(symbol)));
    let symbols: Vec<Value> = listed.map(|(symbol, decimals)| market(symbol, decimals)).collect();
    let limits = json!([
        { "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": shared.weights.limit() }
    ]);
    let answer = json!({
        "timezone": "UTC",
        "serverTime": shared.clock.now(),
        "rateLimits": limits,
        "exchangeFilters": [],
        "symbols": symbols,
    });
    Ok(answer.to_string())
}

fn market(symbol: Symbol, decimals: Decimals) -> Value {
    let unit = |decimals: u32| decimal(1.0 / f64::from(10_u32.pow(decimals))).trim_matches('"').to_owned();
    let name = symbol.as_str();
    let quotes = ["USDT", "USDC", "FDUSD", "BUSD", "BTC", "ETH", "BNB"];
    let quote = quotes
        .into_iter()
        .find(|quote| name.len() > quote.len() && name.ends_with(quote))
        .unwrap_or_default();
    let (tick, lot) = (unit(decimals.price), unit(decimals.volume));
    json!({
        "symbol": name,
        "status": "TRADING",
        "baseAsset": name.strip_suffix(quote).unwrap_or(name),
        "baseAssetPrecision": 8,
        "quoteAsset": quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "orderTypes": ["LIMIT", "MARKET"],
        "isSpotTradingAllowed": true,
        "isMarginTradingAllowed": false,
        "filters": [
            { "filterType": "PRICE_FILTER", "minPrice": tick.as_str(), "maxPrice": "1000000.00000000", "tickSize": tick.as_str() },
            { "filterType": "LOT_SIZE", "minQty": lot.as_str(), "maxQty": "92141578.00000000", "stepSize": lot.as_str() },
        ],
        "permissions": ["SPOT"],
    })
}

fn required<'a>(parameters: &'a BTreeMap<String, String>, name: &'static str) -> Result<&'a str, Failure> {
    parameters.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or(Failure::Missing(name))
}

fn number(parameters: &BTreeMap<String, String>, name: &'static str) -> Result<Option<i64>, Failure> {
    parameters.get(name).map(|value| value.parse().map_err(|_| Failure::Characters(name))).transpose()
}

/// Symbols are upper case here, as on the real exchange.
fn symbol(shared: &Shared, name: &str) -> Result<Symbol, Failure> {
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(Failure::Characters("symbol"));
    }
    let symbol = name.parse().map_err(|_| Failure::Characters("symbol"))?;
    if shared.tape().has(symbol) { Ok(symbol) } else { Err(Failure::Symbol) }
}
