//! Recursive indicators that do not remember where the series began.

use serde::{Deserialize, Serialize};

use crate::BLOCK;

/// An indicator that is fed one input a bar, beginning with a blank state.
pub trait Recursion: Clone {
    /// What it is fed.
    type Input: Copy;

    /// Takes the next bar's input. The first call after a blank state is the seed's first bar.
    fn update(&mut self, input: Self::Input);
}

/// A recursive indicator in two generations. Each generation is seeded at a bar index that is a multiple of
/// [`BLOCK`] and sees only bars from there on; it is read only at ages from `BLOCK` to `2 * BLOCK - 1`, then the next one
/// takes over. So the value at a bar is a function of at most `2 * BLOCK` bars before it, wherever the series began.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anchored<R> {
    blank: R,
    /// The generation of block `b` stands at `b % 2`.
    generations: [Option<R>; 2],
    last: Option<i64>,
}

impl<R: Recursion> Anchored<R> {
    /// Two empty generations; `blank` is the state that each is started from.
    pub const fn new(blank: R) -> Self {
        Self { blank, generations: [None, None], last: None }
    }

    /// Takes the input of the bar with the given index ([`kline::BarTime::index`]). After a hole in the indices
    /// the indicator starts anew.
    pub fn update(&mut self, index: i64, input: R::Input) {
        if self.last.is_some_and(|last| last + 1 != index) {
            self.generations = [None, None];
        }
        self.last = Some(index);
        if index.rem_euclid(BLOCK) == 0 {
            self.generations[slot(index)] = Some(self.blank.clone());
        }
        for generation in self.generations.iter_mut().flatten() {
            generation.update(input);
        }
    }

    /// The generation that may be read at the last bar, if the series is long enough.
    #[must_use]
    pub fn read(&self) -> Option<&R> {
        self.generations[slot(self.last? - BLOCK)].as_ref()
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.generations = [None, None];
        self.last = None;
    }
}

/// The place of the generation of the block that holds a bar index.
const fn slot(index: i64) -> usize {
    index.div_euclid(BLOCK).rem_euclid(2) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Seen(Vec<i64>);

    impl Recursion for Seen {
        type Input = i64;
        fn update(&mut self, input: i64) {
            self.0.push(input);
        }
    }

    #[test]
    fn a_generation_is_read_from_age_512_to_1023_and_holds_every_bar_since_its_anchor() {
        for start in [0, 1, 511, 512, 700, 1_000_003] {
            let mut anchored = Anchored::new(Seen(Vec::new()));
            for index in start..start + 3_000 {
                anchored.update(index, index);
                let anchor = (index.div_euclid(BLOCK) - 1) * BLOCK;
                let expected = (anchor >= start).then(|| (anchor..=index).collect::<Vec<_>>());
                assert_eq!(anchored.read().map(|seen| seen.0.clone()), expected, "{start} {index}");
            }
        }
    }

    #[test]
    fn a_hole_starts_anew() {
        let mut anchored = Anchored::new(Seen(Vec::new()));
        (0..1_100).for_each(|index| anchored.update(index, index));
        assert!(anchored.read().is_some());
        anchored.update(1_101, 0);
        assert!(anchored.read().is_none());
    }
}
