//! `/api/v3/aggTrades`: aggregated trades by id or by time.

use super::{DEFAULT_LIMIT, Failure, MOST_ROWS, Parameters, View, number, required, symbol};
use crate::tape::Asked;
use crate::trades;

/// The weight of a request. Source: Binance spot API, "Compressed/Aggregate trades list".
pub(super) const WEIGHT: u32 = 4;

/// Answers from an id, from a time, until a time (the last ones before it), or the last ones of all.
pub(super) fn answer(view: &View<'_>, parameters: &Parameters) -> Result<String, Failure> {
    let symbol = symbol(view, required(parameters, "symbol")?)?;
    let limit = match number(parameters, "limit")? {
        None => DEFAULT_LIMIT,
        Some(limit) => {
            usize::try_from(limit).ok().filter(|limit| *limit > 0).ok_or(Failure::Invalid("limit"))?
        }
    };
    let times = (number(parameters, "startTime")?, number(parameters, "endTime")?);
    let asked = match (number(parameters, "fromId")?, times) {
        (Some(id), (None, None)) => Asked::FromId(id),
        (Some(_), _) => return Err(Failure::Combination),
        (None, (Some(from), to)) => Asked::Between(from, to.unwrap_or(i64::MAX)),
        (None, (None, to)) => Asked::Until(to.unwrap_or(i64::MAX)),
    };
    let trades = view.tape.trades(symbol, asked, limit.min(MOST_ROWS), view.now);
    Ok(trades::rows(&trades, view.stamps))
}
