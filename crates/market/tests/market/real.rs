//! Messages and files as the real exchange sent them.

use std::fs;
use std::path::PathBuf;

use market::binance::frame::{Frame, decode};
use market::binance::rest::{TradingStatus, decode_exchange_info, decode_klines};
use market::binance::{DecodeError, archive};
use market::kline::{Interval, KlineError, Symbol};
use market::{KlineSource, MarketKline, files};

/// The folder of real klines, or `None` on a machine without it (a failure in CI).
fn real_data() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");
    let dir = std::env::var_os("KLINECAST_REAL_DATA").map_or_else(|| PathBuf::from(default), PathBuf::from);
    if dir.join("wire").is_dir() {
        return Some(dir);
    }
    assert_ne!(
        std::env::var("CI").as_deref(),
        Ok("true"),
        "{} is missing; set KLINECAST_REAL_DATA",
        dir.display()
    );
    println!("no real klines at {}; only the synthetic samples are tested", dir.display());
    None
}

fn wire(name: &str) -> Option<Vec<u8>> {
    let path = real_data()?.join("wire").join(name);
    Some(fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn symbol(name: &str) -> Symbol {
    name.parse().expect("a symbol")
}

fn kline_frame(text: &[u8], interval: Interval) -> MarketKline {
    match decode(text, interval) {
        Ok(Frame::Kline(frame)) => frame,
        other => panic!("expected a kline, got {other:?}"),
    }
}

#[test]
fn raw_and_combined_frames_decode_exactly() {
    let Some(text) = wire("ws_kline_15m_btcusdt_spot_2022-02-23.json") else { return };
    let frame = kline_frame(&text, Interval::M15);
    assert_eq!((frame.symbol, frame.closed), (symbol("BTCUSDT"), false));
    assert_eq!((frame.event_time, frame.source), (Some(1_645_603_361_891), KlineSource::Socket));
    let k = &frame.kline;
    assert_eq!((k.open_time, k.close_time), (1_645_603_200_000, 1_645_604_099_999));
    assert_eq!([k.open, k.high, k.low, k.close], [38151.16, 38188.98, 38116.45, 38179.09]);
    assert_eq!((k.volume, k.quote_volume, k.trades), (84.49121, Some(3_223_459.458_543_7), Some(2115)));
    assert_eq!((k.taker_base, k.taker_quote), (Some(38.3588), Some(1_463_375.365_372)));
    assert!(matches!(decode(&text, Interval::M1), Err(DecodeError::Interval { .. })));

    let combined = wire("ws_kline_1m_combined_slfusdt_spot_2025-04-26.json").expect("beside the other");
    let frame = kline_frame(&combined, Interval::M1);
    assert_eq!((frame.symbol, frame.kline.high), (symbol("SLFUSDT"), 0.2081));
    for (name, interval) in [
        ("ws_kline_1m_btcusdt_spot_2023-02-05.json", Interval::M1),
        ("ws_kline_5m_btcusdt_spot_2021-04-04.json", Interval::M5),
    ] {
        kline_frame(&wire(name).expect("beside the others"), interval);
    }
}

#[test]
fn whole_recorded_sessions_decode_frame_by_frame() {
    // Counts of kline messages, and of those that close a bar, as `grep` gives them.
    for name in [
        "cryptofeed_BINANCE.ws.1.0.full.txt",
        "cryptofeed_BINANCE.ws.1.0_klines.txt",
        "cryptofeed_BINANCE_FUTURES.ws.1.0_klines.txt",
        "cryptofeed_BINANCE_US.ws.1.0_klines.txt",
    ] {
        let Some(bytes) = wire(name) else { return };
        let text = String::from_utf8(bytes).expect("text");
        let (mut klines, mut closed) = (0, 0);
        for line in text.lines().skip(1) {
            let Some((_, message)) = line.split_once(": ").filter(|(_, text)| text.starts_with('{')) else {
                continue;
            };
            match decode(message.as_bytes(), Interval::M1) {
                Ok(Frame::Kline(frame)) => {
                    klines += 1;
                    closed += usize::from(frame.closed);
                }
                Ok(_) => {}
                Err(error) => panic!("{name}: {error}: {message}"),
            }
        }
        assert_eq!(klines, text.matches(r#""e":"kline""#).count(), "{name}");
        assert_eq!(closed, text.matches(r#""x":true"#).count(), "{name}");
        assert!(klines > 0, "{name}");
    }
}

#[test]
fn rest_rows_decode_exactly() {
    let Some(text) = wire("rest_klines_1d_btcusdt_spot_2021-01.json") else { return };
    let rows = decode_klines(&text, Interval::D1, symbol("BTCUSDT")).expect("valid rows");
    assert_eq!(rows.len(), 2);
    assert_eq!((rows[0].open, rows[0].trades), (28_923.63, Some(1_314_910)));
    assert_eq!(rows[1].taker_quote, Some(2_110_334_723.887_145_8));

    let text = wire("nautilus_http_spot_market_klines.json").expect("beside the other");
    let rows = decode_klines(&text, Interval::M1, symbol("BTCUSDT")).expect("valid rows");
    assert!(rows.len() > 5 && rows.windows(2).all(|pair| pair[1].open_time - pair[0].open_time == 60_000));

    // A weekly row: its opening is off every fixed grid that is offered.
    let text = wire("nautilus_http_futures_market_klines.json").expect("beside the other");
    let refused = decode_klines(&text, Interval::D1, symbol("BTCUSDT"));
    let Err(DecodeError::Row { row: 1, source }) = refused else { panic!("expected a fault in row 1") };
    assert!(matches!(*source, DecodeError::Kline(KlineError::CloseTime { .. })), "{source}");
}

#[test]
fn exchange_info_names_limits_and_markets() {
    let Some(text) = wire("nautilus_http_spot_exchange_info.json") else { return };
    let info = decode_exchange_info(&text).expect("valid");
    assert_eq!((info.server_time, info.request_weight_per_minute), (1_634_942_465_856, Some(1_200)));
    assert!(
        info.symbols
            .iter()
            .any(|market| market.symbol == symbol("BTCUSDT") && market.status == TradingStatus::Trading)
    );
}

#[test]
fn archives_in_both_units_decode_exactly() {
    let Some(zip) = wire("BTCUSDT-1m-2025-05-24.zip") else { return };
    let day = archive::read_zip(&zip, Interval::M1).expect("a whole day");
    assert_eq!(day.len(), 1_440);
    assert_eq!((day[0].open_time, day[0].close_time), (1_748_044_800_000, 1_748_044_859_999));
    assert_eq!((day[0].open, day[0].quote_volume), (107_318.3, Some(4_297_876.912_025_5)));
    assert!(day.windows(2).all(|pair| pair[1].open_time - pair[0].open_time == 60_000));

    let head = wire("vision_um_LINKUSDT-1m-2023-02.head.csv").expect("beside the other");
    let rows = archive::read_csv(&head, Interval::M1).expect("a header and two rows");
    assert_eq!((rows.len(), rows[0].open_time, rows[0].trades), (2, 1_675_209_600_000, Some(471)));
}

#[test]
fn recorded_folders_read_with_missing_columns_as_missing() {
    let Some(dir) = real_data() else { return };
    let hourly = files::read_folder(&dir.join("spot-1h"), Interval::H1).expect("valid files");
    assert_eq!(hourly.len(), 10);
    let ether = &hourly[&symbol("ETHUSDT")];
    assert!(ether.len() > 20_000 && ether.iter().any(|kline| kline.taker_base.is_none()));
    // Another market's files (`-um`) and those with suffixes are never taken for spot klines.
    let other = files::read_folder(&dir.join("full-columns"), Interval::M1);
    assert!(matches!(other, Err(market::FileError::NoFiles { .. })));
    let whole = files::read_file(&dir.join("full-columns/BTCUSDT-15m-spot.csv.gz"), Interval::M15);
    let whole = whole.expect("valid file");
    assert!(whole.iter().all(|kline| kline.taker_quote.is_some() && kline.trades.is_some()));
    let again = tempfile::tempdir().expect("a folder");
    let path = again.path().join("BTCUSDT-15m.csv");
    fs::write(&path, files::to_csv(&whole)).expect("written");
    let back = files::read_file(&path, Interval::M15).expect("what was written is valid");
    assert!(back.len() == whole.len() && back.iter().zip(&whole).all(|(a, b)| a.same_bits(b)));
}
