//! Sixteen million updates do not drift: whatever came before, a window's summary is that of its items, as double-double
//! arithmetic knows it, and its bits are those of a start at the window's first item.

mod exact;
mod kernels;

use features::HISTORY_BARS;
use features::window::Sliding;
use features::window::sliding::Terms;
use features::window::terms::{FourPowers, Highest, Line, Lowest, Powers, Products, Total};
use kline::{Interval, Kline, KlineFields};

use crate::support::{Random, Rows, STEP, assert_same, by_bar, collect, run, step, symbols};
use exact::Fresh;

const UPDATES: usize = 1_000_000;

const WINDOWS: [usize; 2] = [96, 672];

/// How many times each summary is compared with a fresh one, besides where an outlier has just left.
const CHECKPOINTS: u64 = 1_500;

/// Everything is compared to so much, relative to a size that each test states.
const BOUND: f64 = 1e-9;

/// A value a billion times the largest that is usual here.
const OUTLIER: f64 = 1e18;

/// Adversarial values: sizes from 1e-8 to 1e9 side by side, long constants, stretches of nothing, a wandering price, both
/// signs, and now and then one enormous value.
fn adversarial(seed: u64) -> Vec<f64> {
    let mut random = Random(seed);
    let (mut values, mut price) = (Vec::with_capacity(UPDATES), 100.0);
    while values.len() < UPDATES {
        let length = 20 + random.bits() % 1_500;
        let constant = size(&mut random);
        let kind = random.bits() % 6;
        for _ in 0..length {
            let value = match kind {
                0 => constant,
                1 => 0.0,
                2 => constant * (1.0 + 1e-6 * random.normal()),
                3 => {
                    price *= 1.0 + 0.003 * random.normal();
                    price
                }
                _ => size(&mut random) * if random.chance(0.5) { -1.0 } else { 1.0 },
            };
            values.push(if random.chance(2e-4) { OUTLIER } else { value });
        }
    }
    values.truncate(UPDATES);
    values
}

/// 1e-8 to 1e9, every power of ten as likely.
fn size(random: &mut Random) -> f64 {
    10f64.powf(-8.0 + 17.0 * random.unit())
}

/// A summary over a window of a series, from the item at `from` on up to the one at `to`.
fn started_at<T: Terms>(items: &[T::Item], window: usize, from: usize, to: usize) -> Sliding<T> {
    let mut sliding = Sliding::new(window);
    (from..=to).for_each(|at| push(&mut sliding, items, from, at));
    sliding
}

fn push<T: Terms>(sliding: &mut Sliding<T>, items: &[T::Item], from: usize, at: usize) {
    sliding.push(at as i64, |ago| if ago <= at - from { items[at - ago] } else { T::UNKNOWN_ITEM });
}

/// Errors in few places.
fn shown(errors: &[f64]) -> String {
    errors.iter().map(|error| format!("{error:.1e}")).collect::<Vec<_>>().join(" ")
}

/// Drives a summary over the whole series. At random places, and where an outlier has just left, its bits are those of
/// a summary that began with the window; `compare` answers by how much they differ from the exact ones, as a share of what
/// is allowed.
fn drive<T: Terms, const N: usize>(
    name: &str,
    items: &[T::Item],
    is_outlier: impl Fn(T::Item) -> bool,
    read: impl Fn(&Sliding<T>) -> [f64; N],
    mut compare: impl FnMut(&[T::Item], [f64; N]) -> [f64; N],
) {
    for window in WINDOWS {
        let mut random = Random(window as u64);
        let mut sliding = Sliding::<T>::new(window);
        let (mut compared, mut left, mut worst) = (0, 0, [0.0f64; N]);
        for at in 0..items.len() {
            push(&mut sliding, items, 0, at);
            let has_left = at >= window && is_outlier(items[at - window]);
            let is_checkpoint = random.bits().is_multiple_of(items.len() as u64 / CHECKPOINTS);
            if at + 1 < window || !(has_left || is_checkpoint) {
                continue;
            }
            let from = at + 1 - window;
            let (found, fresh) = (read(&sliding), read(&started_at::<T>(items, window, from, at)));
            assert_eq!(found.map(f64::to_bits), fresh.map(f64::to_bits), "{name} over {window} at {at}");
            let errors = compare(&items[from..=at], found);
            for (worst, error) in worst.iter_mut().zip(errors) {
                assert!(error <= BOUND, "{name} over {window} at {at}: {found:?} errs by {errors:?}");
                *worst = worst.max(error);
            }
            (compared, left) = (compared + 1, left + usize::from(has_left));
        }
        assert!(compared > 1_200 && left > 100, "{compared} compared, {left} outliers left");
        println!(
            "{name} over {window}: {compared} compared, {left} outliers left, errors up to {}",
            shown(&worst)
        );
    }
}

