//! Several symbols' series as one, in event-time order.

use kline::{BarTime, Interval, Kline};

/// Walks the bars of several series in ascending order. A symbol's index is its series' place. Klines that are not later than the one before in their series are left out.
pub(crate) struct Merge<'a> {
    interval: Interval,
    series: Vec<&'a [Kline]>,
    next: Vec<usize>,
    klines: Vec<(usize, &'a Kline)>,
}

impl<'a> Merge<'a> {
    pub(crate) fn new(series: Vec<&'a [Kline]>, interval: Interval) -> Self {
        let next = vec![0; series.len()];
        let klines = Vec::with_capacity(series.len());
        Self { interval, series, next, klines }
    }

    /// The next bar and its klines, in ascending order of symbol indices.
    pub(crate) fn next_bar(&mut self) -> Option<(BarTime, &[(usize, &'a Kline)])> {
        let heads = self.series.iter().zip(&self.next);
        let open_time =
            heads.filter_map(|(series, &next)| series.get(next)).map(|kline| kline.open_time).min()?;
        self.klines.clear();
        for (index, (series, next)) in self.series.iter().zip(&mut self.next).enumerate() {
            let Some(kline) = series.get(*next).filter(|kline| kline.open_time == open_time) else {
                continue;
            };
            self.klines.push((index, kline));
            let later = series[*next..].iter().position(|other| other.open_time > open_time);
            *next = later.map_or(series.len(), |steps| *next + steps);
        }
        let (_, kline) = self.klines.first()?;
        Some((kline.bar_time(self.interval), &self.klines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kline::KlineFields;

    #[test]
    fn bars_ascend_over_all_symbols_and_doubles_are_left_out() -> Result<(), Box<dyn std::error::Error>> {
        let series = |bars: &[i64]| -> Result<Vec<Kline>, kline::KlineError> {
            bars.iter().map(|bar| Kline::new(Interval::M15, KlineFields::flat(bar * 900_000, 1.0))).collect()
        };
        let (a, c) = (series(&[1, 2, 2, 1, 5])?, series(&[0, 2, 3])?);
        let mut merge = Merge::new(vec![&a, &[], &c], Interval::M15);
        let mut seen = Vec::new();
        while let Some((bar, klines)) = merge.next_bar() {
            let indices: Vec<usize> = klines.iter().map(|(index, _)| *index).collect();
            seen.push((bar.index(Interval::M15), indices));
        }
        assert_eq!(seen, [(0, vec![2]), (1, vec![0]), (2, vec![0, 2]), (3, vec![2]), (5, vec![0])]);
        Ok(())
    }
}
