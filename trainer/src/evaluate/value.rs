//! What following the direction would have been worth after costs: for the record, not for advice.
//!
//! Every four steps each pair is held long or short for the next four, by which side the ensemble thinks more probable; pairs
//! have the same weight. Every change of a position costs its share of the price.

use std::collections::BTreeMap;

use forecast::Task;
use forecast::score::{DAY_MS, Deflated, Figure, Moments, Resampling, sharpe_interval};
use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::dataset::Dataset;

/// Costs of a whole position, in basis points.
const COSTS_BP: [f64; 4] = [0.0, 2.0, 5.0, 10.0];

/// A market that never closes.
const DAYS_A_YEAR: f64 = 365.0;

/// The share of decisions that are followed: all, and the tenth with the most confidence.
const SHARES: [f64; 2] = [1.0, 0.1];

/// What a rule was worth at a cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NetValue {
    /// The share of decisions that are followed, those with the most confidence.
    pub share: f64,
    /// The cost of opening or closing a whole position, in basis points.
    pub cost_bp: f64,
    /// Decisions that were followed.
    pub trades: u32,
    /// How often they were right.
    pub hit_rate: f64,
    /// Whole positions that are opened or closed a pair and day.
    pub turnover: f64,
    /// The mean return of a day, in basis points of the whole, after costs.
    pub daily_bp: f64,
    /// The Sharpe ratio of a year; `None` where days don't vary.
    pub sharpe: Option<f64>,
    /// Its 95 % interval from days drawn again.
    pub sharpe_interval: Option<[f64; 2]>,
    /// How daily returns are shaped; their Sharpe ratio is that of a day.
    #[serde(default)]
    pub moments: Option<Moments>,
    /// The Sharpe ratio of a year beside that of the best of all that was tried, models and rules, without skill.
    #[serde(default)]
    pub deflated: Option<Deflated>,
}

#[derive(Clone, Copy)]
struct Decision {
    symbol: u16,
    day: i64,
    /// How far the probability of up is above one half.
    edge: f64,
    change: f64,
}

/// Every rule at every cost, by the direction ensemble's answers to the rows of the test window; the ensemble is the best of
/// `trials` models.
pub(super) fn net_values(
    dataset: &Dataset,
    direction: &Answers,
    resampling: Resampling,
    trials: u32,
) -> Vec<NetValue> {
    let decisions = decisions(dataset, direction);
    let mut found = Vec::new();
    for share in SHARES {
        let mut edges: Vec<f64> = decisions.iter().map(|decision| decision.edge.abs()).collect();
        edges.sort_unstable_by(|a, b| b.total_cmp(a));
        let place = ((edges.len() as f64 * share) as usize).saturating_sub(1);
        let Some(least) = edges.get(place).copied() else { continue };
        for cost_bp in COSTS_BP {
            let of_all_rules = trials.saturating_mul(SHARES.len() as u32);
            found.push(follow(&decisions, (share, least, cost_bp), resampling, of_all_rules));
        }
    }
    found
}

/// One decision every four steps, whose outcomes do not overlap.
fn decisions(dataset: &Dataset, direction: &Answers) -> Vec<Decision> {
    let range = dataset.range(dataset.split.test);
    let horizon = i64::from(Task::Direction4Step.horizon_steps());
    let decision = |(row, answer): (usize, &[f64])| {
        let key = dataset.key(row);
        let change = dataset.outcomes(row..row + 1)[0][Task::Return4Step.index()];
        let edge = answer.get(1)? - 0.5;
        let is_due = key.bar.index(dataset.interval).rem_euclid(horizon) == 0;
        (is_due && !edge.is_nan() && !change.is_nan()).then_some(Decision {
            symbol: key.symbol,
            day: key.bar.milliseconds().div_euclid(DAY_MS),
            edge,
            change,
        })
    };
    range.zip(direction.rows()).filter_map(decision).collect()
}

