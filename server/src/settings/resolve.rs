//! Which place wins for each setting.

use std::collections::BTreeMap;
use std::fmt;

use super::keys::{KEYS, Key, find, nearest};
use super::{SettingsError, Sources};

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The TOML file of this path.
    File(String),
    /// The variable in the environment file of this path.
    EnvironmentFile(String, &'static str),
    /// The environment variable.
    Environment(&'static str),
    /// The flag.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "file {path}"),
            Self::EnvironmentFile(path, name) => write!(f, "{name} in {path}"),
            Self::Environment(name) => write!(f, "environment {name}"),
            Self::Flag(name) => write!(f, "flag --{name}"),
        }
    }
}

/// A value as text, and where it came from.
#[derive(Clone, PartialEq, Eq)]
pub struct Value {
    /// The value.
    pub text: String,
    /// Its place.
    pub origin: Origin,
}

/// One value for every setting.
#[derive(Clone, PartialEq, Eq)]
pub struct Resolved(BTreeMap<&'static str, Value>);

impl Resolved {
    /// The value of the setting at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Value> {
        self.0.get(path)
    }
}

impl fmt::Display for Resolved {
    /// Writes the settings as a TOML file with the place of each value as a comment, and secrets masked.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut section = "";
        for key in &KEYS {
            let (Some((head, name)), Some(value)) = (key.path.split_once('.'), self.get(key.path)) else {
                continue;
            };
            if head != section {
                writeln!(f, "{}[{head}]", if section.is_empty() { "" } else { "\n" })?;
                section = head;
            }
            let text = toml::Value::String(key.shown(&value.text));
            writeln!(f, "{name} = {text}  # {}", value.origin)?;
        }
        Ok(())
    }
}

/// Finds the value of every setting.
///
/// # Errors
/// A TOML file that cannot be read as TOML, and every key in it that is not known, with the nearest known one.
pub fn resolve(sources: &Sources) -> Result<Resolved, SettingsError> {
    let file = match &sources.file {
        Some((path, text)) => read_file(path, text)?,
        None => BTreeMap::new(),
    };
    let mut resolved = BTreeMap::new();
    for key in &KEYS {
        let value = |text: &String, origin| Value { text: text.clone(), origin };
        let found = if let Some(text) = sources.flags.get(key.path) {
            value(text, Origin::Flag(key.flag))
        } else if let Some((name, text)) = variable(key, &sources.environment) {
            value(text, Origin::Environment(name))
        } else if let Some((path, (name, text))) =
            sources.environment_file.as_ref().and_then(|(path, map)| Some((path, variable(key, map)?)))
        {
            value(text, Origin::EnvironmentFile(path.clone(), name))
        } else if let (Some(text), Some((path, _))) = (file.get(key.path), &sources.file) {
            value(text, Origin::File(path.clone()))
        } else {
            value(&key.default.to_owned(), Origin::Default)
        };
        resolved.insert(key.path, found);
    }
    Ok(Resolved(resolved))
}

/// What an environment says of a setting, and by which of its names.
fn variable<'a>(key: &Key, environment: &'a BTreeMap<String, String>) -> Option<(&'static str, &'a String)> {
    let mut names = std::iter::once(key.environment).chain(key.also.iter().copied());
    names.find_map(|name| Some((name, environment.get(name)?)))
}

fn read_file(path: &str, text: &str) -> Result<BTreeMap<String, String>, SettingsError> {
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        SettingsError(vec![format!("{path} is not TOML: {}", error.message())])
    })?;
    let mut values = BTreeMap::new();
    let mut faults = Vec::new();
    flatten("", &table, &mut |key, value| match (find(&key), scalar(value)) {
        (Some(_), Some(text)) => {
            values.insert(key, text);
        }
        (Some(_), None) => faults.push(format!(
            "{key} in {path} is {}; give a text, a number or a list of texts",
            value.type_str()
        )),
        (None, _) => {
            let near = nearest(&key);
            faults.push(format!("key {key} in {path} is not known; did you mean {near}?"));
        }
    });
    if faults.is_empty() { Ok(values) } else { Err(SettingsError(faults)) }
}

