//! What a person should know about the models, in Markdown.

use std::fmt::Write as _;

use crate::certificates::Certificates;
use crate::dataset::Dataset;
use crate::evaluate::{Evaluation, FIGURES, readable_figure};
use crate::slice::Cut;
use crate::split::EMBARGO_BARS;
use crate::time::readable;
use crate::trained::Trained;

pub(super) fn model_card(
    dataset: &Dataset,
    trained: &Trained,
    evaluation: &Evaluation,
    certificates: &Certificates,
) -> String {
    let mut text = String::from("# Model card\n\n");
    let symbols: Vec<&str> = dataset.symbols.iter().map(kline::Symbol::as_str).collect();
    let split = dataset.split;
    // Writing to a string can't fail.
    let _ = writeln!(
        text,
        "LightGBM and XGBoost boosters for {} tasks, pooled over {} on {} klines. Each booster's answer, the \
         ensemble (their mean, weighted, calibrated or stacked where that was better out of sample) and the baselines are served side by \
         side; returns and volatility have bands, and the volatility a root mean square, which `qlike` is of.\n",
        trained.tasks.len(),
        symbols.join(", "),
        dataset.interval
    );
    text.push_str("| window | from | until | rows |\n|---|---|---|---|\n");
    for (name, window) in [("train", split.train), ("tune", split.tune), ("test", split.test)] {
        let (from, until) = (readable(window.from.milliseconds()), readable(window.until.milliseconds()));
        let _ = writeln!(text, "| {name} | {from} | {until} | {} |", dataset.range(window).len());
    }
    let _ = writeln!(
        text,
        "\nAt least {EMBARGO_BARS} bars lie between two windows. A walk over {} folds of the training and tuning \
         windows set rounds, shares, calibration, stacking and bands; the boosters then learned from both windows. This run chose \
         nothing by the test window (the recipe itself was shaped with it in sight). Data: `{}`. Seed: {}.\n",
        trained.walk.folds.len(),
        trained.plan.data_version,
        trained.plan.seed
    );
    if let Some(walk_of) = trained.plan.walk_of {
        let _ = writeln!(
            text,
            "The walk is that of bundle `{walk_of}`; this training took over what it settled, and fitted the boosters anew.\n"
        );
    }
    text.push_str("## The test window\n\nSkill is `1 - loss/baseline loss`; brackets are 95 % intervals from whole days drawn again.\n");
    for task in &evaluation.tasks {
        let _ = writeln!(text, "\n### {}\n\n{}; {} rows.\n", task.task, task.task.description(), task.rows);
        let names: Vec<&str> =
            FIGURES.into_iter().filter(|name| task.figure("ensemble", name).is_some()).collect();
        let _ = writeln!(text, "| model | {} |", names.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(names.len()));
        for model in &task.models {
            let cells: Vec<String> = names
                .iter()
                .map(|name| task.figure(&model.model, name).map_or_else(String::new, readable_figure))
                .collect();
            let mark = if model.model == task.best_baseline.name() { " (best baseline)" } else { "" };
            let _ = writeln!(text, "| {}{mark} | {} |", model.model, cells.join(" | "));
        }
    }
    text.push_str("\n## Bands\n\n| task | level | held on the test window |\n|---|---|---|\n");
    for line in evaluation.coverage.iter().filter(|line| line.cut == Cut::All) {
        let _ = writeln!(text, "| {} | {:.2} | {:.4} |", line.task, line.level, line.held);
    }
    text.push_str(&proven(certificates));
    text.push_str("\n## Limits\n\nReturns are next to unpredictable at these horizons: no simple rule on these forecasts earns its trading costs. ");
    text.push_str("Skill decays with the models' age; train again every month.\n");
    if !evaluation.alarms.is_empty() {
        text.push_str("\n## Alarms\n\nFigures beyond what these tasks allow on a real market; look for a leak before you trust them:\n\n");
        for alarm in &evaluation.alarms {
            let _ = writeln!(text, "- {alarm}");
        }
    }
    text
}

fn proven(certificates: &Certificates) -> String {
    let mut text = String::from("\n## Certificates\n\n| certificate | what it proves |\n|---|---|\n");
    for (certificate, proof) in certificates.proofs() {
        let _ = writeln!(text, "| {certificate} | {proof} |");
    }
    text
}
