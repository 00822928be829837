//! What every store has to do, whatever it is made of. Each backend runs the same suite.

mod mlflow;
mod objects;
mod postgres;
mod retention;
mod s3;
mod sqlite;
mod suite;
mod tls;
