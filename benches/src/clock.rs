//! CPU time, since machines are shared.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// How often a figure is taken; the median counts.
const ROUNDS: usize = 7;

/// CPU time of this thread so far.
pub(crate) fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// CPU time of all threads of this process so far.
#[cfg(feature = "peers")]
fn now_of_all_threads() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// As [`nanoseconds`], for jobs that may leave their work to threads of their own.
#[cfg(feature = "peers")]
pub(crate) fn nanoseconds_of_all_threads(jobs: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    measure(jobs, now_of_all_threads)
}

/// The CPU time that each of several jobs takes, in nanoseconds: the jobs in turn, seven rounds, medians.
pub(crate) fn nanoseconds(jobs: &mut [&mut dyn FnMut()]) -> Vec<f64> {
    measure(jobs, now)
}

fn measure(jobs: &mut [&mut dyn FnMut()], now: impl Fn() -> Duration) -> Vec<f64> {
    let mut rounds = vec![Vec::with_capacity(ROUNDS); jobs.len()];
    for _ in 0..ROUNDS {
        for (job, rounds) in jobs.iter_mut().zip(&mut rounds) {
            let start = now();
            job();
            rounds.push(now().saturating_sub(start).as_secs_f64() * 1e9);
        }
    }
    rounds.into_iter().map(median).collect()
}

/// The middle one; NaN of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }

    #[test]
    fn work_takes_time_and_every_job_is_measured() {
        let (mut short, mut long) = (0_u64, 0_u64);
        let mut one = || (0..20_000).for_each(|at| short = std::hint::black_box(short ^ at));
        let mut two = || (0..20_000_000).for_each(|at| long = std::hint::black_box(long ^ at));
        let found = nanoseconds(&mut [&mut one, &mut two]);
        assert!(found.len() == 2 && found[1] > 0.0, "{found:?}");
    }
}
