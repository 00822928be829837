//! What can be wrong with a bar, and which bars have it.

use std::ops::Range;

use kline::Kline;
use serde::Serialize;

use super::grid::Grid;

/// What can be wrong with a bar that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// It is not later than the one before it.
    Duplicate,
    /// It is one of several in a row that say the same; see `staleness.rs`.
    Stale,
    /// Nothing was traded.
    ZeroVolume,
    /// Its return lies far beyond what is usual in the days before; see `spikes.rs`.
    Outlier,
    /// It moved alone, far from the market's median return; see `spikes.rs`.
    LoneSpike,
    /// Its columns contradict one another; see `consistency.rs`.
    Inconsistent,
    /// Two sources had it otherwise when it was brought in.
    Disputed,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Duplicate,
        Self::Stale,
        Self::ZeroVolume,
        Self::Outlier,
        Self::LoneSpike,
        Self::Inconsistent,
        Self::Disputed,
    ];

    /// The name in lower case with underscores.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Stale => "stale",
            Self::ZeroVolume => "zero_volume",
            Self::Outlier => "outlier",
            Self::LoneSpike => "lone_spike",
            Self::Inconsistent => "inconsistent",
            Self::Disputed => "disputed",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// How many bars have each fault. Of a fault that no bar has nothing is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FaultCounts([u32; Fault::ALL.len()]);

impl FaultCounts {
    /// Bars with a fault.
    #[must_use]
    pub const fn of(&self, fault: Fault) -> u32 {
        self.0[fault as usize]
    }

    /// Whether no bar has any.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// The faults that some bar has, with how many have them.
    pub fn found(&self) -> impl Iterator<Item = (Fault, u32)> + '_ {
        Fault::ALL.into_iter().map(|fault| (fault, self.of(fault))).filter(|(_, count)| *count > 0)
    }
}

impl Serialize for FaultCounts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.found().map(|(fault, count)| (fault.name(), count)))
    }
}

/// One symbol's bars with their faults.
pub(super) struct Marks<'a> {
    klines: &'a [Kline],
    bits: Vec<u8>,
}

impl<'a> Marks<'a> {
    pub(super) fn new(klines: &'a [Kline]) -> Self {
        Self { klines, bits: vec![0; klines.len()] }
    }

    /// Marks the klines, by their places, that `has` says so of.
    pub(super) fn mark(&mut self, fault: Fault, has: impl Fn(usize) -> bool) {
        for (at, bits) in self.bits.iter_mut().enumerate() {
            if has(at) {
                *bits |= fault.bit();
            }
        }
    }

    /// Marks the klines at some places.
    pub(super) fn mark_all(&mut self, fault: Fault, places: impl IntoIterator<Item = usize>) {
        for at in places {
            if let Some(bits) = self.bits.get_mut(at) {
                *bits |= fault.bit();
            }
        }
    }

    /// Marks the klines of some bars of the grid, in order of time.
    pub(super) fn mark_grid(&mut self, fault: Fault, grid: &Grid, bars: impl IntoIterator<Item = usize>) {
        let klines = self.klines;
        let places = bars.into_iter().filter_map(|bar| {
            let time = grid.open_time(bar);
            let at = klines.partition_point(|kline| kline.open_time < time);
            (klines.get(at)?.open_time == time).then_some(at)
        });
        self.mark_all(fault, places);
    }

    pub(super) fn is_faulty(&self, at: usize) -> bool {
        self.bits[at] != 0
    }

    pub(super) fn counts(&self, range: Range<usize>) -> FaultCounts {
        let mut counts = FaultCounts::default();
        for bits in &self.bits[range] {
            for fault in Fault::ALL {
                counts.0[fault as usize] += u32::from(bits & fault.bit() != 0);
            }
        }
        counts
    }

    pub(super) fn faulty(&self, range: Range<usize>) -> usize {
        self.bits[range].iter().filter(|bits| **bits != 0).count()
    }
}
