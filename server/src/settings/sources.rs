//! The places that settings are read from.

use std::collections::BTreeMap;
use std::path::Path;

use clap::{Arg, ArgAction, Command};

use super::SettingsError;
use super::keys::KEYS;

/// What each place says, not yet checked. Tests fill it in by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sources {
    /// The TOML file: its path and its text.
    pub file: Option<(String, String)>,
    /// The file `.env.<environment>`: its path and its variables.
    pub environment_file: Option<(String, BTreeMap<String, String>)>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// Flags by the setting's place in the file.
    pub flags: BTreeMap<String, String>,
}

/// What the command line says besides settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arguments {
    /// Where the settings come from.
    pub sources: Sources,
    /// Whether only to show the settings.
    pub print_config: bool,
}

/// The command line: one flag for every setting.
#[must_use]
pub fn command() -> Command {
    let mut command = Command::new("klinecast-server")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves live forecasts made from an exchange's klines.")
        .arg(Arg::new("config").long("config").value_name("FILE").help("TOML file of settings"))
        .arg(
            Arg::new("print-config")
                .long("print-config")
                .action(ArgAction::SetTrue)
                .help("show each setting and where it comes from, then stop"),
        );
    for key in &KEYS {
        let help = match key.default {
            "" => format!("{} [env: {}]", key.help, key.environment),
            default => format!("{} [env: {}] [default: {default}]", key.help, key.environment),
        };
        command = command.arg(Arg::new(key.flag).long(key.flag).value_name("VALUE").help(help));
    }
    command
}

impl Arguments {
    /// Reads the files that the command line and the environment name.
    ///
    /// # Errors
    /// A file that cannot be read, or an environment file with a malformed line.
    pub fn read(
        matches: &clap::ArgMatches,
        environment: BTreeMap<String, String>,
    ) -> Result<Self, SettingsError> {
        let mut sources = Sources { environment, ..Sources::default() };
        if let Some(path) = matches.get_one::<String>("config") {
            sources.file = Some((path.clone(), read_text(path)?));
        }
        if let Some(name) = sources.environment.get("ENVIRONMENT") {
            let path = format!(".env.{name}");
            if name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
                && Path::new(&path).exists()
            {
                let variables = read_variables(&path, &read_text(&path)?)?;
                sources.environment_file = Some((path, variables));
            }
        }
        for key in &KEYS {
            if let Some(text) = matches.get_one::<String>(key.flag) {
                sources.flags.insert(key.path.to_owned(), text.clone());
            }
        }
        Ok(Self { sources, print_config: matches.get_flag("print-config") })
    }
}

fn read_text(path: &str) -> Result<String, SettingsError> {
    std::fs::read_to_string(path)
        .map_err(|error| SettingsError(vec![format!("{path} cannot be read: {error}")]))
}

/// Reads `NAME=value` lines; empty lines and those that start with `#` say nothing, and quotes around a value fall.
pub(super) fn read_variables(path: &str, text: &str) -> Result<BTreeMap<String, String>, SettingsError> {
    let mut variables = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, value)) = line.strip_prefix("export ").unwrap_or(line).split_once('=') else {
            let fault = format!("{path}, line {}: it is not of the form NAME=value", index + 1);
            return Err(SettingsError(vec![fault]));
        };
        let value = value.trim();
        let unquoted = ['"', '\'']
            .into_iter()
            .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
            .unwrap_or(value);
        variables.insert(name.trim().to_owned(), unquoted.to_owned());
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_has_its_flag() {
        command().debug_assert();
        let matches = command().get_matches_from(["klinecast-server", "--home", "x", "--print-config"]);
        let arguments = Arguments::read(&matches, BTreeMap::new());
        assert!(
            arguments
                .is_ok_and(|a| a.print_config && a.sources.flags.get("store.home") == Some(&"x".to_owned()))
        );
    }

    #[test]
    fn an_environment_file_is_read_line_by_line() {
        let variables = read_variables(".env.x", "# c\n\nexport A = 1\nB=\"two words\"\n");
        assert_eq!(variables, Ok([("A", "1"), ("B", "two words")].map(|(a, b)| (a.into(), b.into())).into()));
        let error = read_variables(".env.x", "A=1\nnonsense").map_err(|error| error.to_string());
        assert!(error.is_err_and(|text| text.contains("line 2") && !text.contains("nonsense")));
    }
}
