//! Websocket frames.
//!
//! A kline on a raw stream (`<symbol>@kline_<interval>`); a combined stream wraps it as
//! `{"stream":"btcusdt@kline_15m","data":{...}}`:
//!
//! ```json
//! {"e":"kline","E":1645603361891,"s":"BTCUSDT","k":{"t":1645603200000,"T":1645604099999,"s":"BTCUSDT","i":"15m",
//!  "f":1265642384,"L":1265644498,"o":"38151.16","c":"38179.09","h":"38188.98","l":"38116.45","v":"84.49121000",
//!  "n":2115,"x":false,"q":"3223459.45854370","V":"38.35880000","Q":"1463375.36537200","B":"0"}}
//! ```
//!
//! Source: Binance spot API, "WebSocket Streams". Extension: `null` in `q`, `n`, `V` or `Q` means that the source
//! does not have the column (a replayed recording); Binance itself never sends `null` there.

mod usual;

use kline::{Interval, Kline, KlineFields, Symbol};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::DecodeError;
use super::scalar::{Scalar, closing, instant, opening};
use crate::{KlineSource, MarketKline, TradeIds};

/// One decoded message.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// A forming or closed kline.
    Kline(MarketKline),
    /// The answer to one of our requests.
    Response {
        /// The request's number.
        id: Option<i64>,
        /// The exchange's words when it refused.
        error: Option<String>,
    },
    /// The exchange is about to close this connection.
    ServerShutdown,
    /// A message of another kind; nothing to do.
    Other,
}

/// The fields that tell the messages apart, and a kline event's own.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow, default)]
    e: Scalar<'a>,
    #[serde(rename = "E", borrow, default)]
    event_time: Scalar<'a>,
    #[serde(borrow, default)]
    s: Scalar<'a>,
    #[serde(borrow)]
    k: Option<&'a RawValue>,
    #[serde(borrow, default)]
    id: Scalar<'a>,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
    #[serde(borrow, default)]
    code: Scalar<'a>,
    #[serde(borrow, default)]
    msg: Scalar<'a>,
}

#[derive(Deserialize)]
struct KlineWire<'a> {
    #[serde(borrow, default)]
    t: Scalar<'a>,
    #[serde(rename = "T", borrow, default)]
    close_time: Scalar<'a>,
    #[serde(borrow, default)]
    s: Scalar<'a>,
    #[serde(borrow, default)]
    i: Scalar<'a>,
    #[serde(borrow, default)]
    f: Scalar<'a>,
    #[serde(rename = "L", borrow, default)]
    last_trade: Scalar<'a>,
    #[serde(borrow, default)]
    o: Scalar<'a>,
    #[serde(borrow, default)]
    c: Scalar<'a>,
    #[serde(borrow, default)]
    h: Scalar<'a>,
    #[serde(borrow, default)]
    l: Scalar<'a>,
    #[serde(borrow, default)]
    v: Scalar<'a>,
    #[serde(borrow, default)]
    n: Scalar<'a>,
    #[serde(borrow, default)]
    x: Scalar<'a>,
    #[serde(borrow, default)]
    q: Scalar<'a>,
    #[serde(rename = "V", borrow, default)]
    taker_base: Scalar<'a>,
    #[serde(rename = "Q", borrow, default)]
    taker_quote: Scalar<'a>,
}

/// Decodes one websocket text message, raw or combined.
///
/// # Errors
/// [`DecodeError`] naming the field and its value. A kline of another interval than `interval` is an error too.
pub fn decode(text: &[u8], interval: Interval) -> Result<Frame, DecodeError> {
    match usual::kline(text, interval) {
        Some(frame) => Ok(Frame::Kline(frame)),
        None => decode_any(text, interval),
    }
}

/// Decodes a message of any kind and order.
fn decode_any(text: &[u8], interval: Interval) -> Result<Frame, DecodeError> {
    let outer = envelope(text)?;
    match outer.data {
        Some(data) => event(&envelope(data.get().as_bytes())?, interval),
        None => event(&outer, interval),
    }
}

