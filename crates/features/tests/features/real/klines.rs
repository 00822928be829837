//! The recorded klines, in pieces without holes.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use kline::{Interval, Kline, KlineFields};

use crate::support::{Kind, PLAIN, series};

const NAMES: [&str; 10] = [
    "ADAUSDT",
    "AVAXUSDT",
    "BNBUSDT",
    "BTCUSDT",
    "DOTUSDT",
    "ETHUSDT",
    "LINKUSDT",
    "MATICUSDT",
    "SOLUSDT",
    "XRPUSDT",
];

/// A run of klines without a hole, and its columns.
pub(super) struct Piece {
    pub(super) klines: Vec<Kline>,
    pub(super) high: Vec<f64>,
    pub(super) low: Vec<f64>,
    pub(super) close: Vec<f64>,
    pub(super) volume: Vec<f64>,
}

impl Piece {
    fn new(klines: &[Kline]) -> Self {
        let column = |value: fn(&Kline) -> f64| klines.iter().map(value).collect();
        Self {
            klines: klines.to_vec(),
            high: column(|kline| kline.high),
            low: column(|kline| kline.low),
            close: column(|kline| kline.close),
            volume: column(|kline| kline.volume),
        }
    }
}

/// The folder of the recorded klines, or `None` on a machine without them; with `CI=true` they must be there.
fn folder() -> Option<PathBuf> {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("KLINECAST_REAL_DATA").map_or_else(default, PathBuf::from);
    let is_there = folder.join("spot-15m").is_dir();
    let ci = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(is_there || !ci, "real klines are missing at {}; set KLINECAST_REAL_DATA", folder.display());
    is_there.then_some(folder)
}

/// What to ask [`pieces`] for.
pub(super) fn names() -> Vec<&'static str> {
    if folder().is_none() {
        println!("no real klines on this machine: the same walk on synthetic ones");
    }
    NAMES.to_vec()
}

/// The klines of one symbol, cut at every hole.
pub(super) fn pieces(name: &str) -> Vec<Piece> {
    let klines = match folder() {
        Some(folder) => recorded(&folder.join(format!("spot-15m/{name}-15m.csv.gz"))),
        None => {
            let kind = Kind { price: 300.0, missing_bars: 0.0003, ..PLAIN };
            series(name.bytes().map(u64::from).sum(), kind, 1_000_000, 12_000)
        }
    };
    let follows = |a: &Kline, b: &Kline| a.close_time + 1 == b.open_time;
    klines.chunk_by(follows).map(Piece::new).collect()
}

fn recorded(path: &Path) -> Vec<Kline> {
    let file = std::fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    text.lines().skip(1).map(row).collect()
}

/// The columns that TA-Lib can be asked about.
fn row(line: &str) -> Kline {
    let mut cells = line.split(',');
    let mut next = || cells.next().expect("seven columns");
    let open_time = next().parse().expect("milliseconds");
    let mut number = || next().parse().expect("a number");
    let (open, high, low, close, volume) = (number(), number(), number(), number(), number());
    let fields = KlineFields {
        open,
        high,
        low,
        close,
        volume,
        quote_volume: None,
        trades: None,
        taker_base: None,
        taker_quote: None,
        ..KlineFields::flat(open_time, open)
    };
    Kline::new(Interval::M15, fields).expect("checked when it was recorded")
}
