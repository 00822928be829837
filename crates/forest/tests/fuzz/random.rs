//! Numbers, values and rows that are hard to stand, chosen by a seed.

pub(crate) use crate::seeded::Random;

/// Numbers that readers and scorers must stand: beyond ranges, at the edges of types, no numbers at all.
pub(crate) const ODD_NUMBERS: [&str; 34] = [
    "0",
    "-0",
    "-1",
    "1",
    "2",
    "3",
    "4",
    "5",
    "7",
    "8",
    "14",
    "31",
    "63",
    "64",
    "100",
    "255",
    "256",
    "65535",
    "65536",
    "1000000",
    "16777216",
    "2147483647",
    "-2147483648",
    "4294967295",
    "9223372036854775807",
    "18446744073709551616",
    "1e308",
    "-1e400",
    "1e-46",
    "0.5",
    "nan",
    "NaN",
    "inf",
    "-inf",
];

/// Values of rows beside thresholds.
const ODD_VALUES: [f64; 16] = [
    f64::NAN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    0.0,
    -0.0,
    1e-35_f32 as f64,
    -1e-35_f32 as f64,
    5e-324,
    f64::MAX,
    f64::MIN,
    3.5e38,
    -2.0,
    1.5,
    31.0,
    16_777_216.0,
    4_294_967_296.0,
];

impl Random {
    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// 1 in most cases, up to `most` in the others: a model with one fault is most likely to load.
    pub(crate) fn several(&mut self, most: usize) -> usize {
        if self.one_in(3) { 1 + self.below(most) } else { 1 }
    }

    pub(crate) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    pub(crate) fn odd_number(&mut self) -> &'static str {
        self.pick::<&str>(&ODD_NUMBERS)
    }

    /// A row of values on thresholds, beside them, and odd ones.
    pub(crate) fn row(&mut self, width: usize, thresholds: &[f64]) -> Vec<f64> {
        let mut value = || match self.below(4) {
            0 => *self.pick(&ODD_VALUES),
            1 => self.below(40) as f64,
            _ if thresholds.is_empty() => 0.25,
            2 => self.pick(thresholds).next_up(),
            _ => *self.pick(thresholds),
        };
        (0..width).map(|_| value()).collect()
    }
}
