//! The evaluation as a page for people: one file, nothing to fetch.

mod plot;

use std::fmt::Write as _;

use super::{Coverage, Evaluation, NetValue, TaskEvaluation, readable_figure};
use crate::looks::Tried;
use crate::slice::{Cut, Slice};
use crate::trained::Trained;

/// The figures of a task that a person looks at first, in this order; those that it has are shown.
pub(crate) const FIGURES: [&str; 12] = [
    "loss",
    "skill",
    "skill_climatology",
    "r2",
    "ic",
    "r2_log",
    "qlike",
    "qlike_scaled",
    "auc",
    "accuracy",
    "ece",
    "brier",
];

/// The page.
#[must_use]
pub fn page(evaluation: &Evaluation, trained: &Trained) -> String {
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>klinecast evaluation</title><style>{}</style></head><body><h1>Evaluation</h1>\n",
        include_str!("page/style.css")
    );
    let split = trained.plan.split;
    let time = |bar: kline::BarTime| crate::time::readable(bar.milliseconds());
    let _ = writeln!(
        html,
        "<p class=\"note\">Test window {} to {}; trained on {} to {} with a walk over {} folds; data <code>{}</code>, seed {}. \
         Skill is 1 - loss/baseline loss; the ensemble's QLIKE is that of its root mean square, \
         the others' that of their answers, scaled by a factor that was known before where it says so; brackets, and lines over bars, are 95 % intervals from whole UTC days drawn again over all \
         pairs at once, as many days in a row as depend on one another (Politis and White).</p>",
        time(split.test.from),
        time(split.test.until),
        time(split.train.from),
        time(split.tune.until),
        trained.walk.folds.len(),
        trained.plan.data_version,
        trained.plan.seed
    );
    let _ = writeln!(
        html,
        "<p class=\"note\">Trials. Other models that were scored on bars of this test window in this home: {}; shapes that a search had \
         tried: {}. Both count, as an upper bound: trials are alike, and a search looks at the folds alone.</p>",
        evaluation.tried.other_models,
        shapes_tried(&evaluation.tried)
    );
    for alarm in &evaluation.alarms {
        let _ = writeln!(
            html,
            "<p class=\"alarm\">{alarm}: beyond what a real market allows, look for a leak.</p>"
        );
    }
    for task in &evaluation.tasks {
        task_part(&mut html, task);
    }
    coverage_part(&mut html, &evaluation.coverage);
    value_part(&mut html, &evaluation.net_values);
    choices_part(&mut html, trained);
    html.push_str("</body></html>\n");
    html
}

/// How many shapes a search had tried, in words.
fn shapes_tried(tried: &Tried) -> String {
    let searched: Vec<String> =
        tried.shapes.iter().map(|(task, shapes)| format!("{shapes} of {task}")).collect();
    if searched.is_empty() { "none".to_owned() } else { searched.join(", ") }
}

/// Whether a part of the window is of a kind.
type IsOf = fn(&Cut) -> bool;

fn task_part(html: &mut String, task: &TaskEvaluation) {
    let _ = write!(
        html,
        "<h2>{}</h2><p class=\"note\">{}; {} rows.",
        task.task,
        task.task.description(),
        task.rows
    );
    if let Some(test) = task.paired {
        let _ = write!(
            html,
            " Against {} by daily sums over {} days (Diebold and Mariano): difference {:.3e}, statistic {:.2}, p of being no better {:.4}.",
            task.best_baseline, test.days, test.difference, test.statistic, test.p_better
        );
    }
    if let Some(test) = task.deflated {
        let _ = write!(
            html,
            " {} trials: p deflated {:.4} (Šidák), for all tasks together {:.4} (Holm).",
            test.trials, test.p_better, test.p_better_of_all
        );
    }
    if let Some(ic) = task.deflated_ic {
        let _ = write!(
            html,
            " The best rank correlation of {} without skill is expected at {:.4}; this one is above it with probability {:.3}.",
            ic.trials, ic.hurdle, ic.probability
        );
    }
    if let Some(days) = task.block_days {
        let _ = write!(html, " Days drawn in a row: {days}.");
    }
    html.push_str("</p>\n");
    let names: Vec<&str> =
        FIGURES.into_iter().filter(|name| task.figure("ensemble", name).is_some()).collect();
    let rows = task.models.iter().map(|model| {
        let class = match model.model.as_str() {
            "ensemble" => "ensemble",
            name if name == task.best_baseline.name() => "best",
            _ => "",
        };
        let cells = names
            .iter()
            .map(|name| task.figure(&model.model, name).map_or_else(String::new, readable_figure));
        (class, std::iter::once(model.model.clone()).chain(cells).collect())
    });
    table(html, std::iter::once("model").chain(names.iter().copied()), rows);
    html.push_str("<div class=\"plots\">");
    let kinds: [(&str, IsOf); 5] = [
        ("skill by symbol", |cut| matches!(cut, Cut::Symbol(_))),
        ("skill by month", |cut| matches!(cut, Cut::Month(_))),
        ("skill by hour, UTC", |cut| matches!(cut, Cut::Hour(_))),
        ("skill by the regime that came", |cut| matches!(cut, Cut::Regime(_))),
        ("skill on the folds of the walk, before calibration", |cut| matches!(cut, Cut::Fold(_))),
    ];
    for (caption, is_of) in kinds {
        let bar = |slice: &Slice| plot::Bar {
            name: slice.cut.to_string(),
            value: slice.skill.unwrap_or(f64::NAN),
            interval: slice.interval,
        };
        let bars: Vec<_> = task.slices.iter().filter(|slice| is_of(&slice.cut)).map(bar).collect();
        html.push_str(&plot::bars(caption, &bars));
    }
    if !task.reliability.is_empty() {
        html.push_str(&plot::reliability(&task.reliability));
    }
    html.push_str("</div>\n");
}