fn is_outlier(value: f64) -> bool {
    value == OUTLIER
}

/// Relative to the sum of the sizes, which is the sum itself where all have one sign.
#[test]
fn a_sum_does_not_drift() {
    drive::<Total, 1>(
        "sum",
        &adversarial(1),
        is_outlier,
        |s| [s.sum()],
        |items, [sum]| {
            let fresh = Fresh::of(items);
            [fresh.sum.error(sum, fresh.sizes)]
        },
    );
}

#[test]
fn an_extreme_and_its_place_are_exact() {
    let items = adversarial(2);
    let latest = |items: &[f64], extreme: f64| items.iter().rev().position(|item| *item == extreme);
    let equal = |is_equal: bool| if is_equal { 0.0 } else { 1.0 };
    drive::<Highest, 2>(
        "highest",
        &items,
        is_outlier,
        |s| [s.highest(), s.items_since()],
        |items, [high, since]| {
            let expected = items.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            [equal(high == expected), equal(latest(items, expected) == Some(since as usize))]
        },
    );
    drive::<Lowest, 2>(
        "lowest",
        &items,
        is_outlier,
        |s| [s.lowest(), s.items_since()],
        |items, [low, since]| {
            let expected = items.iter().copied().fold(f64::INFINITY, f64::min);
            [equal(low == expected), equal(latest(items, expected) == Some(since as usize))]
        },
    );
}

/// The mean relative to deviation plus size of the mean, the variance relative to itself.
#[test]
fn mean_and_variance_do_not_drift() {
    let read = |s: &Sliding<Powers>| [s.moments().mean, s.moments().variance];
    drive::<Powers, 2>("moments", &adversarial(3), is_outlier, read, |items, [mean, variance]| {
        let fresh = Fresh::of(items);
        let scale = fresh.deviation() + fresh.mean.value().abs();
        [fresh.mean.error(mean, scale), fresh.moments[0].error(variance, fresh.moments[0].value())]
    });
}

/// The n-th moment relative to the n-th power of the deviation, the third and fourth times the window's length: one outlier
/// stands the root of that many deviations off, and the origin may be it.
#[test]
fn the_four_moments_do_not_drift() {
    let read = |s: &Sliding<FourPowers>| s.four_moments();
    drive::<FourPowers, 4>("four moments", &adversarial(4), is_outlier, read, |items, found| {
        let fresh = Fresh::of(items);
        let (count, deviation) = (items.len() as f64, fresh.deviation());
        [
            fresh.mean.error(found[0], deviation + fresh.mean.value().abs()),
            fresh.moments[0].error(found[1], deviation.powi(2)),
            fresh.moments[1].error(found[2], count * deviation.powi(3)),
            fresh.moments[2].error(found[3], count * deviation.powi(4)),
        ]
    });
}

/// Variances relative to themselves, the covariance relative to the product of the deviations.
#[test]
fn covariances_do_not_drift() {
    let pairs: Vec<(f64, f64)> = adversarial(5).into_iter().zip(adversarial(6)).collect();
    let read = |s: &Sliding<Products>| {
        let found = s.comoments();
        [found.variance_x, found.variance_y, found.covariance]
    };
    let outlier = |pair: (f64, f64)| is_outlier(pair.0) || is_outlier(pair.1);
    drive::<Products, 3>("comoments", &pairs, outlier, read, |items, found| {
        let (x, y): (Vec<f64>, Vec<f64>) = items.iter().copied().unzip();
        exact::comoments_errors(&x, &y, found)
    });
}

