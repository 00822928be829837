//! The real server binary against the simulated exchange: cold start, both faces, swap, drain, refusals.

mod answers;
mod binaries;
mod browsers;
mod bundles;
mod end_to_end;
mod faces;
mod following;
mod gaps;
mod harness;
mod kills;
mod misbehaving;
mod replays;
mod retention;
mod scores;
mod start;
mod streams;
mod telemetry;
