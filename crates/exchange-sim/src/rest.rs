//! The REST routes under `/api/v3`: a pure function from path, query and time to an answer.

mod failure;
mod trades;

use std::collections::BTreeMap;

use kline::{Interval, Milliseconds, Symbol};
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::decimals::{Decimals, decimal};
use crate::frame;
use crate::listing::Status;
use crate::stream::divides;
use crate::view::View;
use crate::weights::{WEIGHT_HEADER, Weights};
use crate::{Answer, archive};
use failure::Failure;

const DEFAULT_LIMIT: usize = 500;
const MOST_ROWS: usize = 1_000;

type Parameters = BTreeMap<String, String>;

/// Answers a request, or refuses it when the weight of the client's minute (`client_time`) is used up.
pub(crate) fn answer(
    view: &View<'_>,
    weights: &mut Weights,
    client_time: Milliseconds,
    path_and_query: &str,
) -> Answer {
    let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
    if let Some(path) = path.strip_prefix("/data/spot/") {
        return archive::answer(view, path);
    }
    let weight = match path {
        "/api/v3/ping" | "/api/v3/time" => 1,
        "/api/v3/exchangeInfo" => 20,
        "/api/v3/klines" => 2,
        "/api/v3/aggTrades" => trades::WEIGHT,
        _ => return Failure::UnknownRoute.into(),
    };
    let limit = weights.limit();
    let charged = weights.charge(weight, client_time);
    let body = match charged {
        Err(retry_after) => Err(Failure::TooManyRequests { retry_after, limit }),
        Ok(_) => {
            let parameters: Parameters = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
            match path {
                "/api/v3/time" => Ok(json!({ "serverTime": view.clock }).to_string()),
                "/api/v3/exchangeInfo" => info(view, limit, &parameters),
                "/api/v3/klines" => rows(view, &parameters),
                "/api/v3/aggTrades" => trades::answer(view, &parameters),
                _ => Ok("{}".to_owned()),
            }
        }
    };
    let answer = body.map_or_else(Answer::from, |body| Answer::json(200, body));
    answer.with(WEIGHT_HEADER, charged.unwrap_or(limit))
}

fn rows(view: &View<'_>, parameters: &Parameters) -> Result<String, Failure> {
    let symbol = symbol(view, required(parameters, "symbol")?)?;
    let interval: Interval = required(parameters, "interval")?.parse().map_err(|_| Failure::Interval)?;
    if !divides(view.interval, interval) {
        return Err(Failure::Interval);
    }
    let limit = match number(parameters, "limit")? {
        None => DEFAULT_LIMIT,
        Some(limit) => {
            usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or(Failure::Invalid("limit"))?
        }
    };
    let range = (number(parameters, "startTime")?, number(parameters, "endTime")?);
    let silent = view.silent.filter(|silent| silent.strikes(symbol));
    let range = (range.0, silent.map_or(range.1, |silent| Some(silent.last_open(range.1, interval))));
    let candles = view.tape.candles(symbol, interval, range, limit.min(MOST_ROWS), view.now);
    Ok(frame::rows(&candles, view.stamps))
}

fn info(view: &View<'_>, limit: u32, parameters: &Parameters) -> Result<String, Failure> {
    let chosen: Option<Vec<Symbol>> = match (parameters.get("symbol"), parameters.get("symbols")) {
        (Some(name), None) => Some(vec![symbol(view, name)?]),
        (None, Some(list)) => {
            let names: Vec<String> =
                serde_json::from_str(list).map_err(|_| Failure::Characters("symbols"))?;
            Some(names.iter().map(|name| symbol(view, name)).collect::<Result<_, _>>()?)
        }
        (None, None) => None,
        (Some(_), Some(_)) => return Err(Failure::Combination),
    };
    let asked = |symbol: &Symbol| chosen.as_ref().is_none_or(|chosen| chosen.contains(symbol));
    let listed = view.tape.listed(view.now).filter(|(symbol, ..)| asked(symbol));
    let symbols: Vec<Value> =
        listed.map(|(symbol, decimals, status)| market(symbol, decimals, status)).collect();
    let limits = json!([
        { "rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": limit }
    ]);
    let answer = json!({
        "timezone": "UTC",
        "serverTime": view.clock,
        "rateLimits": limits,
        "exchangeFilters": [],
        "symbols": symbols,
    });
    Ok(answer.to_string())
}

fn market(symbol: Symbol, decimals: Decimals, status: Status) -> Value {
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
        "status": status.as_str(),
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

fn required<'a>(parameters: &'a Parameters, name: &'static str) -> Result<&'a str, Failure> {
    parameters.get(name).map(String::as_str).filter(|value| !value.is_empty()).ok_or(Failure::Missing(name))
}

fn number(parameters: &Parameters, name: &'static str) -> Result<Option<i64>, Failure> {
    parameters.get(name).map(|value| value.parse().map_err(|_| Failure::Characters(name))).transpose()
}

/// Symbols are upper case here, as on the real exchange.
fn symbol(view: &View<'_>, name: &str) -> Result<Symbol, Failure> {
    if name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Err(Failure::Characters("symbol"));
    }
    let symbol = name.parse().map_err(|_| Failure::Characters("symbol"))?;
    if view.tape.has(symbol, view.now) { Ok(symbol) } else { Err(Failure::Symbol) }
}