/// The slope relative to the deviation, the share of the variance by itself, since it is at most 1.
#[test]
fn a_line_does_not_drift() {
    let read = |s: &Sliding<Line>| [s.regression().slope, s.regression().r_squared];
    drive::<Line, 2>("line", &adversarial(7), is_outlier, read, exact::line_errors);
}

/// Bars as no market makes them: prices from 1e-8 to 1e9 from one bar to the next, quiet stretches, volumes of nothing
/// and of 1e18, holes short and long, columns that come and go.
fn adversarial_bars(seed: u64, first: i64, bars: i64) -> Vec<Kline> {
    let mut random = Random(seed);
    let (mut close, mut kind, mut left, mut absent) = (100.0, 0, 0, 0);
    let mut klines = Vec::new();
    for index in first..first + bars {
        if left == 0 {
            (kind, left) = (random.bits() % 5, 20 + random.bits() % 900);
        }
        left -= 1;
        if random.chance(0.001) {
            absent = if random.chance(0.1) { 40 } else { 1 + random.bits() % 24 };
        }
        let open = close;
        close = match kind {
            0 => open,
            1 => size(&mut random),
            _ => (open * (1.0 + 0.01 * random.normal())).clamp(1e-8, 1e9),
        };
        let volume = if kind == 0 || random.chance(0.1) { 0.0 } else { size(&mut random) };
        let volume = if random.chance(2e-4) { OUTLIER } else { volume };
        let is_known = !random.chance(0.002);
        let fields = KlineFields {
            open,
            high: open.max(close) * (1.0 + 0.01 * random.unit()),
            low: open.min(close) * (1.0 - 0.01 * random.unit()),
            close,
            volume,
            quote_volume: None,
            trades: Some(random.bits() % 10_000).filter(|_| is_known),
            taker_base: Some(volume * random.unit()).filter(|_| is_known),
            taker_quote: None,
            ..KlineFields::flat(index * STEP, open)
        };
        if absent > 0 {
            absent -= 1;
        } else {
            klines.push(Kline::new(Interval::M15, fields).expect("made to be valid"));
        }
    }
    klines
}

#[test]
fn an_engine_of_100_000_bars_has_the_bits_of_one_that_began_a_history_ago() {
    const FIRST: i64 = 1_500_000;
    const BARS: i64 = 100_000;
    let all: Vec<_> = (0..2).map(|symbol| adversarial_bars(90 + symbol, FIRST, BARS)).collect();
    let mut random = Random(8);
    let checkpoints: Vec<i64> = (0..24)
        .map(|_| FIRST + HISTORY_BARS as i64 + (random.bits() % (BARS as u64 - HISTORY_BARS as u64)) as i64)
        .collect();
    let mut engine = features::FeatureEngine::new(&symbols(2), Interval::M15);
    let mut rows = Rows::new();
    for (bar, klines) in by_bar(&all) {
        step(&mut engine, bar, &klines);
        if checkpoints.iter().any(|checkpoint| (0..8).contains(&(checkpoint - bar))) {
            collect(&engine, bar, &mut rows);
        }
    }
    let mut compared = 0;
    for checkpoint in checkpoints {
        let from = checkpoint - 7 - HISTORY_BARS as i64 + 1;
        let until = |klines: &Vec<Kline>| -> Vec<Kline> {
            let wanted = from * STEP..=checkpoint * STEP;
            klines.iter().filter(|kline| wanted.contains(&kline.open_time)).copied().collect()
        };
        let later = run(&all.iter().map(until).collect::<Vec<_>>(), from);
        for (key, row) in later.iter().filter(|((_, bar), _)| *bar > checkpoint - 8) {
            assert_same(&format!("{key:?}"), &rows[key], row);
            compared += 1;
        }
    }
    assert!(compared > 300, "{compared} rows compared");
}