fn envelope(text: &[u8]) -> Result<Envelope<'_>, DecodeError> {
    serde_json::from_slice(text).map_err(|error| DecodeError::Json(error.to_string()))
}

fn event(envelope: &Envelope<'_>, interval: Interval) -> Result<Frame, DecodeError> {
    match &envelope.e {
        Scalar::Text(name) if name == "kline" => kline(envelope, interval).map(Frame::Kline),
        Scalar::Text(name) if name == "serverShutdown" => Ok(Frame::ServerShutdown),
        Scalar::Missing => Ok(response(envelope)),
        _ => Ok(Frame::Other),
    }
}

/// `{"result":null,"id":1}`, `{"error":{"code":2,"msg":"..."},"id":1}` or `{"code":2,"msg":"..."}`.
fn response(envelope: &Envelope<'_>) -> Frame {
    let error = match (envelope.error, &envelope.code, &envelope.msg) {
        (Some(error), _, _) => Some(error.get().chars().take(200).collect()),
        (None, Scalar::Integer(code), Scalar::Text(message)) => {
            Some(format!("code {code}: {}", message.chars().take(200).collect::<String>()))
        }
        _ => None,
    };
    let id = match envelope.id {
        Scalar::Integer(id) => Some(id),
        _ => None,
    };
    if id.is_none() && error.is_none() && envelope.result.is_none() {
        return Frame::Other;
    }
    Frame::Response { id, error }
}

fn kline(envelope: &Envelope<'_>, interval: Interval) -> Result<MarketKline, DecodeError> {
    let raw = envelope.k.ok_or(DecodeError::Missing { field: "k" })?;
    let wire: KlineWire<'_> =
        serde_json::from_str(raw.get()).map_err(|error| DecodeError::Json(format!("in k: {error}")))?;
    let symbol = symbol("k.s", &wire.s)?;
    if symbol_text_differs(&envelope.s, symbol)? {
        return Err(DecodeError::Disagree {
            field: "s",
            value: envelope.s.text("s")?.chars().take(64).collect(),
            other: "k.s",
            other_value: symbol.to_string(),
        });
    }
    let found = wire.i.text("k.i")?;
    let found: Interval =
        found.parse().map_err(|_| DecodeError::field("k.i", found, "an interval such as 15m"))?;
    if found != interval {
        return Err(DecodeError::Interval { expected: interval, found });
    }
    let fields = KlineFields {
        open_time: opening("k.t", wire.t.integer("k.t")?)?,
        close_time: closing("k.T", wire.close_time.integer("k.T")?)?,
        open: wire.o.decimal("k.o")?,
        high: wire.h.decimal("k.h")?,
        low: wire.l.decimal("k.l")?,
        close: wire.c.decimal("k.c")?,
        volume: wire.v.decimal("k.v")?,
        quote_volume: wire.q.optional_decimal("k.q")?,
        trades: wire.n.optional_count("k.n")?,
        taker_base: wire.taker_base.optional_decimal("k.V")?,
        taker_quote: wire.taker_quote.optional_decimal("k.Q")?,
    };
    Ok(MarketKline {
        symbol,
        kline: Kline::new(interval, fields)?,
        closed: wire.x.flag("k.x")?,
        event_time: Some(instant("E", envelope.event_time.integer("E")?)?),
        trade_ids: match (&wire.f, &wire.last_trade) {
            (Scalar::Integer(first), Scalar::Integer(last)) => TradeIds::new(*first, *last),
            _ => None,
        },
        source: KlineSource::Socket,
    })
}

fn symbol(field: &'static str, value: &Scalar<'_>) -> Result<Symbol, DecodeError> {
    let text = value.text(field)?;
    text.parse().map_err(|_| DecodeError::field(field, text, "a symbol such as BTCUSDT"))
}

