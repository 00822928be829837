//! One command, one file.

use std::process::ExitCode;

use anyhow::Result;
use klinecast::{Client, Settings};

use crate::arguments::{Arguments, Command, Journal};

mod explain;
mod features;
mod follow;
mod gaps;
mod health;
mod history;
mod journal;
mod models;
mod predict;
mod replay;
mod skill;
mod status;
mod watch;

/// Runs the command that was asked for.
pub(crate) async fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut settings = Settings::at(&arguments.server);
    settings.deadline = arguments.timeout;
    settings.reload_deadline = settings.reload_deadline.max(arguments.timeout);
    settings.credentials = arguments.credentials.read()?;
    let client = Client::new(settings)?;
    let json = arguments.json;
    match &arguments.command {
        Command::Predict(wanted) => return predict::run(&client, wanted, json).await,
        Command::Explain(wanted) => explain::run(&client, wanted, json).await?,
        Command::History(wanted) => history::run(&client, wanted, json).await?,
        Command::Watch(wanted) => watch::run(&client, wanted, json).await?,
        Command::Features(wanted) => features::run(&client, wanted, json).await?,
        Command::Models => models::list(&client, json).await?,
        Command::Tasks => models::tasks(&client, json).await?,
        Command::Gaps(wanted) => gaps::run(&client, wanted, json).await?,
        Command::Follow(pairs) => follow::run(&client, (&pairs.symbols, &[]), json).await?,
        Command::Unfollow(pairs) => follow::run(&client, (&[], &pairs.symbols), json).await?,
        Command::Health(wanted) => return health::run(&client, wanted, json).await,
        Command::Status => status::run(&client, json).await?,
        Command::Skill(wanted) => skill::run(&client, wanted, json).await?,
        Command::Replay(wanted) => return replay::run(&client, wanted, json).await,
        Command::Journal(Journal::Verify) => return journal::verify(&client, json).await,
        Command::Promote(wanted) => models::promote(&client, wanted, json).await?,
        Command::Rollback => models::roll_back(&client, json).await?,
        Command::Reload => models::reload(&client, json).await?,
    }
    Ok(ExitCode::SUCCESS)
}
