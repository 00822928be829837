//! OpenMP's idle threads: spinning on busy cores makes both libraries 3 to 15 times slower.

use std::io;

const VARIABLE: &str = "OMP_WAIT_POLICY";

/// Whether idle OpenMP threads will sleep. It is read once, when the OpenMP runtime is loaded.
#[must_use]
pub fn openmp_wait_is_passive() -> bool {
    std::env::var(VARIABLE).is_ok_and(|value| value.eq_ignore_ascii_case("passive"))
}

/// Starts this program anew with idle OpenMP threads asleep, unless the environment already says how they
/// wait. Call it before a library is loaded.
///
/// # Errors
/// When the program can't be started; it does not return otherwise.
pub fn restart_with_passive_openmp() -> io::Result<()> {
    if std::env::var_os(VARIABLE).is_some() {
        return Ok(());
    }
    let mut command = std::process::Command::new(std::env::current_exe()?);
    command.args(std::env::args_os().skip(1)).env(VARIABLE, "PASSIVE");
    replace(&mut command)
}

#[cfg(unix)]
fn replace(command: &mut std::process::Command) -> io::Result<()> {
    use std::os::unix::process::CommandExt;
    Err(command.exec())
}

#[cfg(not(unix))]
fn replace(command: &mut std::process::Command) -> io::Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1))
}
