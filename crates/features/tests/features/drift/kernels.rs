//! The kernels that go over a whole [`RollingWindow`], after two million updates of it.

use features::window::{
    Comoments, Moments, Regression, RollingWindow, bars_since_highest, bars_since_lowest, highest, lowest,
    mean, sum, weighted_mean,
};

use super::exact::{Fresh, comoments_errors, line_errors};
use super::{BOUND, CHECKPOINTS, OUTLIER, UPDATES, WINDOWS, adversarial, shown};
use crate::support::Random;

/// Every kernel's answer.
fn answers(x: &[f64], y: &[f64]) -> [f64; 14] {
    let (moments, line, both) = (Moments::of(x), Regression::of(x), Comoments::of(x, y));
    [
        sum(x),
        mean(x),
        weighted_mean(x),
        highest(x),
        lowest(x),
        bars_since_highest(x),
        bars_since_lowest(x),
        moments.mean,
        moments.variance,
        line.slope,
        line.r_squared,
        both.variance_x,
        both.variance_y,
        both.covariance,
    ]
}

/// Each against the exact one, on the scales of the summaries' tests; the weighted mean against the plain sum of its terms
/// in proportion to the sizes.
fn errors(x: &[f64], y: &[f64], found: &[f64; 14]) -> Vec<f64> {
    let fresh = Fresh::of(x);
    let count = x.len() as f64;
    let scale = fresh.deviation() + fresh.mean.value().abs();
    let weighted: Vec<f64> = (1..).zip(x).map(|(weight, item)| f64::from(weight) * item).collect();
    let weights = count * (count + 1.0) / 2.0;
    let weighted = Fresh::of(&weighted);
    let mut errors = vec![
        fresh.sum.error(found[0], fresh.sizes),
        fresh.mean.error(found[1], fresh.sizes / count),
        weighted.sum.error(found[2] * weights, weighted.sizes),
        fresh.mean.error(found[7], scale),
        fresh.moments[0].error(found[8], fresh.moments[0].value()),
    ];
    errors.extend(line_errors(x, [found[9], found[10]]));
    errors.extend(comoments_errors(x, y, [found[11], found[12], found[13]]));
    errors
}

/// And the bits are those of a window that took nothing else before.
#[test]
fn kernels_over_a_rolling_window_do_not_drift() {
    let (x, y) = (adversarial(11), adversarial(12));
    for window in WINDOWS {
        let mut random = Random(window as u64);
        let mut rolling = [RollingWindow::new(window), RollingWindow::new(window)];
        let (mut compared, mut left, mut worst) = (0, 0, vec![0.0f64; 10]);
        for at in 0..UPDATES {
            rolling[0].push(x[at]);
            rolling[1].push(y[at]);
            let has_left = at >= window && x[at - window] == OUTLIER;
            let is_checkpoint = random.bits().is_multiple_of(UPDATES as u64 / CHECKPOINTS);
            if at + 1 < window || !(has_left || is_checkpoint) {
                continue;
            }
            let tails = [&x[at + 1 - window..=at], &y[at + 1 - window..=at]];
            let found = answers(rolling[0].last(window), rolling[1].last(window));
            let fresh = answers(tails[0], tails[1]);
            assert_eq!(found.map(f64::to_bits), fresh.map(f64::to_bits), "over {window} at {at}");
            let errors = errors(tails[0], tails[1], &found);
            assert!(errors.iter().all(|error| *error <= BOUND), "over {window} at {at}: {errors:?}");
            worst.iter_mut().zip(errors).for_each(|(worst, error)| *worst = worst.max(error));
            (compared, left) = (compared + 1, left + usize::from(has_left));
        }
        assert!(compared > 1_200 && left > 100, "{compared} compared, {left} outliers left");
        println!(
            "kernels over {window}: {compared} compared, {left} outliers left, errors up to {}",
            shown(&worst)
        );
    }
}
