//! The last values of a series in one piece of memory.

use serde::{Deserialize, Serialize};

/// The last `capacity` values, oldest first, readable as one slice. Slots that were never filled hold NaN, so
/// a kernel over a window that is not full answers NaN. Every value is written twice, at a distance of
/// `capacity`, which makes each window contiguous.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(into = "Saved", try_from = "Saved")]
pub struct RollingWindow {
    values: Vec<f64>,
    capacity: usize,
    next: usize,
}

impl RollingWindow {
    /// An empty window; a capacity of 0 is taken for 1.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        let capacity = capacity.max(1);
        Self { values: vec![f64::NAN; 2 * capacity], capacity, next: 0 }
    }

    /// How many values are kept.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// Appends a value; the oldest one leaves.
    #[inline]
    pub fn push(&mut self, value: f64) {
        self.values[self.next] = value;
        self.values[self.next + self.capacity] = value;
        self.next = if self.next + 1 == self.capacity { 0 } else { self.next + 1 };
    }

    /// The last `count` values, oldest first. A count beyond the capacity is taken for the capacity.
    #[inline]
    #[must_use]
    pub fn last(&self, count: usize) -> &[f64] {
        self.before(0, count)
    }

    /// The `count` values that ended `back` values ago, oldest first, as far as they are kept.
    #[inline]
    #[must_use]
    pub fn before(&self, back: usize, count: usize) -> &[f64] {
        let back = back.min(self.capacity);
        let count = count.min(self.capacity - back);
        let end = self.next + self.capacity - back;
        &self.values[end - count..end]
    }

    /// The value `back` values ago (0 is the newest); NaN beyond what is kept.
    #[inline]
    #[must_use]
    pub fn at(&self, back: usize) -> f64 {
        if back < self.capacity { self.values[self.next + self.capacity - 1 - back] } else { f64::NAN }
    }

    /// Forgets every value.
    pub fn clear(&mut self) {
        self.values.fill(f64::NAN);
        self.next = 0;
    }
}

impl Clone for RollingWindow {
    fn clone(&self) -> Self {
        Self { values: self.values.clone(), capacity: self.capacity, next: self.next }
    }

    /// Reuses the memory, so that a copy of the same shape allocates nothing.
    fn clone_from(&mut self, source: &Self) {
        self.values.clone_from(&source.values);
        self.capacity = source.capacity;
        self.next = source.next;
    }
}

/// What a snapshot holds: the values, oldest first, once.
#[derive(Serialize, Deserialize)]
struct Saved(Vec<f64>);

impl From<RollingWindow> for Saved {
    fn from(window: RollingWindow) -> Self {
        Self(window.last(window.capacity).to_vec())
    }
}

impl TryFrom<Saved> for RollingWindow {
    type Error = &'static str;

    fn try_from(Saved(values): Saved) -> Result<Self, Self::Error> {
        if values.is_empty() {
            return Err("a rolling window without slots");
        }
        let capacity = values.len();
        Ok(Self { values: [values.as_slice(), values.as_slice()].concat(), capacity, next: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_are_the_tail_of_the_series(
            capacity in 1usize..20, values in prop::collection::vec(-1e3f64..1e3, 0..60), count in 0usize..20,
            back in 0usize..20,
        ) {
            let mut window = RollingWindow::new(capacity);
            values.iter().for_each(|value| window.push(*value));
            let padded: Vec<f64> = std::iter::repeat_n(f64::NAN, 40).chain(values).collect();
            let back = back.min(capacity);
            let count = count.min(capacity - back);
            let end = padded.len() - back;
            let bits = |slice: &[f64]| slice.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(window.before(back, count)), bits(&padded[end - count..end]));
            if back < capacity {
                prop_assert_eq!(window.at(back).to_bits(), padded[end - 1].to_bits());
            }
            let saved = Saved::from(window.clone());
            let restored = RollingWindow::try_from(saved).expect("not empty");
            prop_assert_eq!(bits(restored.last(capacity)), bits(window.last(capacity)));
        }
    }
}
