//! Which web pages may ask, and by which names.

use std::fmt::Display;

use super::Reader;
use crate::web::{WebSettings, check_host, check_origin};

pub(super) fn read(reader: &mut Reader<'_>) -> WebSettings {
    WebSettings {
        allowed_origins: list(reader, "http.allowed_origins", check_origin),
        allowed_hosts: list(reader, "http.allowed_hosts", check_host),
    }
}

fn list<E: Display>(
    reader: &mut Reader<'_>,
    path: &str,
    check: impl Fn(&str) -> Result<String, E>,
) -> Vec<String> {
    let mut checked = Vec::new();
    for text in reader.text(path).split(',').map(str::trim).filter(|text| !text.is_empty()) {
        match check(text) {
            Ok(text) => checked.push(text),
            Err(error) => reader.refuse(path, &error),
        }
    }
    checked
}

#[cfg(test)]
mod tests {
    use crate::settings::{Settings, SettingsError, Sources, resolve};

    fn settings(path: &str, text: &str) -> Result<Settings, SettingsError> {
        let mut sources = Sources::default();
        sources.flags.insert(path.to_owned(), text.to_owned());
        Settings::from_resolved(&resolve(&sources)?)
    }

    #[test]
    fn no_page_may_ask_by_default_and_what_is_no_origin_is_refused() -> Result<(), SettingsError> {
        assert_eq!(settings("http.allowed_origins", "")?.web, Default::default());
        let web = settings("http.allowed_origins", "https://Board.test, http://localhost:3000,")?.web;
        assert_eq!(web.allowed_origins, ["https://board.test", "http://localhost:3000"]);
        assert_eq!(settings("http.allowed_hosts", "Board.test")?.web.allowed_hosts, ["board.test"]);
        for (path, text) in [("http.allowed_origins", "board.test"), ("http.allowed_hosts", "a/b")] {
            let told = settings(path, text).map_or_else(|error| error.to_string(), |_| String::new());
            assert!(told.contains(path) && told.contains(text), "{told}");
        }
        Ok(())
    }
}
