//! The forest against the original libraries' answers, and against hostile files.
#![allow(clippy::unwrap_used)]

mod explanations;
mod functions;
mod golden;
mod goldens;
mod hostile;
mod packed;
mod random;
mod refusals;
mod rows;
#[path = "../shared/seeded.rs"]
mod seeded;
mod shapley;
mod single_trees;
mod text;
