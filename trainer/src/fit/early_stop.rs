//! When to stop adding rounds.

use super::{Fit, FitError};

/// A gain below this share of the loss is none: the libraries add up the metric in an order that depends on the
/// number of threads, and that must not choose another round.
const SMALLEST_GAIN: f64 = 1e-9;

/// Follows the loss on the tuning rows and says when it has not improved for long enough.
#[derive(Debug, Clone)]
pub struct EarlyStop {
    patience: usize,
    seen: usize,
    best_rounds: usize,
    best_loss: f64,
}

impl EarlyStop {
    /// Stops after `patience` rounds without a new best.
    #[must_use]
    pub const fn new(patience: usize) -> Self {
        Self { patience, seen: 0, best_rounds: 0, best_loss: f64::INFINITY }
    }

    /// Takes the loss after one more round; `true` when it is time to stop. A loss that is not a number is
    /// never a best one.
    pub fn push(&mut self, loss: f64) -> bool {
        self.seen += 1;
        if loss < self.best_loss - SMALLEST_GAIN * loss.abs() {
            self.best_loss = loss;
            self.best_rounds = self.seen;
        }
        self.seen - self.best_rounds >= self.patience
    }

    /// The number of rounds with the lowest loss; 0 before any.
    #[must_use]
    pub const fn best_rounds(&self) -> usize {
        self.best_rounds
    }

    /// The lowest loss; infinite before any.
    #[must_use]
    pub const fn best_loss(&self) -> f64 {
        self.best_loss
    }

    /// What a library trained, all of it; without `followed` rows every round is a good one.
    pub(super) fn finish(
        &self,
        library: &'static str,
        file: Vec<u8>,
        followed: bool,
    ) -> Result<Fit, FitError> {
        let seen = self.seen;
        if seen == 0 || (followed && self.best_rounds == 0) {
            let answer = format!("no finite loss in {seen} rounds");
            return Err(FitError::Answer { library, answer, expected: "a loss on the tuning rows" });
        }
        let (rounds, tune_loss) =
            if followed { (self.best_rounds, self.best_loss) } else { (seen, f64::NAN) };
        Ok(Fit { file, rounds, rounds_trained: seen, tune_loss })
    }

    /// How many losses were taken.
    #[must_use]
    pub const fn seen(&self) -> usize {
        self.seen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lowest_loss_is_kept_and_patience_counts_from_it() {
        let mut stop = EarlyStop::new(2);
        let stopped: Vec<bool> = [3.0, 2.0, 2.0, f64::NAN].into_iter().map(|loss| stop.push(loss)).collect();
        assert_eq!(stopped, [false, false, false, true]);
        assert_eq!((stop.best_rounds(), stop.best_loss(), stop.seen()), (2, 2.0, 4));
    }
}
