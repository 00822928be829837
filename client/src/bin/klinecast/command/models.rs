//! `klinecast models`, `tasks`, `promote` and `reload`.

use anyhow::Result;
use klinecast::{Client, json, wire};

use crate::arguments::Promote;
use crate::render;
use crate::render::table::{Cell, Report, Table};

/// Prints the registry's models, the newest first.
pub(super) async fn list(client: &Client, as_json: bool) -> Result<()> {
    let models = client.models().await?;
    if as_json {
        return render::line(&json::models(&models));
    }
    let mut report = Report::new("models".to_owned()).table(table(&models.models));
    if models.models.is_empty() {
        report = report.note("no model yet; train one with klinecast-trainer run".to_owned());
    }
    render::print(&report)
}

/// A line each step of a model's way through the stages, the newest first; what holds now stands in its first.
fn table(models: &[wire::Model]) -> Table {
    let mut table = Table::new(&["version", "bundle", "stage", "alias", "serves", "since", "by"]);
    for model in models {
        table.row(vec![
            Cell::number(model.version.to_string()),
            Cell::plain(render::short(&model.digest)),
            Cell::plain(stage(model.stage(), model.steps.len() < 2)),
            Cell::plain(aliases(model)),
            if model.serving { Cell::good("yes") } else { Cell::plain("") },
            Cell::plain(model.steps.last().map_or_else(|| render::time(model.registered_at_ms), since)),
            Cell::plain(model.steps.last().map(by).unwrap_or_default()),
        ]);
        for (place, step) in model.steps.iter().enumerate().rev().skip(1) {
            let nothing = || Cell::plain("");
            let cells = [
                nothing(),
                nothing(),
                Cell::faint(stage(step.stage(), place == 0)),
                nothing(),
                nothing(),
                Cell::faint(since(step)),
                Cell::faint(by(step)),
            ];
            table.row(cells.into());
        }
    }
    table
}

fn stage(stage: wire::Stage, is_first: bool) -> String {
    match stage {
        wire::Stage::None if is_first => "registered".to_owned(),
        stage => json::enum_name(stage.as_str_name(), "STAGE_"),
    }
}

fn since(step: &wire::StageStep) -> String {
    step.at_ms.map(render::time).unwrap_or_default()
}

/// By what and whom a model came to a stage, and which ones gave way.
fn by(step: &wire::StageStep) -> String {
    let mut parts = Vec::new();
    if step.cause() == wire::StageCause::Elsewhere {
        parts.push(
            if step.champion { "made the champion by another program" } else { "another program" }.to_owned(),
        );
    }
    if !step.how.is_empty() {
        parts.push(step.how.clone());
    }
    if !step.replaced_versions.is_empty() {
        let gone: Vec<String> = step.replaced_versions.iter().map(u64::to_string).collect();
        parts.push(format!("in place of {}", gone.join(", ")));
    }
    parts.join(", ")
}

fn aliases(model: &wire::Model) -> String {
    let names: Vec<String> =
        model.aliases().map(|alias| json::enum_name(alias.as_str_name(), "ALIAS_")).collect();
    names.join(", ")
}

/// Prints the tasks.
pub(super) async fn tasks(client: &Client, as_json: bool) -> Result<()> {
    let tasks = client.tasks().await?;
    if as_json {
        return render::line(&json::tasks(&tasks));
    }
    let mut table = Table::new(&["task", "kind", "steps ahead", "classes", "answered"]);
    for task in &tasks.tasks {
        table.row(vec![
            Cell::plain(&task.name),
            Cell::plain(json::enum_name(task.kind().as_str_name(), "TASK_KIND_")),
            Cell::number(task.horizon_steps.to_string()),
            Cell::plain(task.class_names.join(", ")),
            if task.loaded { Cell::good("yes") } else { Cell::bad("no") },
        ]);
    }
    render::print(&Report::new(format!("tasks, in steps of {}", tasks.interval)).table(table))
}

/// Sets a stage, an alias, or both.
pub(super) async fn promote(client: &Client, wanted: &Promote, as_json: bool) -> Result<()> {
    let stage = wanted.stage.map_or(wire::Stage::Unspecified, Into::into);
    let alias = wanted.alias.map_or(wire::Alias::Unspecified, Into::into);
    tell(&client.promote(wanted.version, stage, alias).await?, as_json)
}

/// Makes the champion before the champion again.
pub(super) async fn roll_back(client: &Client, as_json: bool) -> Result<()> {
    tell(&client.roll_back().await?, as_json)
}

/// Prints a model after a change.
fn tell(model: &wire::Model, as_json: bool) -> Result<()> {
    if as_json {
        return render::line(&json::model(model));
    }
    let stage = json::enum_name(model.stage().as_str_name(), "STAGE_");
    let called = match aliases(model) {
        names if names.is_empty() => String::new(),
        names => format!(", {names}"),
    };
    let serves = if model.serving { "; it answers now" } else { "" };
    render::sentence(&format!(
        "model {} ({}) is {stage}{called}{serves}",
        model.version,
        render::short(&model.digest)
    ))
}

/// Makes the server look at the registry now.
pub(super) async fn reload(client: &Client, as_json: bool) -> Result<()> {
    let reload = client.reload().await?;
    if as_json {
        return render::line(&json::reload(&reload));
    }
    let digest = render::short(&reload.digest);
    match reload.changed {
        true => render::sentence(&format!("bundle {digest} answers now")),
        false => render::sentence(&format!("bundle {digest} answers as before; it is the champion")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_has_a_line_and_what_holds_now_stands_in_the_first() {
        let step = |stage: wire::Stage, at_ms, how: &str| wire::StageStep {
            stage: stage.into(),
            at_ms,
            how: how.to_owned(),
            ..Default::default()
        };
        let production = wire::StageStep {
            replaced_versions: vec![1, 3],
            ..step(wire::Stage::Production, Some(1_000), "passed 16 gates (by ann)")
        };
        let elsewhere = wire::StageStep {
            champion: true,
            cause: wire::StageCause::Elsewhere.into(),
            ..step(wire::Stage::Archived, None, "")
        };
        let model = wire::Model {
            version: 4,
            digest: "0123456789abcdef".to_owned(),
            stage: wire::Stage::Archived.into(),
            aliases: vec![wire::Alias::Champion.into()],
            steps: vec![step(wire::Stage::None, Some(0), ""), production, elsewhere],
            ..Default::default()
        };
        let told = Report::new(String::new()).table(table(&[model])).text();
        let told = anstream::adapter::strip_str(&told).to_string();
        let cells = |line: &str| -> Vec<String> {
            line.split(['│', '┆'])
                .map(|cell| cell.trim().to_owned())
                .filter(|cell| !cell.is_empty())
                .collect()
        };
        let lines: Vec<_> = told.lines().filter(|line| line.starts_with('│')).map(cells).collect();
        assert_eq!(lines[1][2..], ["archived", "champion", "made the champion by another program"]);
        assert_eq!(lines[2][0], "production");
        assert_eq!(lines[2][2], "passed 16 gates (by ann), in place of 1, 3");
        assert_eq!((lines[3][0].as_str(), lines[3].len()), ("registered", 2), "{told}");
    }
}
