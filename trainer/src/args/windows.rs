//! The windows.

use clap::Args;

use crate::split::SplitRequest;
use crate::time::TimeArgument;

/// The windows. A date is a whole UTC day: `until` includes it.
#[derive(Debug, Clone, Default, Args)]
pub struct WindowArguments {
    /// First bar to train on [default: the first that is warm].
    #[arg(long)]
    pub train_from: Option<TimeArgument>,
    /// Last bar to train on [default: after 70 % of the time].
    #[arg(long)]
    pub train_until: Option<TimeArgument>,
    /// Last bar to tune on [default: after 85 % of the time].
    #[arg(long)]
    pub tune_until: Option<TimeArgument>,
    /// First bar to test on [default: the embargo after the tuning window].
    #[arg(long)]
    pub test_from: Option<TimeArgument>,
    /// Last bar to test on [default: the last bar].
    #[arg(long)]
    pub test_until: Option<TimeArgument>,
}

impl WindowArguments {
    /// The windows as they were asked for.
    #[must_use]
    pub const fn request(&self) -> SplitRequest {
        SplitRequest {
            train_from: self.train_from,
            train_until: self.train_until,
            tune_until: self.tune_until,
            test_from: self.test_from,
            test_until: self.test_until,
        }
    }
}