fn flatten(prefix: &str, table: &toml::Table, leaf: &mut dyn FnMut(String, &toml::Value)) {
    for (name, value) in table {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) if find(&path).is_none() => flatten(&path, inner, leaf),
            other => leaf(path, other),
        }
    }
}

fn scalar(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
            texts.map(|texts| texts.join(","))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(file: &str) -> Sources {
        Sources { file: Some(("a.toml".to_owned(), file.to_owned())), ..Sources::default() }
    }

    #[test]
    fn a_flag_beats_the_environment_beats_its_file_beats_the_file() -> Result<(), SettingsError> {
        let mut sources = sources("[http]\naddress = 'file'\n[exchange]\nsymbols = ['A', 'B']");
        let at = |sources: &Sources| {
            let resolved = resolve(sources)?;
            let value =
                resolved.get("http.address").map(|value| (value.text.clone(), value.origin.to_string()));
            Ok::<_, SettingsError>(value.unwrap_or_default())
        };
        assert_eq!(at(&sources)?, ("file".to_owned(), "file a.toml".to_owned()));
        let name = "API_HTTP_ADDRESS".to_owned();
        sources.environment_file =
            Some((".env.test".to_owned(), [(name.clone(), "dotenv".to_owned())].into()));
        assert_eq!(at(&sources)?.1, "API_HTTP_ADDRESS in .env.test");
        sources.environment.insert(name, "environment".to_owned());
        assert_eq!(at(&sources)?.0, "environment");
        sources.flags.insert("http.address".to_owned(), "flag".to_owned());
        assert_eq!(at(&sources)?, ("flag".to_owned(), "flag --http-address".to_owned()));
        assert_eq!(resolve(&sources)?.get("exchange.symbols").map(|value| value.text.as_str()), Some("A,B"));
        Ok(())
    }

    #[test]
    fn a_variable_goes_by_several_names_the_usual_one_first() -> Result<(), SettingsError> {
        let mut sources = Sources::default();
        let dsn = |sources: &Sources| {
            let resolved = resolve(sources)?;
            let value = resolved.get("telemetry.sentry_dsn").map(|value| value.origin.to_string());
            Ok::<_, SettingsError>(value.unwrap_or_default())
        };
        sources.environment.insert("MONITORING_SENTRY_DSN".to_owned(), "a".to_owned());
        assert_eq!(dsn(&sources)?, "environment MONITORING_SENTRY_DSN");
        sources.environment.insert("SENTRY_DSN".to_owned(), "b".to_owned());
        assert_eq!(dsn(&sources)?, "environment SENTRY_DSN");
        Ok(())
    }

    #[test]
    fn an_unknown_key_names_the_nearest_known_one() {
        let error = resolve(&sources("[grpc]\nadress = '1'\n[stor]\nhome = 'x'"));
        let text = error.map_or_else(|error| error.to_string(), |_| String::new());
        assert!(text.contains("grpc.adress") && text.contains("did you mean grpc.address?"), "{text}");
        assert!(text.contains("did you mean store.home?"), "{text}");
    }

    #[test]
    fn secrets_are_not_printed() -> Result<(), SettingsError> {
        let printed = resolve(&sources(
            "[database]\nurl = 'postgresql://ada:s3cret@db:5433/market'\npassword = 's3cret'",
        ))?
        .to_string();
        assert!(!printed.contains("s3cret"), "{printed}");
        assert!(
            printed.contains("url = \"postgresql://ada:***@db:5433/market\"  # file a.toml"),
            "{printed}"
        );
        let printed = resolve(&sources("[database]\nurl = 'postgresql:/ada:s3cret@db'"))?.to_string();
        assert!(printed.contains("url = \"***\"") && !printed.contains("s3cret"), "{printed}");
        Ok(())
    }

    #[test]
    fn what_is_printed_can_be_read_back() -> Result<(), SettingsError> {
        let printed = resolve(&Sources::default())?.to_string();
        assert!(printed.contains("# default"));
        let again = resolve(&sources(&printed))?;
        for key in &KEYS {
            assert_eq!(again.get(key.path).map(|value| value.text.as_str()), Some(key.default));
        }
        Ok(())
    }
}
