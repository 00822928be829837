//! What the server says about itself: metrics, logs.

pub mod catalogue;
pub mod exporter;
pub mod grpc_layer;
pub mod logs;
pub mod metrics;
mod process;
pub mod snapshots;
#[cfg(test)]
mod watching_tests;
