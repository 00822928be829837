//! The tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl 2011): where good trials are dense and bad ones
//! are not, the next one is made.

use super::space::{DIMENSIONS, Point};
use crate::random::Random;

/// Trials that are drawn evenly before the estimator has anything to go by.
const EVEN_FIRST: usize = 8;

/// The share of trials that count as good.
const GOOD_SHARE: f64 = 0.25;

/// Candidates that are drawn where good trials are dense.
const CANDIDATES: usize = 32;

/// Draws of one number until one lies inside.
const DRAWS_MOST: usize = 32;

/// The narrowest kernel.
const WIDTH_LEAST: f64 = 0.05;

/// The point of the trial `number`, given the finished ones with their losses: a function of the seed, the number and what
/// is finished. The first one is `standard`.
#[must_use]
pub fn next_point(seed: u64, number: usize, finished: &[(Point, f64)], standard: Point) -> Point {
    let mut random = Random::of(seed, &[number as u64]);
    if number == 0 {
        return standard;
    }
    let known: Vec<&(Point, f64)> = finished.iter().filter(|(_, loss)| loss.is_finite()).collect();
    if known.len() < EVEN_FIRST {
        return Point([(); DIMENSIONS].map(|()| random.unit()));
    }
    let mut sorted = known;
    sorted.sort_by(|a, b| a.1.total_cmp(&b.1));
    let good = ((sorted.len() as f64 * GOOD_SHARE).ceil() as usize).max(2).min(sorted.len() - 1);
    let (good, bad) = sorted.split_at(good);
    let values = |trials: &[&(Point, f64)], dimension: usize| {
        Parzen::of(trials.iter().map(|(point, _)| point.0[dimension]).collect())
    };
    let both: [(Parzen, Parzen); DIMENSIONS] =
        std::array::from_fn(|dimension| (values(good, dimension), values(bad, dimension)));
    // Candidates are whole points: the best of each dimension by itself would be no point that was ever likely.
    let candidate = |_| {
        let point = std::array::from_fn(|dimension| both[dimension].0.draw(&mut random));
        let scored = both
            .iter()
            .zip(&point)
            .map(|((good, bad), value)| libm::log(good.density(*value) / bad.density(*value)));
        (scored.sum::<f64>(), Point(point))
    };
    let best = (0..CANDIDATES).map(candidate).max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or(standard, |(_, point)| point)
}

/// Whether a trial is not worth going on with: after as many folds its mean loss lies above the median of the others' (the
/// median rule of Golovin et al. 2017).
#[must_use]
pub fn is_hopeless(losses: &[f64], others: &[Vec<f64>]) -> bool {
    let folds = losses.len();
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let mut means: Vec<f64> =
        others.iter().filter(|other| other.len() >= folds).map(|other| mean(&other[..folds])).collect();
    if folds == 0 || means.len() < EVEN_FIRST / 2 {
        return false;
    }
    means.sort_unstable_by(f64::total_cmp);
    mean(losses) > means[means.len() / 2]
}

/// A mixture of normal kernels on 0 to 1, each as wide as the way to its farther neighbour, and one even kernel.
struct Parzen {
    kernels: Vec<(f64, f64)>,
}

impl Parzen {
    fn of(mut values: Vec<f64>) -> Self {
        values.sort_unstable_by(f64::total_cmp);
        let at = |place: isize| usize::try_from(place).ok().and_then(|place| values.get(place)).copied();
        let kernels = values
            .iter()
            .enumerate()
            .map(|(place, value)| {
                let below = value - at(place as isize - 1).unwrap_or(0.0);
                let above = at(place as isize + 1).unwrap_or(1.0) - value;
                (*value, below.max(above).clamp(WIDTH_LEAST, 0.5))
            })
            .collect();
        Self { kernels }
    }

    fn draw(&self, random: &mut Random) -> f64 {
        let place = random.below(self.kernels.len() + 1);
        let Some((middle, width)) = self.kernels.get(place) else { return random.unit() };
        // What lies outside is drawn again, for at the ends it would pile up.
        for _ in 0..DRAWS_MOST {
            // Box and Muller's transform; the first number is not 0.
            let (u, v) = (1.0 - random.unit(), random.unit());
            let normal = (-2.0 * libm::log(u)).sqrt() * libm::cos(std::f64::consts::TAU * v);
            let value = middle + width * normal;
            if (0.0..=1.0).contains(&value) {
                return value;
            }
        }
        random.unit()
    }

    fn density(&self, value: f64) -> f64 {
        let kernel = |(middle, width): &(f64, f64)| {
            let distance = (value - middle) / width;
            let below =
                |end: f64| 0.5 * (1.0 + libm::erf((end - middle) / (width * std::f64::consts::SQRT_2)));
            let inside = below(1.0) - below(0.0);
            libm::exp(-0.5 * distance * distance) / (width * std::f64::consts::TAU.sqrt() * inside)
        };
        (1.0 + self.kernels.iter().map(kernel).sum::<f64>()) / (self.kernels.len() + 1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A valley whose floor lies at 0.3 in every dimension.
    fn loss(point: &Point) -> f64 {
        point.0.iter().map(|value| (value - 0.3).powi(2)).sum()
    }

    fn search(seed: u64, trials: usize) -> Vec<(Point, f64)> {
        let mut finished = Vec::new();
        for number in 0..trials {
            let point = next_point(seed, number, &finished, Point([0.9; DIMENSIONS]));
            finished.push((point, loss(&point)));
        }
        finished
    }

    #[test]
    fn it_comes_closer_than_even_draws_do() {
        let best =
            |trials: &[(Point, f64)]| trials.iter().map(|(_, loss)| *loss).fold(f64::INFINITY, f64::min);
        let (mut ours, mut even) = (0.0, 0.0);
        for seed in 0..10 {
            ours += best(&search(seed, 60));
            let mut random = Random::of(seed, &[99]);
            let drawn: Vec<(Point, f64)> = (0..60)
                .map(|_| {
                    let point = Point([(); DIMENSIONS].map(|()| random.unit()));
                    (point, loss(&point))
                })
                .collect();
            even += best(&drawn);
        }
        assert!(ours < 0.6 * even, "{ours} {even}");
    }

    #[test]
    fn a_search_goes_on_as_if_it_had_not_been_interrupted() {
        let whole = search(5, 30);
        for number in [1, 9, 20, 29] {
            let again = next_point(5, number, &whole[..number], Point([0.9; DIMENSIONS]));
            assert_eq!(again, whole[number].0);
            assert!(again.0.iter().all(|value| (0.0..=1.0).contains(value)));
        }
        assert_ne!(search(6, 30)[9].0, whole[9].0, "another seed draws otherwise");
    }

    #[test]
    fn a_trial_above_the_median_after_as_many_folds_is_given_up() {
        let others = vec![vec![1.0, 1.0], vec![2.0, 2.0], vec![3.0], vec![4.0, 1.0]];
        assert!(is_hopeless(&[3.5], &others));
        assert!(!is_hopeless(&[2.5], &others));
        assert!(!is_hopeless(&[9.0, 9.0], &others), "only three others have two folds");
        assert!(!is_hopeless(&[], &others));
    }
}
