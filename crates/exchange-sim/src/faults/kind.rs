//! The faults that there are.

use std::fmt;
use std::str::FromStr;

use crate::ExchangeError;

/// One way in which the exchange misbehaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FaultKind {
    /// A closing frame comes seconds to minutes late, also after the next bar's close.
    LateFinal,
    /// A closing frame never comes on a socket; REST has the kline.
    MissingFinal,
    /// A closing frame comes two to four times, at once or over some seconds.
    DuplicateFinal,
    /// The next bar's closing frame comes before this one's, or the symbols of one bar change places.
    ReorderedFinals,
    /// Sockets and REST first answer other values; the true ones come later, as a second closing frame or by
    /// REST alone.
    CorrectedFinal,
    /// A kline that is still forming is passed off as closed: by an early frame, or by frame and REST after the
    /// close. The true final follows.
    PartialAsClosed,
    /// A socket on which nothing more comes: no frame, no ping, no close.
    HalfOpen,
    /// A connection is dropped without a close frame.
    Reset,
    /// Frames come in order, but up to tens of seconds late.
    SlowFrames,
    /// Frames are cut or mixed, so that they are no JSON; at the loopback server also sent in fragments.
    TornFrames,
    /// The notice of a shutdown, and the close some time after it.
    ServerShutdown,
    /// REST and handshakes answer 429 with `Retry-After`.
    TooManyRequests,
    /// REST and handshakes answer 418 with `Retry-After`.
    Banned,
    /// REST and handshakes answer 451.
    LegalBlock,
    /// Some requests are answered with 500, 502, 503 or 504, or never.
    ServerErrors,
    /// A page of HTML, with status 200 or 502, in place of JSON.
    HtmlAnswers,
    /// All times of frames and rows are microseconds.
    MicrosecondStamps,
    /// A symbol is not traded for hours: `exchangeInfo` says BREAK or HALT, and there are no klines of that time.
    SymbolHalt,
    /// The exchange's clock, as `/time` and event times tell it, is seconds to a minute ahead or back.
    ClockJump,
    /// An hour without any frame on open sockets, although pings go on; REST answers.
    Silence,
    /// Everything that was held back comes at once, with hundreds of forming frames.
    Flood,
    /// Kline frames and the klines endpoint tell nothing new; trades, the clock and everything else go on.
    KlinesSilent,
}

impl FaultKind {
    /// Every kind.
    pub const ALL: [Self; 22] = [
        Self::LateFinal,
        Self::MissingFinal,
        Self::DuplicateFinal,
        Self::ReorderedFinals,
        Self::CorrectedFinal,
        Self::PartialAsClosed,
        Self::HalfOpen,
        Self::Reset,
        Self::SlowFrames,
        Self::TornFrames,
        Self::ServerShutdown,
        Self::TooManyRequests,
        Self::Banned,
        Self::LegalBlock,
        Self::ServerErrors,
        Self::HtmlAnswers,
        Self::MicrosecondStamps,
        Self::SymbolHalt,
        Self::ClockJump,
        Self::Silence,
        Self::Flood,
        Self::KlinesSilent,
    ];

    /// The kind's name, for example `late-final`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LateFinal => "late-final",
            Self::MissingFinal => "missing-final",
            Self::DuplicateFinal => "duplicate-final",
            Self::ReorderedFinals => "reordered-finals",
            Self::CorrectedFinal => "corrected-final",
            Self::PartialAsClosed => "partial-as-closed",
            Self::HalfOpen => "half-open",
            Self::Reset => "reset",
            Self::SlowFrames => "slow-frames",
            Self::TornFrames => "torn-frames",
            Self::ServerShutdown => "server-shutdown",
            Self::TooManyRequests => "too-many-requests",
            Self::Banned => "banned",
            Self::LegalBlock => "legal-block",
            Self::ServerErrors => "server-errors",
            Self::HtmlAnswers => "html-answers",
            Self::MicrosecondStamps => "microsecond-stamps",
            Self::SymbolHalt => "symbol-halt",
            Self::ClockJump => "clock-jump",
            Self::Silence => "silence",
            Self::Flood => "flood",
            Self::KlinesSilent => "klines-silent",
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for FaultKind {
    type Err = ExchangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| ExchangeError::Fault(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_and_others_are_refused_with_all_names() {
        for kind in FaultKind::ALL {
            assert_eq!(kind.as_str().parse::<FaultKind>().ok(), Some(kind));
        }
        let message = "Late-Final".parse::<FaultKind>().map_err(|error| error.to_string());
        assert!(message.is_err_and(|text| text.contains("\"Late-Final\"") && text.contains("late-final")));
    }
}