fn coverage_part(html: &mut String, coverage: &[Coverage]) {
    html.push_str(
        "<h2>Bands</h2><p class=\"note\">The share of outcomes inside, with the bundle's quantiles until they are renewed from what \
         has come true.</p>\n",
    );
    let rows = coverage.iter().map(|line| {
        let cells = vec![
            line.task.to_string(),
            line.cut.to_string(),
            format!("{:.2}", line.level),
            format!("{:.4}", line.held),
            format!("{:.3e}", line.width),
            line.rows.to_string(),
        ];
        (if line.cut == Cut::All { "ensemble" } else { "" }, cells)
    });
    table(html, ["task", "rows of", "level", "held", "mean width", "rows"], rows);
}

fn value_part(html: &mut String, values: &[NetValue]) {
    html.push_str(
        "<h2>Value after costs</h2><p class=\"note\">Each pair held long or short for four steps by the direction ensemble, equal \
         weights. The last column is the Sharpe ratio that the best of so many trials without skill is expected to show (models tried, \
         times rules), and how probable it is that this one is above it (Bailey and López de Prado's deflated Sharpe ratio). For \
         the record: it is no advice.</p>\n",
    );
    let rows = values.iter().map(|value| {
        let interval =
            value.sharpe_interval.map_or_else(String::new, |[low, high]| format!(" [{low:.2}, {high:.2}]"));
        let cells = vec![
            format!("{:.0} % most confident", value.share * 100.0),
            format!("{} bp", value.cost_bp),
            value.trades.to_string(),
            format!("{:.4}", value.hit_rate),
            format!("{:.2}", value.turnover),
            format!("{:.2}", value.daily_bp),
            value.sharpe.map_or_else(|| "-".to_owned(), |sharpe| format!("{sharpe:.2}{interval}")),
            value.deflated.map_or_else(
                || "-".to_owned(),
                |of| format!("{:.2} of {}: {:.3}", of.hurdle, of.trials, of.probability),
            ),
        ];
        ("", cells)
    });
    let names = [
        "decisions",
        "cost",
        "trades",
        "right",
        "turnover a pair and day",
        "bp a day",
        "Sharpe of a year",
        "of chance: above it",
    ];
    table(html, names, rows);
}

fn choices_part(html: &mut String, trained: &Trained) {
    html.push_str(
        "<h2>What the walk decided</h2><p class=\"note\">Fitted on the first two thirds of the folds' answers, judged on the last \
         third; what is kept is fitted again on all.</p>\n",
    );
    let rows = trained.walk.choices.iter().map(|choice| {
        let cells = vec![
            choice.task.to_string(),
            choice.what.clone(),
            format!("{:.6e}", choice.loss_without),
            format!("{:.6e}", choice.loss_with),
            (if choice.kept { "kept" } else { "left" }).to_owned(),
        ];
        ("", cells)
    });
    table(html, ["task", "tried", "loss without", "loss with", ""], rows);
}

fn table<'a>(
    html: &mut String,
    head: impl IntoIterator<Item = &'a str>,
    rows: impl IntoIterator<Item = (&'static str, Vec<String>)>,
) {
    html.push_str("<div class=\"scroll\"><table><tr>");
    for name in head {
        let _ = write!(html, "<th>{name}</th>");
    }
    html.push_str("</tr>\n");
    for (class, cells) in rows {
        let _ = write!(html, "<tr class=\"{class}\">");
        for cell in cells {
            let _ = write!(html, "<td>{cell}</td>");
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</table></div>\n");
}