fn follow(
    decisions: &[Decision],
    (share, least, cost_bp): (f64, f64, f64),
    resampling: Resampling,
    trials: u32,
) -> NetValue {
    let mut held: BTreeMap<u16, f64> = BTreeMap::new();
    let mut days: BTreeMap<i64, f64> = BTreeMap::new();
    let (mut trades, mut hits, mut turnover) = (0_u32, 0_u32, 0.0);
    for decision in decisions {
        let position = if decision.edge.abs() >= least { decision.edge.signum() } else { 0.0 };
        let before = held.insert(decision.symbol, position).unwrap_or(0.0);
        let moved = (position - before).abs();
        turnover += moved;
        *days.entry(decision.day).or_default() += position * decision.change - moved * cost_bp * 1e-4;
        if position != 0.0 {
            trades += 1;
            hits += u32::from(position * decision.change > 0.0);
        }
    }
    let pairs = held.len().max(1) as f64;
    let daily: Vec<f64> = days.values().map(|value| value / pairs).collect();
    let count = daily.len().max(1) as f64;
    let Figure { value, low, high } = sharpe_interval(&daily, resampling);
    let moments = Moments::of(&daily);
    let deflated = moments.map(|moments| moments.deflated(trials, moments.chance()));
    let of_a_year =
        |deflated: Deflated| Deflated { hurdle: deflated.hurdle * DAYS_A_YEAR.sqrt(), ..deflated };
    NetValue {
        share,
        cost_bp,
        trades,
        hit_rate: f64::from(hits) / f64::from(trades.max(1)),
        turnover: turnover / pairs / count,
        daily_bp: daily.iter().sum::<f64>() / count * 1e4,
        sharpe: Some(value).filter(|value| value.is_finite()),
        sharpe_interval: (low.is_finite() && high.is_finite()).then_some([low, high]),
        moments,
        deflated: deflated.map(of_a_year).filter(|deflated| deflated.probability.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RESAMPLING: Resampling = Resampling { times: 20, seed: 1 };

    fn decision(day: i64, edge: f64, change: f64) -> Decision {
        Decision { symbol: 0, day, edge, change }
    }

    #[test]
    fn who_is_always_right_earns_every_move_less_what_turning_costs() {
        // Long, then short, then short: one position is opened, then turned.
        let decisions = [decision(1, 0.1, 0.01), decision(1, -0.2, -0.02), decision(2, -0.1, -0.01)];
        let free = follow(&decisions, (1.0, 0.0, 0.0), RESAMPLING, 1);
        assert!((free.daily_bp - 200.0).abs() < 1e-9 && free.hit_rate == 1.0 && free.trades == 3);
        assert!((free.turnover - 1.5).abs() < 1e-12);
        let paid = follow(&decisions, (1.0, 0.0, 10.0), RESAMPLING, 1);
        assert!((paid.daily_bp - (200.0 - 1.5 * 10.0)).abs() < 1e-9, "{}", paid.daily_bp);
    }

    #[test]
    fn the_best_of_many_is_worth_less_than_one_alone() {
        let change = |day: i64| if day % 3 == 0 { -0.004 } else { 0.004 };
        let decisions: Vec<Decision> = (0..90).map(|day| decision(day, 0.1, change(day))).collect();
        let of = |trials| follow(&decisions, (1.0, 0.0, 0.0), RESAMPLING, trials).deflated.expect("90 days");
        let (one, many) = (of(1), of(200));
        assert_eq!((one.trials, one.hurdle, many.trials), (1, 0.0, 200));
        // Of 200 tries without skill over 90 days the best shows 2.77 standard errors, each a root of 365/89 a year.
        let hurdle = forecast::score::expected_maximum(200) * (365.0_f64 / 89.0).sqrt();
        assert!((many.hurdle - hurdle).abs() < 1e-9 && (5.5..5.7).contains(&hurdle), "{many:?}");
        assert!(one.probability > 0.99 && many.probability < 0.8, "{one:?} {many:?}");
    }

    #[test]
    fn without_confidence_nothing_is_held() {
        let decisions = [decision(1, 0.3, 0.01), decision(1, 0.1, -0.02), decision(2, -0.4, 0.01)];
        let found = follow(&decisions, (0.5, 0.3, 0.0), RESAMPLING, 1);
        assert_eq!((found.trades, found.hit_rate), (2, 0.5));
        assert!((found.daily_bp - 0.0).abs() < 1e-9);
    }
}
