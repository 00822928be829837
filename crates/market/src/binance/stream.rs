//! Names and requests of websocket streams.

use kline::{Interval, Symbol};

/// How many streams one address or request names; keeps both far below any length limit.
pub const STREAMS_PER_REQUEST: usize = 200;

/// The name of a kline stream, for example `btcusdt@kline_15m`.
#[must_use]
pub fn kline_stream(symbol: Symbol, interval: Interval) -> String {
    format!("{}@kline_{interval}", symbol.to_lowercase())
}

/// The address of a combined stream over the first [`STREAMS_PER_REQUEST`] symbols; the others are subscribed to by
/// [`subscriptions`].
#[must_use]
pub fn combined_address(websocket_url: &str, symbols: &[Symbol], interval: Interval) -> String {
    let first = &symbols[..symbols.len().min(STREAMS_PER_REQUEST)];
    let names: Vec<String> = first.iter().map(|symbol| kline_stream(*symbol, interval)).collect();
    format!("{}/stream?streams={}", websocket_url.trim_end_matches('/'), names.join("/"))
}

/// The `SUBSCRIBE` requests for the symbols that the address does not name, numbered from 1.
#[must_use]
pub fn subscriptions(symbols: &[Symbol], interval: Interval) -> Vec<String> {
    let rest = symbols.get(STREAMS_PER_REQUEST..).unwrap_or_default();
    (1..)
        .zip(rest.chunks(STREAMS_PER_REQUEST))
        .map(|(id, chunk)| {
            let names: Vec<String> = chunk.iter().map(|symbol| kline_stream(*symbol, interval)).collect();
            serde_json::json!({ "method": "SUBSCRIBE", "params": names, "id": id }).to_string()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_symbol_is_asked_for_exactly_once() {
        let symbols: Vec<Symbol> = (0..450).map(|n| format!("S{n}USDT").parse().expect("a symbol")).collect();
        let mut asked = vec![combined_address("ws://x/", &symbols, Interval::M15)];
        assert!(asked[0].starts_with("ws://x/stream?streams=s0usdt@kline_15m/s1usdt@kline_15m/"));
        asked.extend(subscriptions(&symbols, Interval::M15));
        assert_eq!(asked.len(), 3);
        for symbol in &symbols {
            let name = kline_stream(*symbol, Interval::M15);
            let times: usize = asked.iter().map(|text| text.matches(&name).count()).sum();
            assert_eq!(times, 1, "{name}");
        }
        assert!(subscriptions(&symbols[..10], Interval::M15).is_empty());
    }
}
