//! A fuzzer of the model readers and scorers: golden files are damaged at random, from seeds, and whatever happens has
//! to be an error or an answer.
//!
//! `cargo test` runs it for a few seconds; `cargo xtask fuzz forest --seconds N [--seed S]` for as long as you like. A
//! case that fails prints its number: `FOREST_FUZZ_CASE=<number> cargo test -p forest --test fuzz damaged` runs it alone.
//!
//! A program of its own, since the counting allocator is the whole program's.
#![allow(clippy::unwrap_used)]

mod case;
mod document;
#[path = "../forest/random.rs"]
mod golden_models;
mod lightgbm;
mod memory;
mod plain;
mod random;
mod run;
#[path = "../shared/seeded.rs"]
mod seeded;
mod seeds;
mod survival;
mod ubjson;

#[test]
fn damaged_models_are_refused_or_scored() {
    run::run();
}

#[test]
fn goldens_written_by_the_fuzzer_are_the_same_models() {
    for seed in seeds::all() {
        let (Some(document), Some(model)) = (&seed.document, &seed.model) else { continue };
        let limits = forest::Limits::default();
        let written = [
            seeds::Format::Json.read(&ubjson::to_json(document), &limits),
            seeds::Format::Ubjson.read(&ubjson::encode(document), &limits),
        ];
        for again in written {
            assert_eq!(format!("{:?}", again.unwrap()), format!("{model:?}"), "{}", seed.name);
        }
    }
}
