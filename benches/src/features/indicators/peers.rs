//! Other libraries, each in its own streaming form.

use anyhow::{Result, anyhow};

use super::{Bar, Contender, Step};

/// Bars that a library is shown before it answers, where it wants a history to start from.
const OPENING: usize = 64;

pub(super) fn contenders() -> Vec<Contender> {
    let rival = |library| move |(indicator, start)| Contender { library, indicator, start };
    let ta_lib = TA_LIB.into_iter().map(rival("ta-lib"));
    ta_lib
        .chain(TA.into_iter().map(rival("ta")))
        .chain(YATA.into_iter().map(rival("yata")))
        .chain(KAND.into_iter().map(rival("kand")))
        .collect()
}

type Entry = (&'static str, fn() -> Result<Step>);

/// Opens a stream of TA-Lib on the first bars and follows the rest.
macro_rules! ta_lib {
    ($name:literal, $open:ident($($column:ident),*; $($argument:expr),*), $($update:ident),* => $value:expr) => {
        ($name, || {
            Ok(Box::new(|bars: &[Bar], out: &mut Vec<f64>| {
                let core = ta_lib::Core::new();
                $(let $column: Vec<f64> = bars[..OPENING].iter().map(|bar| bar.$column).collect();)*
                let Ok((mut stream, _)) = core.$open($(&$column,)* $($argument),*) else { return };
                out.resize(OPENING, f64::NAN);
                for bar in &bars[OPENING..] {
                    let value = stream.update($(bar.$update),*).map($value).unwrap_or(f64::NAN);
                    out.push(value);
                }
            }) as Step)
        })
    };
}

const TA_LIB: [Entry; 12] = [
    ta_lib!("SMA 20", sma_open(close; 20), close => |value| value),
    ta_lib!("EMA 20", ema_open(close; 20), close => |value| value),
    ta_lib!("RSI 14", rsi_open(close; 14), close => |value| value),
    ta_lib!("MACD", macd_open(close; 12, 26, 9), close => |(_, _, histogram)| histogram),
    ta_lib!("BBANDS 20", bbands_open(close; 20, 2.0, 2.0, ta_lib::MAType::SMA), close => |(upper, _, _)| upper),
    ta_lib!("ATR 14", atr_open(high, low, close; 14), high, low, close => |value| value),
    ta_lib!("ADX 14", adx_open(high, low, close; 14), high, low, close => |value| value),
    ta_lib!(
        "STOCH",
        stoch_open(high, low, close; 5, 3, ta_lib::MAType::SMA, 3, ta_lib::MAType::SMA),
        high, low, close => |(_, slow)| slow
    ),
    ta_lib!("CCI 20", cci_open(high, low, close; 20), high, low, close => |value| value),
    ta_lib!("MFI 14", mfi_open(high, low, close, volume; 14), high, low, close, volume => |value| value),
    ta_lib!("OBV", obv_open(close, volume;), close, volume => |value| value),
    ta_lib!("WILLR 14", willr_open(high, low, close; 14), high, low, close => |value| value),
];

/// An indicator of `ta`, over the close or over whole bars.
macro_rules! ta {
    ($name:literal, $new:expr, $bar:ident => $input:expr, $value:expr) => {
        ($name, || {
            use ta::Next as _;
            let mut indicator = $new.map_err(|error| anyhow!("ta: {error}"))?;
            Ok(Box::new(move |bars: &[Bar], out: &mut Vec<f64>| {
                out.extend(bars.iter().map(|$bar| $value(indicator.next($input))));
            }) as Step)
        })
    };
}

/// A bar, as `ta` takes it.
struct TaBar<'a>(&'a Bar);

impl ta::High for TaBar<'_> {
    fn high(&self) -> f64 {
        self.0.high
    }
}

impl ta::Low for TaBar<'_> {
    fn low(&self) -> f64 {
        self.0.low
    }
}

impl ta::Close for TaBar<'_> {
    fn close(&self) -> f64 {
        self.0.close
    }
}

impl ta::Volume for TaBar<'_> {
    fn volume(&self) -> f64 {
        self.0.volume
    }
}

use ta::indicators as of_ta;

const TA: [Entry; 10] = [
    ta!("SMA 20", of_ta::SimpleMovingAverage::new(20), bar => bar.close, |value| value),
    ta!("EMA 20", of_ta::ExponentialMovingAverage::new(20), bar => bar.close, |value| value),
    ta!("RSI 14", of_ta::RelativeStrengthIndex::new(14), bar => bar.close, |value| value),
    ta!(
        "MACD",
        of_ta::MovingAverageConvergenceDivergence::new(12, 26, 9),
        bar => bar.close,
        |value: of_ta::MovingAverageConvergenceDivergenceOutput| value.histogram
    ),
    ta!(
        "BBANDS 20",
        of_ta::BollingerBands::new(20, 2.0),
        bar => bar.close,
        |value: of_ta::BollingerBandsOutput| value.upper
    ),
    ta!("ATR 14", of_ta::AverageTrueRange::new(14), bar => &TaBar(bar), |value| value),
    ta!("STOCH", of_ta::SlowStochastic::new(5, 3), bar => &TaBar(bar), |value| value),
    ta!("CCI 20", of_ta::CommodityChannelIndex::new(20), bar => &TaBar(bar), |value| value),
    ta!("MFI 14", of_ta::MoneyFlowIndex::new(14), bar => &TaBar(bar), |value| value),
    ta!("OBV", Ok::<_, std::fmt::Error>(of_ta::OnBalanceVolume::new()), bar => &TaBar(bar), |value| value),
];

