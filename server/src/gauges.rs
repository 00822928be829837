//! Gauges of what the parts of the server show one another.

use forecast::TaskKind;
use kline::Symbol;
use metrics::gauge;

use crate::state::{EngineView, ExchangeState, ServingState, Shared};
use crate::telemetry::catalogue::names;

pub(crate) fn show_exchange(state: ExchangeState) {
    gauge!(names::EXCHANGE_LIVE).set(if state == ExchangeState::Live { 1.0 } else { 0.0 });
}

/// The scores, when they have changed.
pub(crate) fn show_engine(view: &EngineView) {
    for symbol in &view.readiness {
        let name = symbol.symbol.to_string();
        gauge!(names::WARM_FEATURES, "symbol" => name.clone()).set(f64::from(symbol.warm_features));
        gauge!(names::FEATURE_COUNT, "symbol" => name).set(f64::from(symbol.total_features));
    }
    for skill in view.skill.iter().filter(|skill| skill.resolved > 0) {
        let task = skill.task.name();
        gauge!(names::TASK_LOSS, "task" => task, "model" => "ensemble").set(skill.loss);
        gauge!(names::TASK_LOSS, "task" => task, "model" => "baseline").set(skill.baseline_loss);
        gauge!(names::TASK_SKILL, "task" => task).set(skill.skill);
        if skill.task.kind() == TaskKind::Regression {
            gauge!(names::MODEL_RMSE, "task" => task).set(skill.loss.sqrt());
        }
    }
    if let Some(bar) = view.watermark {
        gauge!(names::WATERMARK).set(bar.milliseconds() as f64 / 1_000.0);
    }
}

/// A symbol is not followed any more: its gauges say nothing from now on.
pub(crate) fn hide_symbol(symbol: Symbol) {
    let name = symbol.to_string();
    for gauge in [names::WARM_FEATURES, names::FEATURE_COUNT, names::STALENESS, names::TRADED] {
        gauge!(gauge, "symbol" => name.clone()).set(f64::NAN);
    }
}

/// What depends on the moment of looking.
pub(crate) fn show_moment(shared: &Shared) {
    for symbol in &shared.engine.load().readiness {
        if let Some(bar) = symbol.last_bar {
            let seconds = shared.staleness(bar) as f64 / 1_000.0;
            gauge!(names::STALENESS, "symbol" => symbol.symbol.to_string()).set(seconds);
        }
    }
    gauge!(names::SUBSCRIBERS).set(shared.subscribers.count() as f64);
    let serving = *shared.serving().borrow() == ServingState::Serving;
    gauge!(names::SERVING).set(if serving { 1.0 } else { 0.0 });
}
