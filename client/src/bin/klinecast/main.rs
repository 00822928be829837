//! `klinecast`: forecasts, features, models and status of a running server, for people and for programs.

mod arguments;
mod command;
mod credentials;
mod render;

use std::process::ExitCode;

use clap::Parser as _;

use crate::arguments::Arguments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match command::run(&arguments).await {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            render::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Whether the reader of standard output has gone, as in `klinecast watch | head`; that is no fault.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
