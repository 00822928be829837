//! The real server binary against the simulated exchange: cold start, both faces, swap, drain, refusals.

mod access;
mod answers;
mod binaries;
mod browsers;
mod bundles;
mod connections;
mod contract;
mod end_to_end;
mod faces;
mod following;
mod gaps;
mod harness;
mod health;
mod http;
mod inference;
mod kills;
mod misbehaving;
mod raw;
mod redis;
mod replays;
mod retention;
mod scores;
mod start;
mod streams;
mod web;
