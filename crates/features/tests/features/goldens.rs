//! The original TA-Lib's values, made by `tests/goldens/make.py`.

use std::collections::BTreeMap;

use features::recursions::{
    AverageTrueRange, DirectionalMovement, Ema, HighLowClose, Kama, Macd, StochasticRsi, Trix, WilderGains,
};
use features::window::{Recursion, log_return};
use features::{Catalogue, FeatureEngine};
use kline::{Interval, Kline, KlineFields};

use crate::support::{STEP, step, symbols};

/// Columns whose bits are TA-Lib's. The others differ in the last places, since TA-Lib keeps running sums, and smooths
/// the true range with a fused multiply-add where the processor has one.
const TO_THE_BIT: [&str; 19] = [
    "rsi_14",
    "stochastic_rsi_14",
    "rsi_56",
    "cmo_28",
    "macd_12_26",
    "adx_14",
    "plus_di_14",
    "minus_di_14",
    "trix_15",
    "ema_distance_20",
    "ema_distance_96",
    "ema_distance_200",
    "roc_12",
    "aroon_up_25",
    "aroon_down_25",
    "aroon_oscillator_25",
    "donchian_position_20",
    "donchian_position_96",
    "log_return_1",
];

struct Table {
    names: Vec<String>,
    rows: BTreeMap<usize, Vec<f64>>,
}

fn table(text: &str) -> Table {
    let mut lines = text.lines();
    let names = lines.next().expect("a header").split(',').skip(1).map(str::to_owned).collect();
    let rows = lines
        .map(|line| {
            let (bar, values) = line.split_once(',').expect("values");
            let values = values.split(',').map(|value| value.parse().expect("a number")).collect();
            (bar.parse().expect("a bar"), values)
        })
        .collect();
    Table { names, rows }
}

fn klines() -> Vec<Kline> {
    let parse = |line: &str| {
        let cells: Vec<f64> = line.split(',').map(|cell| cell.parse().expect("a number")).collect();
        let fields = KlineFields {
            open: cells[1],
            high: cells[2],
            low: cells[3],
            close: cells[4],
            volume: cells[5],
            quote_volume: None,
            trades: Some(cells[6] as u64),
            taker_base: Some(cells[7]),
            taker_quote: None,
            ..KlineFields::flat(cells[0] as i64, 1.0)
        };
        Kline::new(Interval::M15, fields).expect("a valid kline")
    };
    include_str!("../goldens/klines.csv").lines().skip(1).map(parse).collect()
}

/// The bound for a column that is not to the bit: relative, above a floor in its own unit.
fn agrees(name: &str, ours: f64, theirs: f64) -> bool {
    let (relative, floor) = match name {
        // TA-Lib squares about a running mean of E[x^2] - E[x]^2, which cancels.
        "bollinger_position_20" | "bollinger_width_20" => (1e-9, 1e-9),
        "linear_regression_r_squared_96" | "volume_return_correlation_96" => (1e-9, 1e-9),
        // Differences of a running total.
        "chaikin_money_flow_20" => (1e-12, 1e-11),
        // TA-Lib's running sums lose ten places here; a fit of the single window agrees with ours to 1e-14.
        "linear_regression_slope_16" | "linear_regression_slope_96" => (1e-9, 1e-13),
        "obv_slope_16" | "obv_slope_96" => (1e-12, 1e-12),
        "cci_20" => (1e-12, 1e-9),
        _ => (1e-12, 1e-13),
    };
    (ours - theirs).abs() <= relative * theirs.abs() + floor
}

/// The first disagreement of each column.
#[derive(Default)]
struct Disagreements(BTreeMap<String, String>);

impl Disagreements {
    fn compare(&mut self, name: &str, bar: usize, ours: f64, theirs: f64) {
        let same = ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan();
        if !same && (TO_THE_BIT.contains(&name) || !agrees(name, ours, theirs)) {
            let text = format!("{ours:e} at {bar}, TA-Lib {theirs:e}");
            self.0.entry(name.to_owned()).or_insert(text);
        }
    }
}

