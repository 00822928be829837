//! `klinecast-trainer`: reads the command line, does it, says what went wrong.

use std::process::ExitCode;

use clap::Parser;
use klinecast_trainer::args::Arguments;
use klinecast_trainer::fit::restart_with_passive_openmp;
use klinecast_trainer::pipeline;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // Before any library is loaded. If the program can't be started again it works as it is, only slower.
    let _ = restart_with_passive_openmp();
    let log = tracing_subscriber::EnvFilter::try_from_env("KLINECAST_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(log).with_writer(std::io::stderr).init();
    match pipeline::execute(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&error);
            ExitCode::from(error.status())
        }
    }
}

/// One line: the error and what caused it.
fn report(error: &dyn std::error::Error) {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let words = source.to_string();
        // Some errors quote their cause already.
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = source.source();
    }
    let style = anstyle::AnsiColor::Red.on_default().bold();
    anstream::eprintln!("{style}error{style:#}: {text}");
}
