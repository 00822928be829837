//! Where klines come from.

use std::path::PathBuf;

use clap::Args;

use crate::ingest::{Range, Source};
use crate::time::TimeArgument;
use crate::{Result, TrainerError};

/// Where klines come from.
#[derive(Debug, Clone, Default, Args)]
pub struct SourceArguments {
    /// REST address of an exchange, for example https://data-api.binance.vision; beside --archive for what that lacks.
    #[arg(long, conflicts_with = "klines")]
    pub rest_url: Option<String>,
    /// Address of an archive, for example https://data.binance.vision, or a folder of its files, in its layout or flat.
    #[arg(long, conflicts_with = "klines")]
    pub archive: Option<String>,
    /// Folder of recorded kline files (BTCUSDT-15m.csv.gz).
    #[arg(long)]
    pub klines: Option<PathBuf>,
    /// From an exchange or archive: so many days before the end [default: 180].
    #[arg(long, conflicts_with = "from")]
    pub days: Option<u32>,
    /// From an exchange or archive: the first bar (2024-09-06, 2024-09-06T12:00Z or Unix milliseconds).
    #[arg(long)]
    pub from: Option<TimeArgument>,
    /// From an exchange or archive: the last bar [default: now, by the exchange's clock].
    #[arg(long)]
    pub until: Option<TimeArgument>,
    /// Ask again for old bars that the source did not have at an earlier run.
    #[arg(long)]
    pub ask_again: bool,
}

impl SourceArguments {
    /// The source, or `None` if none was named.
    ///
    /// # Errors
    /// When a range was given for a folder.
    pub fn source(&self) -> Result<Option<Source>> {
        let ranged = self.days.is_some() || self.from.is_some() || self.until.is_some();
        let range = Range {
            days: self.days,
            from: self.from.map(TimeArgument::start),
            until: self.until.map(|time| time.end() + 1),
            ask_again: self.ask_again,
        };
        if let Some(place) = &self.archive {
            let (place, rest_url) = (place.clone(), self.rest_url.clone());
            return Ok(Some(Source::Archive { place, rest_url, range }));
        }
        match (&self.rest_url, &self.klines) {
            (Some(rest_url), _) => Ok(Some(Source::Exchange { rest_url: rest_url.clone(), range })),
            (None, Some(_)) if ranged => Err(TrainerError::Source {
                problem: "--days, --from and --until are for an exchange or an archive, a folder is read as a whole",
            }),
            (None, Some(folder)) => Ok(Some(Source::Folder(folder.clone()))),
            (None, None) if ranged => {
                Err(TrainerError::Source { problem: "there is no exchange to fetch from" })
            }
            (None, None) => Ok(None),
        }
    }
}
