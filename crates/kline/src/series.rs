//! Where a kline stands in its series.

use crate::{BarTime, Interval, Kline};

/// How a closed kline relates to the last one of its series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The series was empty.
    First,
    /// The bar after the last one.
    Next,
    /// `missing` bars lie between the last one and this.
    Gap {
        /// At least 1.
        missing: i64,
    },
    /// The last bar again, with the same bits.
    Duplicate,
    /// The last bar again, with other values.
    Corrected,
    /// A bar before the last one: new, the same or corrected; only whoever keeps the history can tell.
    Earlier {
        /// At least 1.
        steps: i64,
    },
}

/// The head of one symbol's series of closed klines.
#[derive(Debug, Clone)]
pub struct Series {
    interval: Interval,
    last: Option<Kline>,
}

impl Series {
    /// An empty series.
    #[must_use]
    pub const fn new(interval: Interval) -> Self {
        Self { interval, last: None }
    }

    /// The last kline.
    #[must_use]
    pub const fn last(&self) -> Option<&Kline> {
        self.last.as_ref()
    }

    /// The last kline's bar.
    #[must_use]
    pub fn last_bar(&self) -> Option<BarTime> {
        self.last.map(|kline| kline.bar_time(self.interval))
    }

    /// Says where `kline` stands; changes nothing.
    #[must_use]
    pub fn place(&self, kline: &Kline) -> Placement {
        let Some(last) = &self.last else {
            return Placement::First;
        };
        let steps = (kline.open_time - last.open_time) / self.interval.milliseconds();
        match steps {
            0 if kline.same_bits(last) => Placement::Duplicate,
            0 => Placement::Corrected,
            1 => Placement::Next,
            later if later > 1 => Placement::Gap { missing: later - 1 },
            earlier => Placement::Earlier { steps: -earlier },
        }
    }

    /// Makes `kline` the head, unless it is earlier than the present one.
    pub fn push(&mut self, kline: &Kline) {
        if !matches!(self.place(kline), Placement::Earlier { .. }) {
            self.last = Some(*kline);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KlineFields;
    use proptest::prelude::*;

    fn at(bar: i64, price: f64) -> Kline {
        Kline::new(Interval::M15, KlineFields::flat(bar * 900_000, price)).expect("valid by construction")
    }

    #[test]
    fn the_last_bar_again_is_a_duplicate_or_a_correction() {
        let mut series = Series::new(Interval::M15);
        series.push(&at(5, 1.0));
        assert_eq!(series.place(&at(5, 1.0)), Placement::Duplicate);
        assert_eq!(series.place(&at(5, 1.5)), Placement::Corrected);
    }

    proptest! {
        #[test]
        fn placement_follows_the_distance_in_bars(last in 0i64..1000, next in 0i64..1000) {
            let mut series = Series::new(Interval::M15);
            series.push(&at(last, 1.0));
            let expected = match next - last {
                0 => Placement::Duplicate,
                1 => Placement::Next,
                d if d > 1 => Placement::Gap { missing: d - 1 },
                d => Placement::Earlier { steps: -d },
            };
            prop_assert_eq!(series.place(&at(next, 1.0)), expected);
            series.push(&at(next, 1.0));
            let head = series.last().map(|kline| kline.open_time / 900_000);
            prop_assert_eq!(head, Some(last.max(next)));
        }
    }
}
