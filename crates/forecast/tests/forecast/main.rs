//! Tests of the room's promises, through its public interface.

mod bands;
mod bundles;
mod joining;
mod live_is_batch;
mod market;
mod outcomes;
mod real;
mod restart;
mod resume;
mod rows;
mod states;
mod succession;
mod wild;
