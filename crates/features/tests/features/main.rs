//! The feature engine against TA-Lib, against naive twins, and against itself.

mod behaviour;
mod damaged;
mod document;
mod drift;
mod goldens;
mod independence;
mod real;
mod snapshots;
mod support;
mod twins;
