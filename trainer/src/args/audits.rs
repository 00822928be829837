//! `audit`.

use clap::{Args, Subcommand};

use super::{EffortArguments, WindowArguments};
use crate::audit;

/// The audits.
#[derive(Debug, Clone, Subcommand)]
pub enum AuditCommand {
    /// Change klines after, before and at some bars, and compare bits: no feature looks ahead, every declared input
    /// matters and no other, outcomes look only ahead. Publishing needs the certificate.
    Causality(CausalityArguments),
    /// Stand on every split of every booster, exactly and one step beside, with NaN, infinities, zeros and subnormal
    /// numbers, and ask the original libraries and our own scorer: they must answer the same bits. Publishing needs the
    /// certificate.
    Parity(ParityArguments),
    /// Train on outcomes that were dealt out anew, which must show no skill, and with a feature that knows the future, which
    /// must raise the alarm.
    Leaks(LeaksArguments),
}

/// `audit causality`.
#[derive(Debug, Clone, Args)]
pub struct CausalityArguments {
    /// Bars at which history is cut.
    #[arg(long, default_value_t = audit::DEFAULT_BARS, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub bars: u16,
    /// Seed of cut bars and changes; a run audits with its own.
    #[arg(long, default_value_t = audit::DEFAULT_SEED)]
    pub seed: u64,
}

/// `audit parity`.
#[derive(Debug, Clone, Default, Args)]
pub struct ParityArguments {
    /// A kept bundle: its digest, or the beginning of it [default: the champion].
    #[arg(conflicts_with = "trained")]
    pub bundle: Option<String>,
    /// Audit the boosters that training left behind instead; `publish` takes up the certificate.
    #[arg(long)]
    pub trained: bool,
}

/// `audit leaks`.
#[derive(Debug, Clone, Args)]
pub struct LeaksArguments {
    /// The windows.
    #[command(flatten)]
    pub windows: WindowArguments,
    /// How hard to try.
    #[command(flatten)]
    pub effort: EffortArguments,
}
