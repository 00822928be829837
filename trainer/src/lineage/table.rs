//! A lineage as people read it.

use super::{BoosterLineage, Lineage};
use crate::console::table;
use crate::time::readable;

/// What decides the model, what was done for it, and what became of it.
#[must_use]
pub(crate) fn lineage_table(found: &Lineage) -> String {
    let mut text = table(
        &["of the model", ""],
        facts(found).into_iter().map(|(name, value)| vec![name.to_owned(), value]),
    );
    text.push('\n');
    text.push_str(&table(&["booster", "rounds", "parameters"], found.boosters.iter().map(booster)));
    text.push('\n');
    match &found.origin {
        Some(origin) => {
            let rows = origin.stages.iter().map(|stage| {
                let seconds = format!("{:.1}", (stage.ended - stage.began) as f64 / 1e3);
                vec![
                    stage.stage.clone(),
                    readable(stage.began),
                    seconds,
                    stage.host.clone(),
                    stage.program.version.clone(),
                ]
            });
            text.push_str(&table(&["stage", "began", "seconds", "on", "program"], rows));
        }
        None => text.push_str("its stages are not known: the home that it was published in keeps them"),
    }
    text.push('\n');
    let rows = found.history.iter().map(|change| vec![readable(change.at), change.change.clone()]);
    text.push_str(&table(&["when", "in the registry"], rows));
    text.push('\n');
    text
}

fn facts(found: &Lineage) -> Vec<(&'static str, String)> {
    let bar = |bar: kline::BarTime| readable(bar.milliseconds());
    let windows = found.windows;
    let symbols: Vec<&str> = found.symbols.iter().map(kline::Symbol::as_str).collect();
    let libraries: Vec<String> =
        found.libraries.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let parameters: Vec<String> =
        found.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut facts = vec![
        ("bundle", found.bundle.to_string()),
        ("data version", found.data_version.clone()),
        ("markets", format!("{} at {}", symbols.join(", "), found.interval)),
        ("training window", format!("{} to {}", bar(windows.train_from), bar(windows.train_until))),
        ("tuning window until", bar(windows.tune_until)),
        ("seed", found.seed.to_string()),
        ("parameters", parameters.join(" ")),
        ("libraries", libraries.join(", ")),
    ];
    if let Some((from, until)) = windows.test_from.zip(windows.test_until) {
        facts.insert(5, ("test window", format!("{} to {}", bar(from), bar(until))));
    }
    if let Some(model) = &found.registered {
        facts.insert(0, ("version", format!("{}, stage {}", model.version, model.stage)));
    }
    if let Some(origin) = &found.origin {
        let parent = origin
            .parent
            .map(|parent| format!("version {}, bundle {}", parent.version, parent.bundle.short()));
        facts.push(("champion before", parent.unwrap_or_else(|| "nobody".to_owned())));
        facts.push(("program", format!("{}, sha256:{}", origin.program.version, origin.program.program)));
        facts.push(("published", format!("{} on {}", readable(origin.published_at), origin.host)));
        facts.extend(origin.run.clone().map(|run| ("run", run)));
    }
    facts.extend(found.outcome.map(|outcome| ("run ended", format!("{outcome:?}").to_lowercase())));
    facts
}

fn booster(booster: &BoosterLineage) -> Vec<String> {
    let value = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let parameters = booster.parameters.iter().map(|(name, text)| format!("{name}={}", value(text)));
    let parameters = parameters.collect::<Vec<_>>().join(" ");
    vec![format!("{} {}", booster.task, booster.library), booster.rounds.to_string(), parameters]
}