/// A method of yata over the close.
macro_rules! yata_method {
    ($name:literal, $method:ty, $period:expr) => {
        ($name, || {
            Ok(Box::new(|bars: &[Bar], out: &mut Vec<f64>| {
                use yata::core::Method as _;
                let Some(first) = bars.first() else { return };
                let Ok(mut method) = <$method>::new($period, &first.close) else { return };
                out.extend(bars.iter().map(|bar| method.next(&bar.close)));
            }) as Step)
        })
    };
}

/// An indicator of yata, its signals included.
macro_rules! yata {
    ($name:literal, $config:expr) => {
        ($name, || {
            Ok(Box::new(|bars: &[Bar], out: &mut Vec<f64>| {
                use yata::core::{IndicatorConfig as _, IndicatorInstance as _};
                let candle = |bar: &Bar| [bar.open, bar.high, bar.low, bar.close, bar.volume];
                let Some(first) = bars.first() else { return };
                let Ok(mut instance) = $config.init(&candle(first)) else { return };
                out.extend(bars.iter().map(|bar| instance.next(&candle(bar)).value(0)));
            }) as Step)
        })
    };
}

use yata::indicators as of_yata;

const YATA: [Entry; 9] = [
    yata_method!("SMA 20", yata::methods::SMA, 20),
    yata_method!("EMA 20", yata::methods::EMA, 20),
    yata!("RSI 14", of_yata::RelativeStrengthIndex::default()),
    yata!("MACD", of_yata::MACD::default()),
    yata!("BBANDS 20", of_yata::BollingerBands { avg_size: 20, sigma: 2.0, ..Default::default() }),
    yata!("ADX 14", of_yata::AverageDirectionalIndex::default()),
    yata!("STOCH", of_yata::StochasticOscillator::default()),
    yata!("CCI 20", of_yata::CommodityChannelIndex { period: 20, ..Default::default() }),
    yata!("MFI 14", of_yata::MoneyFlowIndex { period: 14, ..Default::default() }),
];

/// A step of kand, whose state the caller keeps.
macro_rules! kand {
    ($name:literal, $state:expr, |$before:ident, $last:ident, $bar:ident| $next:expr, $value:expr) => {
        ($name, || {
            Ok(Box::new(|bars: &[Bar], out: &mut Vec<f64>| {
                let mut $before = $state(bars);
                out.resize(OPENING, f64::NAN);
                for at in OPENING..bars.len() {
                    let ($last, $bar) = (&bars[..at], &bars[at]);
                    if let Ok(next) = $next {
                        $before = next;
                    }
                    out.push($value($before));
                }
            }) as Step)
        })
    };
}

use kand::ohlcv as of_kand;

const KAND: [Entry; 6] = [
    kand!(
        "SMA 20",
        |bars: &[Bar]| bars[OPENING - 20..OPENING].iter().map(|bar| bar.close).sum::<f64>() / 20.0,
        |before, last, bar| of_kand::sma::sma_inc(before, bar.close, last[last.len() - 20].close, 20),
        |value| value
    ),
    kand!(
        "EMA 20",
        |bars: &[Bar]| bars[0].close,
        |before, _last, bar| of_kand::ema::ema_inc(bar.close, before, 20, None),
        |value| value
    ),
    kand!(
        "RSI 14",
        |_: &[Bar]| (50.0, 1.0, 1.0),
        |before, last, bar| of_kand::rsi::rsi_inc(
            bar.close,
            last[last.len() - 1].close,
            before.1,
            before.2,
            14
        ),
        |value: (f64, f64, f64)| value.0
    ),
    kand!(
        "ATR 14",
        |_: &[Bar]| 1.0,
        |before, last, bar| of_kand::atr::atr_inc(bar.high, bar.low, last[last.len() - 1].close, before, 14),
        |value| value
    ),
    kand!(
        "ADX 14",
        |_: &[Bar]| (20.0, 1.0, 1.0, 1.0),
        |before, last, bar| {
            let previous = &last[last.len() - 1];
            of_kand::adx::adx_inc(
                bar.high,
                bar.low,
                previous.high,
                previous.low,
                previous.close,
                before.0,
                before.1,
                before.2,
                before.3,
                14,
            )
        },
        |value: (f64, f64, f64, f64)| value.0
    ),
    kand!(
        "OBV",
        |_: &[Bar]| 0.0,
        |before, last, bar| of_kand::obv::obv_inc(bar.close, last[last.len() - 1].close, bar.volume, before),
        |value| value
    ),
];
