//! By what a version came to a stage. The history has a sentence of it for people; it is made and read again here alone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Characters of a name that are noted.
const WHO_CHARS_MAX: usize = 128;

const GATES: &str = "passed ";
const FORCE: &str = "promoted by force past: ";
const COMMAND: &str = "asked for, not judged";
const ROLLBACK: &str = "rolled back from version ";

/// By what a version came to a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// It was registered.
    Registration,
    /// It passed the gates of promotion.
    Gates,
    /// It was promoted by force past gates that it does not pass.
    Force,
    /// It was asked for, and no gate was looked at.
    Command,
    /// The champion before was gone back to.
    Rollback,
    /// Another version took its place.
    Succession,
    /// The registry says so and its history does not: another program, for example MLflow's own client, has changed it.
    Elsewhere,
}

impl Cause {
    /// The cause's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Gates => "gates",
            Self::Force => "force",
            Self::Command => "command",
            Self::Rollback => "rollback",
            Self::Succession => "succession",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// What is noted with a promotion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    /// So many gates were passed.
    Gates(usize),
    /// By force past these gates.
    Force(Vec<String>),
    /// It was asked for, and no gate was looked at.
    Command,
    /// It was the champion before this version, which was gone back from.
    Rollback {
        /// The champion that was gone back from.
        from: u32,
    },
}

impl fmt::Display for How {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gates(passed) => write!(f, "{GATES}{passed} gates"),
            Self::Force(past) => write!(f, "{FORCE}{}", past.join("; ")),
            Self::Command => f.write_str(COMMAND),
            Self::Rollback { from } => write!(f, "{ROLLBACK}{from}"),
        }
    }
}

impl How {
    /// The sentence for the history, with the name of who did it where that is known.
    #[must_use]
    pub fn by(&self, who: Option<&str>) -> String {
        // A name can't pretend to be another's by ending the sentence itself.
        let plain = |letter: &char| !letter.is_control() && !matches!(letter, '(' | ')');
        let who: Option<String> = who.map(|who| who.chars().filter(plain).take(WHO_CHARS_MAX).collect());
        match who.as_deref().map(str::trim) {
            None | Some("") => self.to_string(),
            Some(who) => format!("{self} (by {who})"),
        }
    }
}

/// What a sentence of the history says; `None` where it was written by hand.
pub(super) fn cause(sentence: &str) -> Option<Cause> {
    let beginnings = [
        (GATES, Cause::Gates),
        (FORCE, Cause::Force),
        (COMMAND, Cause::Command),
        (ROLLBACK, Cause::Rollback),
    ];
    beginnings.into_iter().find(|(beginning, _)| sentence.starts_with(beginning)).map(|(_, cause)| cause)
}

/// Who did it, by a sentence of the history.
pub(super) fn who(sentence: &str) -> Option<&str> {
    sentence.strip_suffix(')')?.rsplit_once(" (by ").map(|(_, who)| who)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_noted_is_read_again() {
        let past = || How::Force(vec!["days: 6 (14 are the least)".to_owned(), "data (by day)".to_owned()]);
        let cases = [
            (How::Gates(16), Cause::Gates),
            (past(), Cause::Force),
            (How::Command, Cause::Command),
            (How::Rollback { from: 7 }, Cause::Rollback),
        ];
        for (how, expected) in cases {
            let sentence = how.by(Some("ann@host"));
            assert_eq!((cause(&sentence), who(&sentence)), (Some(expected), Some("ann@host")), "{sentence}");
            assert_eq!(cause(&how.by(None)), Some(expected));
        }
        assert_eq!(who(&How::Command.by(None)), None);
        // As earlier programs wrote it.
        assert_eq!(cause("passed 16 gates (by bob)"), Some(Cause::Gates));
        assert_eq!(cause("better than before"), None);
    }

    #[test]
    fn a_name_pretends_to_be_no_other() {
        let sentence = How::Command.by(Some("eve) (by ann\n"));
        assert_eq!(who(&sentence), Some("eve by ann"), "{sentence}");
        assert_eq!(How::Command.by(Some(" \u{7} ")), How::Command.by(None));
        let long = How::Command.by(Some(&"x".repeat(1_000)));
        assert_eq!(who(&long).map(str::len), Some(WHO_CHARS_MAX));
    }
}
