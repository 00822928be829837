//! Instructions, which a busy machine does not change, by callgrind.

use std::process::Command;

/// The instructions of one turn of a job: this program runs itself under callgrind with the job repeated once and three
/// times; the difference counts. `None` where valgrind is not there. `arguments` answers the command line for a number of
/// turns.
pub(crate) fn instructions(arguments: impl Fn(u32) -> Vec<String>) -> Option<f64> {
    let program = std::env::current_exe().ok()?;
    let collected = |turns: u32| -> Option<f64> {
        let output = Command::new("valgrind")
            .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
            .arg(&program)
            .args(arguments(turns))
            .output()
            .ok()?;
        let text = String::from_utf8(output.stderr).ok()?;
        text.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
    };
    Some((collected(3)? - collected(1)?) / 2.0)
}
