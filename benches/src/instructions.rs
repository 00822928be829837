//! Instructions, which a busy machine does not change, counted one by one.
//!
//! A program is started again and lets itself be traced. It marks where a job begins and ends; between the marks it is run
//! step by step. Nothing is emulated, so that every instruction of the machine at hand may be counted, and no counter of
//! the hardware is needed. A step costs three to ten microseconds: right for jobs of a thousand to a
//! million instructions.
//!
//! What is counted is the thread that called [`Counted::begin`], outside the kernel. A repeated string instruction (a
//! large copy) counts once for each repetition.

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
mod elsewhere;
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod stepping;

use std::collections::BTreeMap;
use std::process::Command;

#[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
use self::elsewhere as stepping;
pub(crate) use self::stepping::Counted;

/// The instructions of each job, by its name.
pub(crate) type Counts = BTreeMap<String, u64>;

/// The most steps of one job, half a minute at most; a longer one is said to be, and left out.
const STEPS_MAX: u64 = 2_000_000;

/// Why there are no counts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotCounted {
    /// No way is known here.
    #[allow(dead_code, reason = "made on other machines")]
    #[error("instructions are counted on Linux alone, on x86-64 and AArch64")]
    Unknown,
    /// ptrace is refused.
    #[error("a process may not trace another here, as in many containers (ptrace: {0}); allow SYS_PTRACE")]
    Forbidden(String),
    /// The counted program ended otherwise than by success, or said something else than its jobs' names.
    #[error("the counted program went astray: {0}")]
    Astray(String),
    /// It could not be started or listened to.
    #[error("the counted program cannot be run")]
    Run(#[from] std::io::Error),
}

/// Counts the jobs of a program: of this one, called again with arguments that make it call [`Counted::begin`].
///
/// # Errors
/// Where it cannot be counted; the message says why.
pub(crate) fn count<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Result<Counts, NotCounted> {
    let mut command = Command::new(std::env::current_exe()?);
    stepping::follow(command.args(arguments))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_names_no_jobs_is_told_apart() {
        let counts = stepping::follow(&mut Command::new("false"));
        assert!(matches!(counts, Err(NotCounted::Astray(_) | NotCounted::Unknown)), "{counts:?}");
    }
}
