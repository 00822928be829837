//! Aggregated trades on the wire, written by hand as Binance writes them.

use std::fmt::Write;

use kline::{Milliseconds, Symbol};

use super::Trade;
use crate::stamps::Stamps;

/// One event of the stream `<symbol>@aggTrade`.
pub(crate) fn event(symbol: Symbol, trade: &Trade, event_time: Milliseconds, stamps: Stamps) -> String {
    let mut text = String::with_capacity(220);
    let shown = stamps.first(event_time);
    let _ = write!(text, r#"{{"e":"aggTrade","E":{shown},"s":"{symbol}","#);
    push_trade(&mut text, trade, stamps);
    text
}

/// The answer of `/api/v3/aggTrades`.
pub(crate) fn rows(trades: &[Trade], stamps: Stamps) -> String {
    let mut text = String::with_capacity(trades.len() * 130 + 2);
    text.push('[');
    for (at, trade) in trades.iter().enumerate() {
        text.push_str(if at == 0 { "{" } else { ",{" });
        push_trade(&mut text, trade, stamps);
    }
    text.push(']');
    text
}

/// The fields that both have, and the closing brace. A trade is always the best match: there is no other.
fn push_trade(text: &mut String, trade: &Trade, stamps: Stamps) {
    let Trade { id, price, quantity, first, last, time, buyer_is_maker } = *trade;
    let time = stamps.first(time);
    let _ = write!(text, r#""a":{id},"p":"{}","q":"{}","#, Units(price), Units(quantity));
    let _ = write!(text, r#""f":{first},"l":{last},"T":{time},"m":{buyer_is_maker},"M":true}}"#);
}

/// Hundred-millionths as a decimal of eight places.
struct Units(i128);

impl std::fmt::Display for Units {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}.{:08}", self.0 / 100_000_000, self.0 % 100_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trade_is_written_as_the_exchange_writes_it() {
        let trade = Trade {
            id: 26_129,
            price: 1_633_102,
            quantity: 470_443_515,
            first: 27_781,
            last: 27_783,
            time: 1_498_793_709_153,
            buyer_is_maker: true,
        };
        let fields = r#""a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27783,"T":1498793709153,"m":true,"M":true}"#;
        assert_eq!(rows(&[trade, trade], Stamps::Milliseconds), format!("[{{{fields},{{{fields}]"));
        let symbol = "BNBBTC".parse().expect("a name");
        assert_eq!(
            event(symbol, &trade, 1_498_793_709_160, Stamps::Milliseconds),
            format!(r#"{{"e":"aggTrade","E":1498793709160,"s":"BNBBTC",{fields}"#)
        );
        assert!(rows(&[trade], Stamps::Microseconds).contains(r#""T":1498793709153000"#));
        assert_eq!(rows(&[], Stamps::Milliseconds), "[]");
    }
}
