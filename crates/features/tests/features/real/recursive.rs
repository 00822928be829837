//! Recursive kernels from a piece's first bar on. Oscillators of 0 to 100 are compared to 1e-12 of that.

use features::recursions::{
    AverageTrueRange, DirectionalMovement, Ema, HighLowClose, Kama, Macd, StochasticRsi, Trix, WilderGains,
};
use features::window::Recursion;
use ta_lib::{Core, MAType};

use super::klines::Piece;
use super::{Bound, Tally, answers};

/// What a kernel answers after each bar.
fn follow<R: Recursion, const N: usize>(
    mut kernel: R,
    inputs: impl Iterator<Item = R::Input>,
    read: impl Fn(&R) -> [f64; N],
) -> [Vec<f64>; N] {
    let mut columns = [const { Vec::new() }; N];
    for input in inputs {
        kernel.update(input);
        columns.iter_mut().zip(read(&kernel)).for_each(|(column, value)| column.push(value));
    }
    columns
}

pub(super) fn compare(core: &Core, piece: &Piece, tally: &mut Tally) {
    averages(core, piece, tally);
    oscillators(core, piece, tally);
    ranges(core, piece, tally);
}

fn averages(core: &Core, piece: &Piece, tally: &mut Tally) {
    let (close, bars) = (&piece.close, piece.close.len());
    let closes = || close.iter().copied();
    for (name, period) in [("EMA(20)", 20), ("EMA(96)", 96), ("EMA(200)", 200)] {
        let [ours] = follow(Ema::new(period), closes(), |ema| [ema.value()]);
        let [theirs] = answers(bars, |[out]| core.ema(0, bars - 1, close, period as i32, out));
        tally.compare(name, Bound::Relative(1e-12), &ours, &theirs);
    }
    let [kama] = follow(Kama::new(), closes(), |kama| [kama.value()]);
    let [theirs] = answers(bars, |[out]| core.kama(0, bars - 1, close, 10, out));
    tally.compare("KAMA(10)", Bound::Relative(1e-12), &kama, &theirs);
    // TA-Lib begins the line where the signal begins. Both are differences of prices, so they are compared as shares of one.
    let [line, signal] = follow(Macd::new(12, 26, 9), closes(), |macd| {
        let signal = macd.signal();
        [if signal.is_nan() { f64::NAN } else { macd.line() }, signal]
    });
    let [their_line, their_signal, _] =
        answers(bars, |[line, signal, rest]| core.macd(0, bars - 1, close, 12, 26, 9, line, signal, rest));
    let share =
        |values: &[f64]| values.iter().zip(close).map(|(value, price)| value / price).collect::<Vec<_>>();
    tally.compare("MACD(12, 26) over price", Bound::Absolute(1e-12), &share(&line), &share(&their_line));
    tally.compare(
        "MACD signal(9) over price",
        Bound::Absolute(1e-12),
        &share(&signal),
        &share(&their_signal),
    );
    let [trix] = follow(Trix::new(15), closes(), |trix| [trix.value()]);
    let [theirs] = answers(bars, |[out]| core.trix(0, bars - 1, close, 15, out));
    // Its weight is an eighth, so that fused or not there is one rounding.
    tally.compare("TRIX(15)", Bound::Bits, &trix, &theirs);
}

fn oscillators(core: &Core, piece: &Piece, tally: &mut Tally) {
    let (close, bars) = (&piece.close, piece.close.len());
    let closes = || close.iter().copied();
    for (name, period) in [("RSI(14)", 14), ("RSI(56)", 56)] {
        let [ours] = follow(WilderGains::for_rsi(period), closes(), |gains| [gains.rsi()]);
        let [theirs] = answers(bars, |[out]| core.rsi(0, bars - 1, close, period as i32, out));
        tally.compare(name, Bound::Bits, &ours, &theirs);
    }
    let [cmo] = follow(WilderGains::for_cmo(28), closes(), |gains| [gains.cmo()]);
    let [theirs] = answers(bars, |[out]| core.cmo(0, bars - 1, close, 28, out));
    tally.compare("CMO(28)", Bound::Absolute(1e-10), &cmo, &theirs);
    let [stochastic] = follow(StochasticRsi::new(), closes(), |rsi| [rsi.value()]);
    let [theirs, _] = answers(bars, |[k, d]| core.stochrsi(0, bars - 1, close, 14, 14, 1, MAType::SMA, k, d));
    tally.compare("STOCHRSI(14, 14)", Bound::Bits, &stochastic, &theirs);
}

fn ranges(core: &Core, piece: &Piece, tally: &mut Tally) {
    let Piece { high, low, close, .. } = piece;
    let bars = close.len();
    let prices = || piece.klines.iter().map(|k| HighLowClose { high: k.high, low: k.low, close: k.close });
    for (name, period) in [("ATR(10)", 10), ("ATR(14)", 14)] {
        let [ours] = follow(AverageTrueRange::new(period), prices(), |range| [range.value()]);
        let [theirs] = answers(bars, |[out]| core.atr(0, bars - 1, high, low, close, period as i32, out));
        tally.compare(name, Bound::Relative(1e-12), &ours, &theirs);
    }
    let [adx, plus, minus] = follow(DirectionalMovement::new(14), prices(), |movement| {
        [movement.adx(), movement.plus(), movement.minus()]
    });
    let [theirs] = answers(bars, |[out]| core.adx(0, bars - 1, high, low, close, 14, out));
    tally.compare("ADX(14)", Bound::Absolute(1e-10), &adx, &theirs);
    let [theirs] = answers(bars, |[out]| core.plus_di(0, bars - 1, high, low, close, 14, out));
    tally.compare("PLUS_DI(14)", Bound::Absolute(1e-10), &plus, &theirs);
    let [theirs] = answers(bars, |[out]| core.minus_di(0, bars - 1, high, low, close, 14, out));
    tally.compare("MINUS_DI(14)", Bound::Absolute(1e-10), &minus, &theirs);
}
