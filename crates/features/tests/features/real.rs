//! Every kernel that TA-Lib has answers as TA-Lib does, on every bar of ten real series.
//!
//! TA-Lib here is its official Rust port, whose bits are those of the C library 0.8.3. Its unstable period is the default, 0:
//! recursive kernels are driven from a series' first bar, so that their seeds are compared too. TA-Lib knows no holes, so
//! a series is cut at each.
//!
//! The goldens are of the C library 0.8.2, whose bits ours are but for ATR's. Since 0.8.3 TA-Lib fuses the multiplication and
//! the addition of its exponential averages too (EMA, MACD, KAMA), and CMO and the directional indicators add in another
//! order. Ours stay as they are, so that these agree within a bound: a few units in the last place.

mod klines;
mod recursive;
mod windowed;

use std::collections::BTreeMap;
use std::sync::Mutex;

use features::Catalogue;
use ta_lib::{Core, OutRange, RetCode};

use klines::Piece;

/// What TA-Lib answers, one value a bar, NaN where it has none yet.
fn answers<const N: usize>(
    bars: usize,
    run: impl FnOnce(&mut [Vec<f64>; N]) -> Result<OutRange, RetCode>,
) -> [Vec<f64>; N] {
    let mut outputs = std::array::from_fn(|_| vec![f64::NAN; bars]);
    let range = run(&mut outputs).expect("a valid series");
    outputs.map(|values| {
        let mut placed = vec![f64::NAN; bars];
        placed[range.beg_idx..range.beg_idx + range.count].copy_from_slice(&values[..range.count]);
        placed
    })
}

/// How near two values must be.
#[derive(Clone, Copy)]
enum Bound {
    /// The same bits (0 and -0 are taken for the same).
    Bits,
    /// So much, relative to TA-Lib's value.
    Relative(f64),
    /// So much, in the value's unit.
    Absolute(f64),
}

/// How many values were compared, and the largest error.
#[derive(Default)]
struct Tally(BTreeMap<&'static str, (usize, f64)>);

impl Tally {
    /// Compares two columns: a value wherever the other has one, and within the bound.
    fn compare(&mut self, name: &'static str, bound: Bound, ours: &[f64], theirs: &[f64]) {
        let (compared, worst) = self.0.entry(name).or_default();
        for (bar, (&ours, &theirs)) in ours.iter().zip(theirs).enumerate() {
            assert_eq!(ours.is_nan(), theirs.is_nan(), "{name} at {bar}: {ours:e}, TA-Lib {theirs:e}");
            if theirs.is_nan() || ours == theirs {
                *compared += usize::from(!theirs.is_nan());
                continue;
            }
            let (error, allowed) = match bound {
                Bound::Bits => (f64::INFINITY, 0.0),
                Bound::Relative(allowed) => ((ours - theirs).abs() / theirs.abs(), allowed),
                Bound::Absolute(allowed) => ((ours - theirs).abs(), allowed),
            };
            assert!(error <= allowed, "{name} at {bar}: {ours:e}, TA-Lib {theirs:e}, error {error:e}");
            (*compared, *worst) = (*compared + 1, worst.max(error));
        }
    }

    fn add(&mut self, other: Self) {
        for (name, (compared, worst)) in other.0 {
            let entry = self.0.entry(name).or_default();
            *entry = (entry.0 + compared, entry.1.max(worst));
        }
    }
}

/// Series by series on two threads: more than a million bars are to take seconds.
fn over_all(compare: impl Fn(&Core, &Piece, &mut Tally) + Sync) -> (Tally, usize) {
    let (names, total) = (Mutex::new(klines::names()), Mutex::new((Tally::default(), 0)));
    let next = || names.lock().expect("no panic").pop();
    let work = || {
        let core = Core::new();
        while let Some(name) = next() {
            let mut tally = Tally::default();
            let pieces = klines::pieces(name);
            pieces.iter().for_each(|piece| compare(&core, piece, &mut tally));
            let bars = pieces.iter().map(|piece| piece.close.len()).sum::<usize>();
            let mut total = total.lock().expect("no panic");
            total.0.add(tally);
            total.1 += bars;
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    total.into_inner().expect("no panic")
}

#[test]
fn every_kernel_is_ta_libs_on_real_klines() {
    let (tally, bars) = over_all(|core, piece, tally| {
        recursive::compare(core, piece, tally);
        windowed::compare(core, piece, tally);
    });
    println!("{bars} bars");
    for (name, (compared, worst)) in &tally.0 {
        println!("{name}: {compared} values, largest error {worst:.1e}");
        assert!(*compared > bars * 9 / 10, "{name}: {compared} of {bars} compared");
    }
    assert!(tally.0.len() > 30);
}

/// So that no windowed indicator of TA-Lib's is forgotten. On-balance volume and the correlation with volume are left to the
/// goldens: over years TA-Lib's running sums leave them fewer places than a bound here could use.
#[test]
fn every_windowed_column_of_ta_libs_is_compared() {
    let left_out = ["obv_slope_16", "obv_slope_96", "volume_return_correlation_96"];
    let definitions = Catalogue::standard().definitions().iter();
    for definition in definitions.filter(|definition| definition.source.starts_with("TA-Lib")) {
        let is_compared = windowed::COLUMNS.iter().any(|(name, _)| *name == definition.name);
        let is_recursive = definition.source.contains("generations");
        assert!(is_compared || is_recursive || left_out.contains(&definition.name), "{}", definition.name);
    }
}
