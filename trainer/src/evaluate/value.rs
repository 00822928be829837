//! What following the direction would have been worth after costs: for the record, not for advice.
//!
//! Every four steps each pair is held long or short for the next four, by which side the ensemble thinks more probable; pairs
//! have the same weight. Every change of a position costs its share of the price.

use std::collections::BTreeMap;

use forecast::Task;
use forecast::score::{DAY_MS, Figure, Resampling, sharpe_interval};
use serde::{Deserialize, Serialize};

use crate::answers::Answers;
use crate::dataset::Dataset;

/// Costs of a whole position, in basis points.
const COSTS_BP: [f64; 4] = [0.0, 2.0, 5.0, 10.0];

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
}

#[derive(Clone, Copy)]
struct Decision {
    symbol: u16,
    day: i64,
    /// How far the probability of up is above one half.
    edge: f64,
    change: f64,
}

/// Every rule at every cost, by the direction ensemble's answers to the rows of the test window.
pub(super) fn net_values(dataset: &Dataset, direction: &Answers, resampling: Resampling) -> Vec<NetValue> {
    let decisions = decisions(dataset, direction);
    let mut found = Vec::new();
    for share in SHARES {
        let mut edges: Vec<f64> = decisions.iter().map(|decision| decision.edge.abs()).collect();
        edges.sort_unstable_by(|a, b| b.total_cmp(a));
        let place = ((edges.len() as f64 * share) as usize).saturating_sub(1);
        let Some(least) = edges.get(place).copied() else { continue };
        for cost_bp in COSTS_BP {
            found.push(follow(&decisions, share, least, cost_bp, resampling));
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

fn follow(decisions: &[Decision], share: f64, least: f64, cost_bp: f64, resampling: Resampling) -> NetValue {
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
    NetValue {
        share,
        cost_bp,
        trades,
        hit_rate: f64::from(hits) / f64::from(trades.max(1)),
        turnover: turnover / pairs / count,
        daily_bp: daily.iter().sum::<f64>() / count * 1e4,
        sharpe: Some(value).filter(|value| value.is_finite()),
        sharpe_interval: (low.is_finite() && high.is_finite()).then_some([low, high]),
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
        let free = follow(&decisions, 1.0, 0.0, 0.0, RESAMPLING);
        assert!((free.daily_bp - 200.0).abs() < 1e-9 && free.hit_rate == 1.0 && free.trades == 3);
        assert!((free.turnover - 1.5).abs() < 1e-12);
        let paid = follow(&decisions, 1.0, 0.0, 10.0, RESAMPLING);
        assert!((paid.daily_bp - (200.0 - 1.5 * 10.0)).abs() < 1e-9, "{}", paid.daily_bp);
    }

    #[test]
    fn without_confidence_nothing_is_held() {
        let decisions = [decision(1, 0.3, 0.01), decision(1, 0.1, -0.02), decision(2, -0.4, 0.01)];
        let found = follow(&decisions, 0.5, 0.3, 0.0, RESAMPLING);
        assert_eq!((found.trades, found.hit_rate), (2, 0.5));
        assert!((found.daily_bp - 0.0).abs() < 1e-9);
    }
}
