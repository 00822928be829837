//! The public wire contract: the messages and services of `klinecast.v1` and of the Open Inference Protocol, generated
//! from the `.proto` files beside this crate and committed, so that building needs no `protoc`.
//!
//! ```
//! use proto::v1;
//!
//! let request = v1::PredictRequest { symbol: "BTCUSDT".to_owned(), ..Default::default() };
//! assert!(request.tasks.is_empty(), "no tasks named means all of them");
//! let unset = v1::Stage::default();
//! assert_eq!(unset, v1::Stage::Unspecified);
//! ```
//!
//! After a change to a `.proto` file: `KLINECAST_REGENERATE=1 cargo test -p proto`.

/// `klinecast.v1`.
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, rust_2018_idioms)]
#[rustfmt::skip]
#[path = "generated/klinecast.v1.rs"]
pub mod v1;

/// The descriptors of `klinecast.v1` and of what it imports, for server reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/klinecast.v1.bin");

/// The Open Inference Protocol, version 2, with Triton's extensions.
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, rust_2018_idioms)]
#[rustfmt::skip]
#[path = "generated/inference.rs"]
pub mod inference;

/// The model repository as MLServer's clients ask for it.
#[allow(clippy::all, clippy::pedantic, missing_docs, unreachable_pub, rust_2018_idioms)]
#[rustfmt::skip]
#[path = "generated/inference.model_repository.rs"]
pub mod model_repository;

/// The descriptors of `inference` and `inference.model_repository`, for server reflection.
pub const INFERENCE_FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("generated/inference.bin");
