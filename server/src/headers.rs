//! Names of headers that are looked for in every request: made once, so that no lookup has to read them.

use axum::http::HeaderName;

/// How long a gRPC call may take.
pub(crate) static GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// How a gRPC call's messages are packed.
pub(crate) static GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// How a caller takes the messages of answers.
pub(crate) static GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// A gRPC call's code.
pub(crate) static GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The caller's place in a trace (W3C Trace Context).
pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
