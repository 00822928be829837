//! How many rounds a booster gets.
//!
//! What stopped early on a window is too good on it. So each fold is answered with the rounds that the other folds were
//! best with, and the final boosters get what all of them were best with.

/// The median of what the other folds were best with, within what this one was trained for; with one fold its own.
#[must_use]
pub(super) fn of_fold(best: &[usize], trained: &[usize], fold: usize) -> usize {
    let others: Vec<usize> =
        (0..best.len()).filter(|other| *other != fold).map(|other| best[other]).collect();
    let wanted = if others.is_empty() { best[fold] } else { median(others) };
    wanted.clamp(1, trained[fold].max(1))
}

/// The median of what the folds were best with.
#[must_use]
pub(super) fn of_all(best: &[usize]) -> usize {
    median(best.to_vec()).max(1)
}

/// The mean of the middle two of an even number, rounded up.
fn median(mut values: Vec<usize>) -> usize {
    values.sort_unstable();
    let middle = values.len() / 2;
    match values.len() {
        0 => 1,
        count if count % 2 == 1 => values[middle],
        _ => (values[middle - 1] + values[middle]).div_ceil(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fold_is_answered_with_what_the_others_were_best_with() {
        let (best, trained) = ([10, 80, 60, 50], [30, 100, 80, 55]);
        assert_eq!(of_fold(&best, &trained, 0), 30, "60, but only 30 were trained");
        assert_eq!(of_fold(&best, &trained, 1), 50);
        assert_eq!(of_fold(&[7], &[9], 0), 7);
        assert_eq!(of_all(&best), 55);
        assert_eq!(of_all(&[4, 2, 9]), 4);
    }
}
