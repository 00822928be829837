//! The settings of `deploy/` and `k8s/` are ones that this server takes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::sources::read_variables;
use super::{KEYS, Settings, Sources, resolve};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn settings(sources: &Sources) -> Settings {
    let resolved = resolve(sources).unwrap_or_else(|error| panic!("{error}"));
    Settings::from_resolved(&resolved).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_settings_file_is_taken_and_listens_where_others_reach_it() {
    let overlays =
        ["development", "staging", "production"].map(|name| format!("k8s/overlays/{name}/server.toml"));
    for name in
        overlays.into_iter().chain(["k8s/base/server.toml", "deploy/compose/server.toml"].map(str::to_owned))
    {
        let file = Some((name.clone(), read(&name)));
        let settings = settings(&Sources { file, ..Sources::default() });
        for address in [settings.grpc_address, settings.http_address, settings.metrics_address] {
            assert!(address.ip().is_unspecified(), "{name}: {address}");
        }
        assert!(settings.grace.as_secs() >= 30, "{name}");
        // It would not start.
        assert!(crate::app::guard(&settings).is_ok(), "{name}: callers are not asked, nor is it open");
    }
}

#[test]
fn every_variable_of_the_environment_templates_is_a_setting() {
    for environment in ["development", "staging", "production"] {
        let name = format!("deploy/environment/{environment}.env.example");
        let text = read(&name);
        let variables = read_variables(&name, &text).unwrap_or_else(|error| panic!("{error}"));
        // What is commented out is a suggestion, and must be a setting too.
        let suggested = text.lines().filter_map(|line| line.strip_prefix('#')?.split_once('='));
        let suggested = suggested.map(|(name, _)| name.to_owned()).filter(|name| !name.contains(' '));
        for variable in variables.keys().cloned().chain(suggested) {
            assert!(
                KEYS.iter().any(|key| key.environment == variable || key.also.contains(&variable.as_str())),
                "{name}: {variable} is no setting"
            );
        }
        let empty: Vec<&str> =
            variables.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name.as_str()).collect();
        assert!(
            empty.iter().all(|name| ["DB_URL", "DB_PASSWORD", "SENTRY_DSN"].contains(name)),
            "{name}: {empty:?}"
        );
        let filled: BTreeMap<String, String> =
            variables.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        settings(&Sources { environment_file: Some((name, filled)), ..Sources::default() });
    }
}
