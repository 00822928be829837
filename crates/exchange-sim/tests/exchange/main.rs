//! The exchange as its clients see it, over TCP, and the synthetic market beside the real one.

mod client;
mod facts;
mod faults;
mod listing;
mod program;
mod recorded;
mod replay;
mod rest;
mod socket;
mod trades;
