//! The workspace's own automation: `cargo xtask <command>`. Every job is one command that a person can run too.
//!
//! ```
//! use xtask::tidy::{Finding, lengths};
//!
//! let source = format!("fn long() {{\n{}}}\n", "    step();\n".repeat(100));
//! let findings: Vec<Finding> = lengths::functions("server/src/app.rs", &source);
//! assert_eq!(findings.len(), 1);
//! assert!(findings[0].to_string().contains("`long` has 102 lines"));
//! ```

pub mod bench;
pub mod fuzz;
pub mod goldens;
mod python;
pub mod repository;
pub mod run;
pub mod simulate;
pub mod tidy;
