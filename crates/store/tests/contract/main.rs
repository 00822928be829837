//! What every store has to do, whatever it is made of. Each backend runs the same suite.

mod broken_off;
mod datasets;
mod features;
mod mlflow;
mod objects;
mod postgres;
mod retention;
mod s3;
mod silence;
mod sqlite;
mod suite;
mod tls;
mod web_tls;
