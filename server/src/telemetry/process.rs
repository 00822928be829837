//! The process's own figures, by the names that every Prometheus board knows.

use metrics::gauge;

use super::catalogue::names;

/// Clock ticks a second: fixed at 100 on every Linux that Rust runs on.
const TICKS_PER_SECOND: f64 = 100.0;

/// The size of a page of memory.
const PAGE_BYTES: f64 = 4_096.0;

/// Reads the figures from `/proc`; what cannot be read is left as it was.
pub(super) fn observe() {
    if let Ok(text) = std::fs::read_to_string("/proc/self/stat")
        && let Some(seconds) = cpu_seconds(&text)
    {
        metrics::counter!(names::PROCESS_CPU).absolute(seconds);
    }
    if let Ok(text) = std::fs::read_to_string("/proc/self/statm")
        && let Some(pages) = text.split_whitespace().nth(1).and_then(|field| field.parse::<f64>().ok())
    {
        gauge!(names::PROCESS_MEMORY).set(pages * PAGE_BYTES);
    }
    if let Ok(folder) = std::fs::read_dir("/proc/self/fd") {
        gauge!(names::PROCESS_FILES).set(folder.count() as f64);
    }
}

/// User and system time of `/proc/self/stat`, in whole seconds.
fn cpu_seconds(text: &str) -> Option<u64> {
    // The second field is the program's name in parentheses and may hold spaces.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |index: usize| fields.get(index)?.parse::<f64>().ok();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small positive number of seconds"
    )]
    Some(((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_spaces_does_not_shift_the_fields() {
        let text = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20";
        assert_eq!(cpu_seconds(text), Some(4));
        assert_eq!(cpu_seconds("nonsense"), None);
    }
}
