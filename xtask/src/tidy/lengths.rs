//! One subject, one file: ceilings on files and functions, and `lib.rs` as a table of contents.

use super::{Finding, source};

/// Lines that a file may have.
pub const FILE_LINES_MAX: usize = 500;
/// Lines that a function that ships may have, from `fn` to its closing brace.
pub const FUNCTION_LINES_MAX: usize = 70;
/// Lines that a `lib.rs` may have.
pub const CONTENTS_LINES_MAX: usize = 120;

/// Checks one file's length and place.
#[must_use]
pub fn file(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(Finding::at(
            name,
            0,
            format!("has {lines} lines, at most {FILE_LINES_MAX} are allowed; one subject, one file"),
        ));
    }
    if name.ends_with("/mod.rs") {
        findings.push(Finding::at(name, 0, "is named mod.rs; use `foo.rs` beside `foo/`"));
    }
    if name.ends_with("src/lib.rs") {
        findings.extend(contents(name, text, lines));
    }
    findings
}

fn contents(name: &str, text: &str, lines: usize) -> Vec<Finding> {
    let mut findings = Vec::new();
    if lines > CONTENTS_LINES_MAX {
        let message =
            format!("has {lines} lines, at most {CONTENTS_LINES_MAX} are allowed; it is a table of contents");
        findings.push(Finding::at(name, 0, message));
    }
    if !text.starts_with("//! ") {
        findings.push(Finding::at(name, 1, "does not start with the crate's documentation"));
    }
    if !text.contains("//! ```") {
        findings.push(Finding::at(name, 1, "has no example in the crate's documentation"));
    }
    let definition = |code: &str| {
        let code = code.trim_start_matches("pub ").trim_start_matches("async ");
        ["fn ", "struct ", "enum ", "trait ", "impl ", "impl<"].iter().any(|word| code.starts_with(word))
    };
    for line in source::shipping_lines(text).iter().filter(|line| definition(&line.code)) {
        findings.push(Finding::at(
            name,
            line.number,
            "defines something; lib.rs only lists modules and re-exports",
        ));
    }
    findings
}

/// Checks the length of the functions of one file that ship. Relies on the format that `cargo fmt` makes: a function
/// ends with a brace at the depth of its first line.
#[must_use]
pub fn functions(name: &str, text: &str) -> Vec<Finding> {
    if !source::ships(name) {
        return Vec::new();
    }
    let lines = source::shipping_lines(text);
    let mut findings = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(function) = function_name(&line.code) else { continue };
        let closing = format!("{}}}", " ".repeat(line.code.len() - line.code.trim_start().len()));
        let ends = |line: &&source::Line, ends: &[char]| line.code.trim_end().ends_with(ends);
        // Where the signature ends: in a brace, or without a body.
        let Some(open) = lines[start..].iter().position(|line| ends(&line, &['{', '}', ';'])) else {
            continue;
        };
        if !ends(&&lines[start + open], &['{']) {
            continue;
        }
        let body = &lines[start + open..];
        let Some(close) = body.iter().position(|line| line.code.trim_end() == closing) else { continue };
        let length = open + close + 1;
        if length > FUNCTION_LINES_MAX {
            let message =
                format!("`{function}` has {length} lines, at most {FUNCTION_LINES_MAX} are allowed");
            findings.push(Finding::at(name, line.number, message));
        }
    }
    findings
}

fn function_name(code: &str) -> Option<&str> {
    let before = code.find("fn ")?;
    let qualifiers = ["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe", "extern", "\"\""];
    if !code[..before].split_whitespace().all(|word| qualifiers.contains(&word)) {
        return None;
    }
    code[before + 3..].split(['(', '<']).next()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function_of(lines: usize, signature: &str) -> String {
        format!("    {signature} {{\n{}    }}\n", "        step();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_the_ceiling_passes_and_one_line_more_does_not() {
        let check = |text: &str| functions("server/src/app.rs", text).len();
        assert_eq!(check(&function_of(FUNCTION_LINES_MAX, "pub async fn serve()")), 0);
        assert_eq!(check(&function_of(FUNCTION_LINES_MAX + 1, "pub async fn serve()")), 1);
        assert_eq!(check(&function_of(FUNCTION_LINES_MAX + 1, "pub(crate) const fn f<T>(x: T)")), 1);
    }

    #[test]
    fn tests_and_signatures_without_a_body_are_not_measured() {
        let long = function_of(200, "fn long()");
        assert!(functions("server/tests/system/main.rs", &long).is_empty());
        assert!(
            functions("server/src/app.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}}}\n")).is_empty()
        );
        assert!(
            functions(
                "server/src/app.rs",
                &format!("trait T {{\n    fn f();\n{}}}\n", "    //\n".repeat(90))
            )
            .is_empty()
        );
    }

    #[test]
    fn a_table_of_contents_that_defines_is_found() {
        let text = "//! Doc.\n//! ```\n//! ```\npub mod a;\npub fn f() {}\n";
        let found = file("client/src/lib.rs", text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 5);
        assert_eq!(file("client/src/lib.rs", "pub mod a;\n").len(), 2);
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(file("x/src/a.rs", &"x\n".repeat(FILE_LINES_MAX)).len(), 0);
        assert_eq!(file("x/src/a.rs", &"x\n".repeat(FILE_LINES_MAX + 1)).len(), 1);
    }
}
