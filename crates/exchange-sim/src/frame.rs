//! What goes over the wire: Binance's kline frames and rows, written by hand.

use std::fmt::Write;

use kline::{Interval, Milliseconds, Symbol};

use crate::decimals::push_decimal;
use crate::stamps::Stamps;
use crate::tape::Candle;

/// One kline event, as a raw stream carries it. A column that the source lacks is `null`.
pub(crate) fn event(
    symbol: Symbol,
    interval: Interval,
    candle: &Candle,
    event_time: Milliseconds,
    stamps: Stamps,
) -> String {
    let kline = &candle.kline;
    let (first, last) = candle.trade_ids;
    let mut text = String::with_capacity(400);
    let _ = write!(
        text,
        r#"{{"e":"kline","E":{},"s":"{symbol}","k":{{"t":{},"T":{},"s":"{symbol}","i":"{interval}","f":{first},"L":{last}"#,
        stamps.first(event_time),
        stamps.first(kline.open_time),
        stamps.last(kline.close_time),
    );
    for (name, value) in [
        (r#","o":"#, kline.open),
        (r#","c":"#, kline.close),
        (r#","h":"#, kline.high),
        (r#","l":"#, kline.low),
        (r#","v":"#, kline.volume),
    ] {
        text.push_str(name);
        push_decimal(&mut text, value);
    }
    text.push_str(r#","n":"#);
    push_count(&mut text, kline.trades);
    let _ = write!(text, r#","x":{}"#, candle.closed);
    for (name, value) in
        [(r#","q":"#, kline.quote_volume), (r#","V":"#, kline.taker_base), (r#","Q":"#, kline.taker_quote)]
    {
        text.push_str(name);
        push_optional(&mut text, value);
    }
    text.push_str(r#","B":"0"}}"#);
    text
}

/// An event as a combined stream carries it.
pub(crate) fn combined(stream: &str, event: &str) -> String {
    format!(r#"{{"stream":"{stream}","data":{event}}}"#)
}

/// The notice that the server is about to stop.
pub(crate) fn server_shutdown(combined_streams: bool, event_time: Milliseconds) -> String {
    let event = format!(r#"{{"e":"serverShutdown","E":{event_time}}}"#);
    if combined_streams { combined("!serverShutdown", &event) } else { event }
}

/// The answer of `/api/v3/klines`.
pub(crate) fn rows(candles: &[Candle], stamps: Stamps) -> String {
    let mut text = String::with_capacity(candles.len() * 190 + 2);
    text.push('[');
    for (at, Candle { kline, .. }) in candles.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let _ = write!(text, "{comma}[{}", stamps.first(kline.open_time));
        for value in [kline.open, kline.high, kline.low, kline.close, kline.volume] {
            text.push(',');
            push_decimal(&mut text, value);
        }
        let _ = write!(text, ",{},", stamps.last(kline.close_time));
        push_optional(&mut text, kline.quote_volume);
        text.push(',');
        push_count(&mut text, kline.trades);
        for value in [kline.taker_base, kline.taker_quote] {
            text.push(',');
            push_optional(&mut text, value);
        }
        text.push_str(r#","0"]"#);
    }
    text.push(']');
    text
}

fn push_count(text: &mut String, count: Option<u64>) {
    match count {
        Some(count) => drop(write!(text, "{count}")),
        None => text.push_str("null"),
    }
}

fn push_optional(text: &mut String, value: Option<f64>) {
    match value {
        Some(value) => push_decimal(text, value),
        None => text.push_str("null"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::{Kline, KlineFields};

    fn candle() -> Candle {
        let fields = KlineFields {
            open_time: 1_645_603_200_000,
            close_time: 1_645_604_099_999,
            open: 38_151.16,
            high: 38_188.98,
            low: 38_116.45,
            close: 38_179.09,
            volume: 84.491_21,
            quote_volume: Some(3_223_459.458_543_7),
            trades: Some(2_115),
            taker_base: Some(38.358_8),
            taker_quote: Some(1_463_375.365_372),
        };
        let kline = Kline::new(Interval::M15, fields).expect("valid by construction");
        Candle { kline, closed: false, trade_ids: (1_265_642_384, 1_265_644_498) }
    }

    #[test]
    fn a_frame_is_written_as_the_exchange_writes_it() {
        let symbol = "BTCUSDT".parse().expect("a name");
        let text = event(symbol, Interval::M15, &candle(), 1_645_603_361_891, Stamps::Milliseconds);
        let expected = concat!(
            r#"{"e":"kline","E":1645603361891,"s":"BTCUSDT","k":{"t":1645603200000,"T":1645604099999,"s":"BTCUSDT","i":"15m","#,
            r#""f":1265642384,"L":1265644498,"o":"38151.16000000","c":"38179.09000000","h":"38188.98000000","l":"38116.45000000","#,
            r#""v":"84.49121000","n":2115,"x":false,"q":"3223459.45854370","V":"38.35880000","Q":"1463375.36537200","B":"0"}}"#
        );
        assert_eq!(text, expected);
        assert_eq!(combined("btcusdt@kline_15m", "{}"), r#"{"stream":"btcusdt@kline_15m","data":{}}"#);
    }

    #[test]
    fn a_missing_column_is_null() {
        let mut fields = *candle().kline.fields();
        (fields.quote_volume, fields.trades, fields.taker_base, fields.taker_quote) =
            (None, None, None, None);
        let kline = Kline::new(Interval::M15, fields).expect("valid by construction");
        let text = rows(&[Candle { kline, ..candle() }], Stamps::Milliseconds);
        assert!(text.ends_with(r#""84.49121000",1645604099999,null,null,null,null,"0"]]"#), "{text}");
    }

    #[test]
    fn microseconds_end_with_the_last_of_a_bar() {
        let text = rows(&[candle()], Stamps::Microseconds);
        assert!(text.starts_with("[[1645603200000000,") && text.contains(",1645604099999999,"), "{text}");
    }
}
