//! What the server says about itself: metrics, logs, traces, reports of errors.

pub mod catalogue;
#[cfg(test)]
mod document_tests;
mod ending;
pub mod exporter;
pub mod grpc_layer;
mod grpc_methods;
pub mod logs;
pub mod metrics;
mod process;
pub mod reports;
mod request_id;
pub mod request_layer;
pub mod requests;
pub mod scope;
mod stopwatch;
mod throttle;
mod trace_parent;
pub mod traces;
#[cfg(test)]
mod watching_tests;
