//! A look at Rust source line by line: which lines are code that ships.

/// One line of code that ships, without its comment and string contents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// Its code.
    pub code: String,
}

/// Whether a file, named from the root, holds code that ships: not a test, example, or the tests' own tools
/// (`tests.rs`, `testing.rs`, `testkit.rs`, `..._tests.rs` and what lies in a folder of that name).
#[must_use]
pub fn ships(file: &str) -> bool {
    let path = format!("/{file}");
    let name = file.rsplit('/').next().unwrap_or(file);
    let elsewhere = ["/tests/", "_tests/", "/testkit/", "/examples/"];
    let of_tests = ["tests.rs", "testing.rs", "testkit.rs", "build.rs"];
    !elsewhere.iter().any(|folder| path.contains(folder))
        && !of_tests.contains(&name)
        && !name.ends_with("_tests.rs")
}

/// The lines of code that ship: everything before the file's `#[cfg(test)]` module, comments and string contents
/// blanked. Relies on the repository's format: the test module stands last in its file.
#[must_use]
pub fn shipping_lines(text: &str) -> Vec<Line> {
    let lines: Vec<&str> = text.lines().collect();
    let end = lines
        .windows(2)
        .position(|pair| pair[0].starts_with("#[cfg(test)]") && pair[1].trim_start().starts_with("mod "))
        .unwrap_or(lines.len());
    lines[..end]
        .iter()
        .enumerate()
        .map(|(index, line)| Line { number: index + 1, code: code_of(line) })
        .collect()
}

/// A line without its `//` comment, with the contents of its string literals blanked.
fn code_of(line: &str) -> String {
    let mut code = String::with_capacity(line.len());
    let mut in_string = false;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if in_string => {
                characters.next();
            }
            '\'' if !in_string && characters.peek() == Some(&'"') => {
                code.push(character);
                characters.next();
            }
            '"' => {
                in_string = !in_string;
                code.push(character);
            }
            '/' if !in_string && characters.peek() == Some(&'/') => break,
            _ if in_string => {}
            _ => code.push(character),
        }
    }
    code
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_tests_are_no_code_that_ships() {
        let text = "//! doc unwrap()\nlet x = \"unwrap() // no\"; // unwrap()\n#[cfg(test)]\nmod tests {\n";
        let lines: Vec<String> = shipping_lines(text).into_iter().map(|line| line.code).collect();
        assert_eq!(lines, ["", "let x = \"\"; "]);
    }

    #[test]
    fn a_single_test_import_does_not_end_the_file() {
        assert_eq!(shipping_lines("#[cfg(test)]\nuse x;\nfn f() {}\n").len(), 3);
    }

    #[test]
    fn tests_and_examples_do_not_ship() {
        assert!(ships("server/src/app.rs"));
        for file in [
            "server/tests/system/main.rs",
            "crates/forest/examples/cost_of_an_explanation.rs",
            "server/src/testing.rs",
            "server/src/telemetry/watching_tests/files.rs",
        ] {
            assert!(!ships(file), "{file}");
        }
    }
}
