//! `FEATURES.md` in the repository's root is what the catalogue says. Remake it with
//! `KLINECAST_REGENERATE=1 cargo test -p features document`.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use features::{Catalogue, FeatureDefinition, Group};

fn document() -> String {
    let catalogue = Catalogue::standard();
    let mut text = format!(
        "# The features\n\n\
         Made from the catalogue in `crates/features` by `KLINECAST_REGENERATE=1 cargo test -p features document`; a change by hand \
         fails that crate's tests.\n\n\
         {} features by group; a row holds them in the catalogue's order. Each looks at closed bars only, the row's being the last, and \
         is free of the price's and the volume's scale. Bitcoin is the market of \
         BTC in USDT, if that is followed; else in USDC, FDUSD, TUSD, BUSD or USD, else in another currency.\n\
         The window is the number of bars that a value looks at (the smoothing period of a recursive one). So many bars as the warm-up \
         says after a symbol's start the value is there, wherever the start lay. A ratio of nothing to nothing is 0.\n",
        catalogue.len()
    );
    let mut groups: Vec<Group> = catalogue.definitions().iter().map(|definition| definition.group).collect();
    groups.sort_unstable();
    groups.dedup();
    for group in groups {
        let members = catalogue.definitions().iter().filter(|definition| definition.group == group);
        let _ = write!(
            text,
            "\n## {}\n\n| name | window | unit | warm-up | definition | source | inputs |\n|---|--:|---|--:|---|---|---|\n",
            group.as_str()
        );
        members.for_each(|definition| text.push_str(&line(definition)));
    }
    text
}

fn line(definition: &FeatureDefinition) -> String {
    let FeatureDefinition { name, window, warm_up_bars, .. } = definition;
    let inputs: Vec<&str> = definition.inputs.iter().map(|input| input.as_str()).collect();
    // A bar would end the cell, two asterisks would set what stands between them in another type.
    let plain = |words: &str| words.replace('|', "\\|").replace('*', "\\*");
    let (unit, formula, source) =
        (definition.unit.as_str(), plain(definition.definition), plain(definition.source));
    format!(
        "| `{name}` | {window} | {unit} | {warm_up_bars} | {formula} | {source} | {} |\n",
        inputs.join(", ")
    )
}

#[test]
fn the_list_of_features_is_what_the_catalogue_says() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../FEATURES.md");
    let now = document();
    if std::env::var_os("KLINECAST_REGENERATE").is_some() {
        fs::write(&path, now).expect("the root can be written");
    } else {
        let before = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            now == before,
            "FEATURES.md is stale: run KLINECAST_REGENERATE=1 cargo test -p features document, then commit"
        );
    }
}
