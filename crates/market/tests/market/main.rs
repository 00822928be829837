//! The market against the real wire samples, a scripted exchange, and the simulated one.

mod archive;
mod fake;
mod live;
mod real;
mod rest;
mod simulated;