#[test]
fn every_column_that_ta_lib_has_is_ta_libs() {
    let goldens = table(include_str!("../goldens/features.csv"));
    let catalogue = Catalogue::standard();
    for definition in catalogue.definitions().iter().filter(|d| d.source.starts_with("TA-Lib")) {
        assert!(
            goldens.names.iter().any(|name| name == definition.name),
            "no golden for {}",
            definition.name
        );
    }
    let mut engine = FeatureEngine::new(&symbols(1), Interval::M15);
    let (mut compared, mut wrong) = (0, Disagreements::default());
    for (bar, kline) in klines().iter().enumerate() {
        step(&mut engine, kline.open_time / STEP, &[(0, *kline)]);
        let Some(theirs) = goldens.rows.get(&bar) else { continue };
        let row = engine.row(0).expect("sealed");
        for (name, theirs) in goldens.names.iter().zip(theirs) {
            let place = catalogue.index_of(name).expect("a golden of the catalogue");
            wrong.compare(name, bar, row.values[place], *theirs);
            compared += usize::from(theirs.is_finite());
        }
    }
    assert!(wrong.0.is_empty(), "{:#?}", wrong.0);
    assert!(compared > 5_000, "{compared} finite goldens");
}

/// The seeds, which 512 bars later no longer show.
#[test]
fn recursive_indicators_have_ta_libs_seeds() {
    let goldens = table(include_str!("../goldens/seeds.csv"));
    let mut emas = [20, 96, 200].map(Ema::new);
    let mut gains = [WilderGains::for_rsi(14), WilderGains::for_rsi(56), WilderGains::for_cmo(28)];
    let (mut macd, mut trix) = (Macd::new(12, 26, 9), Trix::new(15));
    let (mut kama, mut stochastic) = (Kama::new(), StochasticRsi::new());
    let (mut ranges, mut movement) = ([14, 10].map(AverageTrueRange::new), DirectionalMovement::new(14));
    let (mut finite, mut wrong) = (0, Disagreements::default());
    for (bar, kline) in klines().iter().enumerate().take(260) {
        let close = kline.close;
        let prices = HighLowClose { high: kline.high, low: kline.low, close };
        emas.iter_mut().for_each(|ema| ema.update(close));
        gains.iter_mut().for_each(|gains| gains.update(close));
        macd.update(close);
        trix.update(close);
        kama.update(close);
        stochastic.update(close);
        ranges.iter_mut().for_each(|range| range.update(prices));
        movement.update(prices);
        // TA-Lib begins MACD's line where its signal begins.
        let signal = macd.signal();
        let line = if signal.is_nan() { f64::NAN } else { macd.line() };
        let (middle, half) = (emas[0].value(), 2.0 * ranges[1].value());
        let ours = [
            gains[0].rsi(),
            gains[1].rsi(),
            gains[2].cmo(),
            line / close,
            signal / close,
            (line - signal) / close,
            movement.adx(),
            movement.plus(),
            movement.minus(),
            trix.value(),
            (ranges[0].value() / close) * 100.0,
            close / emas[0].value() - 1.0,
            close / emas[1].value() - 1.0,
            close / emas[2].value() - 1.0,
            (close - middle) / half,
            2.0 * half / middle,
            stochastic.value(),
            close / kama.value() - 1.0,
            log_return(kama.previous(), kama.value()),
        ];
        for ((name, ours), theirs) in goldens.names.iter().zip(ours).zip(&goldens.rows[&bar]) {
            wrong.compare(name, bar, ours, *theirs);
            finite += usize::from(theirs.is_finite());
        }
    }
    assert!(wrong.0.is_empty(), "{:#?}", wrong.0);
    assert!(finite > 3_000, "{finite} finite seeds");
}
