//! The house rules that a program can check. `cargo test -p xtask` runs them all.

use std::{fmt, fs};

use anyhow::{Context as _, Result, bail};

use crate::repository;

pub mod circles;
pub mod documents;
pub mod imports;
pub mod lengths;
pub mod rooms;
pub mod source;
pub mod words;

/// One broken rule, where it is broken, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The file, from the root.
    pub file: String,
    /// The line, from 1; 0 when it is about the whole file.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl Finding {
    /// A finding about one line.
    pub fn at(file: &str, line: usize, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.message),
            line => write!(f, "{}:{line}: {}", self.file, self.message),
        }
    }
}

/// Checks the whole repository.
///
/// # Errors
/// When a file can't be read.
pub fn check() -> Result<Vec<Finding>> {
    let root = repository::root();
    let mut findings = imports::check(&root)?;
    findings.extend(circles::check(&root)?);
    findings.extend(documents::check(&root)?);
    for path in repository::files(&root, "rs")? {
        let name = path.strip_prefix(&root).unwrap_or(&path).to_string_lossy().into_owned();
        if name.contains("/generated/") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {name}"))?;
        findings.extend(lengths::file(&name, &text));
        findings.extend(lengths::functions(&name, &text));
        findings.extend(words::check(&name, &text));
    }
    findings.sort();
    Ok(findings)
}

/// Prints what is broken.
///
/// # Errors
/// When something is, or a file can't be read.
pub fn report() -> Result<()> {
    let findings = check()?;
    for finding in &findings {
        eprintln!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} house rules are broken", findings.len());
    }
    println!("tidy");
    Ok(())
}
