//! No circles: the files and folders at the top of a room's `src/` import each other in one direction only.
//!
//! What is seen is a path that begins with `crate::` and the name of such a file or folder; names that the room's `lib.rs` hands on
//! are not followed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::Finding;
use super::rooms::ROOMS;
use super::source::{shipping_lines, ships};
use crate::repository;

/// Who imports whom in a room, and in which file, from the root, that was seen first.
type Imports = BTreeMap<String, BTreeMap<String, String>>;

/// Checks every room.
///
/// # Errors
/// When a file can't be read.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for room in ROOMS {
        let source = root.join(room.folder).join("src");
        let mut imports = Imports::new();
        for path in repository::files(&source, "rs")? {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let Some(module) = module(&path, &source).filter(|_| ships(&name)) else { continue };
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
            let found = imports.entry(module).or_default();
            imported(&text).into_iter().for_each(|other| {
                found.entry(other).or_insert_with(|| name.clone());
            });
        }
        findings.extend(circles(&imports).iter().map(|circle| finding(room.folder, circle, &imports)));
    }
    Ok(findings)
}

/// The file or folder at the top of `source` that a file belongs to; none for the roots themselves.
fn module(path: &Path, source: &Path) -> Option<String> {
    let first = path.strip_prefix(source).ok()?.components().next()?;
    let name = first.as_os_str().to_str()?;
    let name = name.strip_suffix(".rs").unwrap_or(name);
    (!["lib", "main", "bin"].contains(&name)).then(|| name.to_owned())
}

/// What follows `crate::` in the code that ships, the first name of each path.
fn imported(text: &str) -> BTreeSet<String> {
    let code: Vec<String> = shipping_lines(text).into_iter().map(|line| line.code).collect();
    code.join("\n").split("crate::").skip(1).flat_map(first_names).collect()
}

/// The first name of a path, or of each in braces.
fn first_names(path: &str) -> Vec<String> {
    let word = |text: &str| -> String {
        text.trim_start().chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
    };
    let Some(braced) = path.strip_prefix('{') else { return vec![word(path)] };
    let (mut depth, mut names, mut begins) = (0_usize, Vec::new(), 0);
    for (at, letter) in braced.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(word(&braced[begins..at]));
                begins = at + 1;
                if letter == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names
}

/// Every group whose members all reach each other, in order of name.
fn circles(imports: &Imports) -> BTreeSet<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        imports.keys().map(|name| (name, reached(imports, name))).collect();
    let circle = |name: &String| -> Vec<String> {
        let own =
            reached[name].iter().filter(|other| reached.get(*other).is_some_and(|of| of.contains(name)));
        own.map(|other| (*other).clone()).collect()
    };
    imports.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

/// What a member imports, and what that does, and so on.
fn reached<'a>(imports: &'a Imports, from: &'a str) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut ahead = vec![from];
    while let Some(name) = ahead.pop() {
        let next = imports.get(name).into_iter().flat_map(BTreeMap::keys);
        ahead.extend(next.filter(|other| found.insert(*other)).map(String::as_str));
    }
    found
}

fn finding(room: &str, circle: &[String], imports: &Imports) -> Finding {
    let edges =
        circle.iter().flat_map(|name| imports[name].iter().map(move |(other, file)| (name, other, file)));
    let edges = edges.filter(|(name, other, _)| circle.contains(*other) && name != other);
    let told: Vec<String> = edges.map(|(_, other, file)| format!("{file} imports `{other}`")).collect();
    let message = format!(
        "{} import each other: give what they share a file of its own ({})",
        circle.join(", "),
        told.join("; ")
    );
    Finding::at(&format!("{room}/src"), 0, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    fn found(files: &[(&str, &str)]) -> BTreeSet<Vec<String>> {
        let edges = files.iter().map(|(name, text)| {
            let others = imported(text).into_iter().map(|other| (other, format!("src/{name}.rs")));
            ((*name).to_owned(), others.collect())
        });
        circles(&edges.collect())
    }

    #[test]
    fn files_that_import_each_other_are_a_circle_however_far_around() {
        let files = [
            ("a", "use crate::b::B;"),
            ("b", "use crate::{\n    Result,\n    c::{C, D},\n};"),
            ("c", "fn f() -> crate::a::A {}"),
            ("d", "use crate::a::A;\nuse crate::e::E;"),
            ("e", "use crate::d::D;"),
        ];
        assert_eq!(found(&files), [owned(&["a", "b", "c"]), owned(&["d", "e"])].into());
    }

    #[test]
    fn one_direction_is_none_nor_what_comments_and_tests_import() {
        let files = [
            ("a", "use crate::b::{B, C};\nuse crate::a::own;"),
            (
                "b",
                "// use crate::a::A;\nlet x = \"crate::a\";\n#[cfg(test)]\nmod tests {\n    use crate::a::A;\n}",
            ),
        ];
        assert_eq!(found(&files), BTreeSet::new());
    }

    #[test]
    fn every_name_in_braces_is_one() {
        assert_eq!(
            first_names("{Result, gates, looks::{Looks, Tried}, time}; crate"),
            ["Result", "gates", "looks", "time"]
        );
        assert_eq!(first_names("registry::Alias;"), ["registry"]);
    }
}