fn symbol_text_differs(outer: &Scalar<'_>, inner: Symbol) -> Result<bool, DecodeError> {
    Ok(symbol("s", outer)? != inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(change: impl Fn(&str) -> String) -> Result<Frame, DecodeError> {
        let text = r#"{"e":"kline","E":1645603361891,"s":"BTCUSDT","k":{"t":1645603200000,"T":1645604099999,"s":"BTCUSDT","i":"15m","f":1,"L":3,"o":"38151.16","c":"38179.09","h":"38188.98","l":"38116.45","v":"84.49121000","n":3,"x":true,"q":"3223459.45854370","V":"38.35880000","Q":"1463375.36537200","B":"0"}}"#;
        decode(change(text).as_bytes(), Interval::M15)
    }

    #[test]
    fn raw_and_combined_decode_the_same() {
        let raw = sample(str::to_owned);
        let combined = sample(|text| format!(r#"{{"stream":"btcusdt@kline_15m","data":{text}}}"#));
        assert!(matches!(&raw, Ok(Frame::Kline(frame)) if frame.closed && frame.kline.trades == Some(3)));
        assert_eq!(raw, combined);
    }

    #[test]
    fn null_is_a_missing_column_but_only_where_one_may_be_missing() {
        let missing =
            sample(|text| text.replace(r#""n":3"#, r#""n":null"#).replace(r#""38.35880000""#, "null"));
        assert!(
            matches!(missing, Ok(Frame::Kline(f)) if f.kline.trades.is_none() && f.kline.taker_base.is_none())
        );
        let price = sample(|text| text.replace(r#""38179.09""#, "null"));
        assert!(matches!(price, Err(DecodeError::Field { field: "k.c", value, .. }) if value == "null"));
    }

    #[test]
    fn each_fault_names_its_field_and_value() {
        let cases = [
            (r#""o":"38151.16""#, r#""o":"38x""#, "k.o", "38x"),
            (r#""o":"38151.16""#, r#""o":38151.16"#, "k.o", "38151.16"),
            (r#""o":"38151.16","#, "", "k.o", "missing"),
            (r#""n":3"#, r#""n":-3"#, "k.n", "-3"),
            (r#""n":3"#, r#""n":3.5"#, "k.n", "3.5"),
            (r#""x":true"#, r#""x":"yes""#, "k.x", "yes"),
            (r#""E":1645603361891"#, r#""E":"now""#, "E", "now"),
            (r#""t":1645603200000"#, r#""t":[1]"#, "k.t", "array"),
            (r#""i":"15m""#, r#""i":"7m""#, "k.i", "7m"),
            (r#""s":"BTCUSDT","i""#, r#""s":"ETHUSDT","i""#, "k.s", "ETHUSDT"),
            (r#""s":"BTCUSDT","i""#, r#""s":"a b","i""#, "k.s", "a b"),
            (r#""l":"38116.45""#, r#""l":"99999""#, "low", "99999"),
            (r#""t":1645603200000"#, r#""t":1645603200001"#, "open time", "1645603200001"),
        ];
        for (from, to, field, value) in cases {
            let message = sample(|text| text.replacen(from, to, 1)).map_err(|error| error.to_string());
            assert!(
                message.as_ref().is_err_and(|m| m.contains(field) && m.contains(value)),
                "{to}: {message:?}"
            );
        }
        let other = sample(|text| text.replace(r#""15m""#, r#""1m""#));
        assert_eq!(other, Err(DecodeError::Interval { expected: Interval::M15, found: Interval::M1 }));
    }

    #[test]
    fn messages_that_are_no_klines_are_told_apart() {
        let frame = |text: &str| decode(text.as_bytes(), Interval::M15);
        assert_eq!(frame(r#"{"result":null,"id":7}"#), Ok(Frame::Response { id: Some(7), error: None }));
        let refused = frame(r#"{"error":{"code":2,"msg":"Invalid request"},"id":8}"#);
        assert!(
            matches!(refused, Ok(Frame::Response { id: Some(8), error: Some(e) }) if e.contains("Invalid"))
        );
        let refused = frame(r#"{"code":2,"msg":"Invalid request"}"#);
        assert!(matches!(refused, Ok(Frame::Response { id: None, error: Some(_) })));
        assert_eq!(frame(r#"{"e":"serverShutdown","E":1}"#), Ok(Frame::ServerShutdown));
        let combined = frame(r#"{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1}}"#);
        assert_eq!(combined, Ok(Frame::ServerShutdown));
        assert_eq!(frame(r#"{"e":"aggTrade","E":1,"s":"X"}"#), Ok(Frame::Other));
        assert_eq!(frame("{}"), Ok(Frame::Other));
        for text in ["", "null", "[]", "{", "\u{0}", r#"{"e":"kline"}"#, r#"{"data":5}"#] {
            assert!(frame(text).is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&bytes, Interval::M15);
        }

        #[test]
        fn a_usual_frame_is_read_in_one_pass_to_the_bits_of_the_general_way(
            prices in proptest::collection::vec((1u64..99_999_999, 0usize..9), 4),
            bits in any::<u64>(),
            trades in 0u64..1_000_000,
        ) {
            let decimal = |(value, places): (u64, usize)| format!("{}.{:0places$}", value, bits % 10_u64.pow(places as u32), places = places.max(1));
            let mut number = prices.iter().map(|price| decimal(*price));
            let mut next = || number.next().unwrap_or_default();
            let (o, c, taker, taker_quote) = (next(), next(), next(), next());
            // Above what takers bought.
            let [v, q] = [&taker, &taker_quote].map(|part| format!("1{part:0>17}"));
            let text = format!(
                r#"{{"stream":"btcusdt@kline_15m","data":{{"e":"kline","E":1645603361891,"s":"BTCUSDT","k":{{"t":1645603200000,"T":1645604099999,"s":"BTCUSDT","i":"15m","f":-1,"L":-1,"o":"{o}","c":"{c}","h":"99999999.5","l":"0.00000001","v":"{v}","n":{trades},"x":false,"q":"{q}","V":"{taker}","Q":"{taker_quote}","B":"0"}}}}}}"#
            );
            let (usual, any) = (usual::kline(text.as_bytes(), Interval::M15), decode_any(text.as_bytes(), Interval::M15));
            match any {
                Ok(Frame::Kline(any)) => {
                    let usual = usual.expect("nothing is unusual about it");
                    prop_assert!(usual.kline.same_bits(&any.kline), "{text}");
                    prop_assert_eq!(usual, any);
                }
                any => prop_assert!(false, "{any:?}: {text}"),
            }
        }

        #[test]
        fn a_damaged_frame_is_never_read_otherwise_than_the_general_way(
            edits in proptest::collection::vec((0usize..380, prop_oneof![any::<u8>(), Just(b'0'), Just(b'"'), Just(b'-'), Just(b'.')], 0u8..3), 1..3),
            combined in any::<bool>(),
        ) {
            let raw = r#"{"e":"kline","E":1645603361891,"s":"BTCUSDT","k":{"t":1645603200000,"T":1645604099999,"s":"BTCUSDT","i":"15m","f":1,"L":3,"o":"38151.16","c":"38179.09","h":"38188.98","l":"38116.45","v":"84.49121000","n":3,"x":true,"q":"3223459.45854370","V":"38.35880000","Q":"1463375.36537200","B":"0"}}"#;
            let mut text = if combined { format!(r#"{{"stream":"btcusdt@kline_15m","data":{raw}}}"#) } else { raw.to_owned() }.into_bytes();
            for (at, byte, kind) in edits {
                let at = at % text.len();
                match kind {
                    0 => text[at] = byte,
                    1 => text.insert(at, byte),
                    _ => drop(text.remove(at)),
                }
            }
            if let Some(usual) = usual::kline(&text, Interval::M15) {
                let any = decode_any(&text, Interval::M15);
                prop_assert_eq!(any, Ok(Frame::Kline(usual)), "{}", String::from_utf8_lossy(&text));
            }
        }

        #[test]
        fn a_damaged_frame_never_panics(at in 0usize..330, byte in any::<u8>(), cut in 0usize..330) {
            let _ = sample(|text| {
                let mut bytes = text.as_bytes().to_vec();
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = byte;
                }
                bytes.truncate(bytes.len().saturating_sub(cut % 7 * cut));
                String::from_utf8_lossy(&bytes).into_owned()
            });
        }
    }
}
