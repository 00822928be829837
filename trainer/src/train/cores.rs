//! How the cores are divided between the two libraries while they work side by side.
//!
//! Two threads make one booster about 1.6 times as fast as one does, but two boosters twice as fast. So each library has its
//! own part of the cores, and who is left alone has all. The number of threads changes no bit of a booster.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::library::Library;

/// LightGBM's part: it needs about three fifths of the time that both need.
const LIGHTGBM_SHARE: f64 = 0.6;

/// The cores of a training.
#[derive(Debug)]
pub(super) struct Cores {
    all: usize,
    /// How many libraries are at work.
    working: AtomicUsize,
    failed: AtomicBool,
}

/// A library at work; when this is dropped, it is no longer.
pub(super) struct AtWork<'a> {
    cores: &'a Cores,
    library: Library,
}

impl Cores {
    /// So many, all free.
    pub(super) fn new(all: usize) -> Self {
        Self { all: all.max(1), working: AtomicUsize::new(0), failed: AtomicBool::new(false) }
    }

    /// Whether two can work side by side.
    pub(super) const fn are_several(&self) -> bool {
        self.all > 1
    }

    /// A library begins to work.
    pub(super) fn begin(&self, library: Library) -> AtWork<'_> {
        self.working.fetch_add(1, Ordering::Relaxed);
        AtWork { cores: self, library }
    }
}

impl AtWork<'_> {
    /// What the libraries work for can't be had any more.
    pub(super) fn fail(&self) {
        self.cores.failed.store(true, Ordering::Relaxed);
    }

    /// Whether it can't.
    pub(super) fn is_in_vain(&self) -> bool {
        self.cores.failed.load(Ordering::Relaxed)
    }

    /// How many threads it may take now, at least one.
    pub(super) fn threads(&self) -> usize {
        let all = self.cores.all;
        if self.cores.working.load(Ordering::Relaxed) < 2 {
            return all;
        }
        let lightgbm = ((all as f64 * LIGHTGBM_SHARE).round() as usize).clamp(1, (all - 1).max(1));
        match self.library {
            Library::Lightgbm => lightgbm,
            Library::Xgboost => (all - lightgbm).max(1),
        }
    }
}

impl Drop for AtWork<'_> {
    fn drop(&mut self) {
        self.cores.working.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_share_the_cores_and_one_alone_has_all() {
        for (all, shared) in [(1, [1, 1]), (2, [1, 1]), (3, [2, 1]), (8, [5, 3]), (32, [19, 13])] {
            let cores = Cores::new(all);
            let lightgbm = cores.begin(Library::Lightgbm);
            assert_eq!(lightgbm.threads(), all);
            let xgboost = cores.begin(Library::Xgboost);
            assert_eq!([lightgbm.threads(), xgboost.threads()], shared);
            drop(lightgbm);
            assert_eq!(xgboost.threads(), all);
        }
        assert_eq!(Cores::new(0).begin(Library::Xgboost).threads(), 1);
    }
}
