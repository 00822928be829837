//! Both sides of ptrace: the program that is counted, and the one that steps it.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use nix::errno::Errno;
use nix::sys::ptrace;
use nix::sys::signal::{Signal, raise};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::thread::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};

use super::{Counts, NotCounted, STEPS_MAX};

/// What stands before a job's name in a line of the counted program.
const NAME: &str = "counted: ";
/// What stands before the reason for which it may not be traced.
const FORBIDDEN: &str = "counted, forbidden: ";
/// The job that costs what every job costs beside its own work.
const NOTHING: &str = "nothing";
/// Jobs of known length, by which the counting itself is checked: so many turns of one loop.
const LOOPS: [(&str, u64); 2] = [("a loop", 1_000), ("a longer loop", 3_000)];
/// Marks the beginning and the end of a job; never delivered.
const MARK: Signal = Signal::SIGUSR1;

/// The side that is counted. It lives in a program that [`follow`] has started, or the first mark ends it.
#[derive(Debug)]
pub(crate) struct Counted(());

impl Counted {
    /// Lets this thread, the program's first one, be traced by the program that started it.
    pub(crate) fn begin() -> Result<Counted, NotCounted> {
        // Another thread's marks would never be waited for.
        if nix::unistd::gettid() != nix::unistd::getpid() {
            return Err(NotCounted::Astray("only the program's first thread can be counted".to_owned()));
        }
        if let Err(error) = ptrace::traceme() {
            println!("{FORBIDDEN}{error}");
            return Err(NotCounted::Forbidden(error.to_string()));
        }
        let counted = Counted(());
        counted.job(NOTHING, &mut || ());
        for (name, turns) in LOOPS {
            counted.job(name, &mut || (0..turns).for_each(|turn| _ = std::hint::black_box(turn)));
        }
        Ok(counted)
    }

    /// Does a job twice, and has the second time counted: what happens once only is left out.
    pub(crate) fn job(&self, name: &str, job: &mut dyn FnMut()) {
        job();
        println!("{NAME}{name}");
        // An error would be one of the signal's number.
        let _ = raise(MARK);
        job();
        let _ = raise(MARK);
    }
}

/// This thread and the programs that it starts stay on one processor: handing a step over to another takes three times as
/// long. Where that is refused, counting is slower and no less right.
struct Pinned(Option<CpuSet>);

impl Pinned {
    fn here() -> Pinned {
        let Ok(before) = sched_getaffinity(None) else { return Pinned(None) };
        let mut one = CpuSet::new();
        one.set(sched_getcpu());
        Pinned(sched_setaffinity(None, &one).ok().map(|()| before))
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = sched_setaffinity(None, before);
        }
    }
}

/// Runs a program to its end, steps through its jobs, and answers what each took.
pub(super) fn follow(command: &mut Command) -> Result<Counts, NotCounted> {
    let pinned = Pinned::here();
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let counts = steps(&mut child);
    drop(pinned);
    if counts.is_err() {
        // It may have ended already: then neither matters.
        let _ = child.kill();
        let _ = child.wait();
    }
    let mut counts = counts?;
    let own = counts.remove(NOTHING).ok_or_else(|| NotCounted::Astray("it named no jobs".to_owned()))?;
    counts.values_mut().for_each(|count| *count = count.saturating_sub(own));
    let [short, long] = LOOPS.map(|(name, turns)| (counts.remove(name).unwrap_or(0), turns));
    let (more, turns) = (long.0.saturating_sub(short.0), long.1 - short.1);
    if more == 0 || more % turns != 0 {
        return Err(NotCounted::Astray(format!(
            "{turns} turns of a loop were counted as {more} instructions"
        )));
    }
    Ok(counts)
}

fn steps(child: &mut Child) -> Result<Counts, NotCounted> {
    let astray = |what: &str| NotCounted::Astray(what.to_owned());
    let pid = Pid::from_raw(i32::try_from(child.id()).map_err(|_| astray("its number is none"))?);
    let mut lines = BufReader::new(child.stdout.take().ok_or_else(|| astray("it has no output"))?);
    let mut counts = Counts::new();
    // The job that is done now, and its steps so far while it is stepped through.
    let mut job: Option<(String, Option<u64>)> = None;
    loop {
        let signal = match waitpid(pid, Some(WaitPidFlag::__WALL)).map_err(std::io::Error::from)? {
            WaitStatus::Exited(_, 0) => return Ok(counts),
            WaitStatus::Stopped(_, MARK) => {
                job = match job.take() {
                    Some((name, steps)) => {
                        counts.extend(steps.map(|steps| (name, steps)));
                        None
                    }
                    None => Some((next_name(&mut lines)?, Some(0))),
                };
                None
            }
            WaitStatus::Stopped(_, Signal::SIGTRAP) if let Some((name, Some(steps))) = &mut job => {
                *steps += 1;
                if *steps > STEPS_MAX {
                    println!("{name}: not counted, it takes more than {STEPS_MAX} instructions");
                    job = job.map(|(name, _)| (name, None));
                }
                None
            }
            WaitStatus::Stopped(_, other) => Some(other),
            ended => {
                return Err(match next_name(&mut lines) {
                    Err(why @ NotCounted::Forbidden(_)) => why,
                    _ => NotCounted::Astray(format!("{ended:?}")),
                });
            }
        };
        let onwards = if let Some((_, Some(_))) = job { ptrace::step } else { ptrace::cont };
        onwards(pid, signal).map_err(|error: Errno| NotCounted::Forbidden(error.to_string()))?;
    }
}

/// Reads on to the name of a job. It was written before the mark, so that nothing is waited for.
fn next_name(lines: &mut BufReader<ChildStdout>) -> Result<String, NotCounted> {
    let mut line = String::new();
    while lines.read_line(&mut line)? > 0 {
        if let Some((_, why)) = line.trim_end().split_once(FORBIDDEN) {
            return Err(NotCounted::Forbidden(why.to_owned()));
        }
        if let Some((_, name)) = line.trim_end().split_once(NAME) {
            return Ok(name.to_owned());
        }
        line.clear();
    }
    Err(NotCounted::Astray("it named no job".to_owned()))
}
