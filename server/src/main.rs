//! `klinecast-server`: reads the settings, builds and binds, serves, drains. `klinecast-server keys new` makes an API key.

use std::process::ExitCode;
use std::time::Duration;

use klinecast_server::access;
use klinecast_server::app::App;
use klinecast_server::settings::{Arguments, Settings, SettingsError, command, resolve};
use klinecast_server::telemetry::logs;
use klinecast_server::telemetry::reports::Reports;
use tokio_util::sync::CancellationToken;

/// The exit code for settings that cannot be used.
const EXIT_SETTINGS: u8 = 2;

/// How long the last reports of errors may take.
const REPORTS_FLUSH: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let matches = command().subcommand(access::command::command()).get_matches();
    if let Some(("keys", matches)) = matches.subcommand() {
        return make_key(matches);
    }
    let (settings, reports) = match read_settings(&matches) {
        Ok(Some(settings)) => settings,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("klinecast-server: {error}");
            return ExitCode::from(EXIT_SETTINGS);
        }
    };
    let served = tokio::runtime::Runtime::new().map_err(anyhow::Error::from).and_then(|runtime| {
        let served = runtime.block_on(serve(settings));
        // What a lost blocking task still does must not hold the end up.
        runtime.shutdown_timeout(Duration::from_secs(1));
        served
    });
    if let Some(reports) = reports {
        reports.flush(REPORTS_FLUSH);
    }
    match served {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("klinecast-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn make_key(matches: &clap::ArgMatches) -> ExitCode {
    match access::command::run(matches) {
        Ok(printed) => {
            print!("{printed}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("klinecast-server: {error}");
            ExitCode::from(EXIT_SETTINGS)
        }
    }
}

/// The checked settings and what reports errors by them, or `None` when they were only to be shown.
fn read_settings(matches: &clap::ArgMatches) -> Result<Option<(Settings, Option<Reports>)>, SettingsError> {
    let arguments = Arguments::read(matches, std::env::vars().collect())?;
    let resolved = resolve(&arguments.sources)?;
    if arguments.print_config {
        print!("{resolved}");
    }
    let settings = Settings::from_resolved(&resolved)?;
    if arguments.print_config {
        return Ok(None);
    }
    let fault = |fault| SettingsError(vec![fault]);
    let telemetry = &settings.telemetry;
    let reports = telemetry.reports.as_ref().map(Reports::start).transpose().map_err(fault)?;
    logs::start(&telemetry.log_filter, telemetry.log_format, reports.clone()).map_err(fault)?;
    if let Some(reports) = &reports {
        reports.watch_panics();
    }
    Ok(Some((settings, reports)))
}

async fn serve(settings: Settings) -> anyhow::Result<bool> {
    let stop = CancellationToken::new();
    tokio::spawn(stop_on_signal(stop.clone()));
    let app = App::build(settings).await?;
    println!("{}", app.addresses().to_json());
    Ok(app.run(stop).await?)
}

/// Cancels `stop` on SIGTERM or SIGINT.
async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be heard, stop the process by force");
        return;
    };
    let name = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    };
    tracing::info!(signal = name, "asked to stop");
    stop.cancel();
}
