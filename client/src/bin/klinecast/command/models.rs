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
    let mut table = Table::new(&["version", "bundle", "stage", "alias", "serves", "registered"]);
    for model in &models.models {
        table.row(vec![
            Cell::number(model.version.to_string()),
            Cell::plain(render::short(&model.digest)),
            Cell::plain(json::enum_name(model.stage().as_str_name(), "STAGE_")),
            Cell::plain(aliases(model)),
            if model.serving { Cell::good("yes") } else { Cell::plain("") },
            Cell::plain(render::time(model.registered_at_ms)),
        ]);
    }
    let mut report = Report::new("models".to_owned()).table(table);
    if models.models.is_empty() {
        report = report.note("no model yet; train one with klinecast-trainer run".to_owned());
    }
    render::print(&report)
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
