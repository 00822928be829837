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
        && let Some(stat) = Stat::read(&text)
    {
        metrics::counter!(names::PROCESS_CPU).absolute(stat.cpu_seconds);
        gauge!(names::PROCESS_THREADS).set(stat.threads);
        gauge!(names::PROCESS_VIRTUAL).set(stat.virtual_bytes);
        gauge!(names::PROCESS_MEMORY).set(stat.resident_pages * PAGE_BYTES);
    }
    if let Ok(text) = std::fs::read_to_string("/proc/self/limits")
        && let Some(most) = files_max(&text)
    {
        gauge!(names::PROCESS_FILES_MAX).set(most);
    }
    if let Ok(folder) = std::fs::read_dir("/proc/self/fd") {
        gauge!(names::PROCESS_FILES).set(folder.count() as f64);
    }
}

/// What `/proc/self/stat` says.
#[derive(Debug, PartialEq)]
struct Stat {
    /// User and system time, in whole seconds.
    cpu_seconds: u64,
    threads: f64,
    virtual_bytes: f64,
    resident_pages: f64,
}

impl Stat {
    fn read(text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses and may hold spaces.
        let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
        let number = |index: usize| fields.get(index)?.parse::<f64>().ok();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small positive number of seconds"
        )]
        let cpu_seconds = ((number(11)? + number(12)?) / TICKS_PER_SECOND) as u64;
        let (threads, virtual_bytes, resident_pages) = (number(17)?, number(20)?, number(21)?);
        Some(Self { cpu_seconds, threads, virtual_bytes, resident_pages })
    }
}

/// The soft limit of open files in `/proc/self/limits`.
fn files_max(text: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(f64::INFINITY),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_spaces_does_not_shift_the_fields() {
        let text = "7 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 12 0 5500 81920 77 1";
        let expected = Stat { cpu_seconds: 4, threads: 12.0, virtual_bytes: 81_920.0, resident_pages: 77.0 };
        assert_eq!(Stat::read(text), Some(expected));
        assert_eq!(Stat::read("nonsense"), None);
        assert_eq!(Stat::read("7 (a) S 1 2 3"), None);
    }

    #[test]
    fn the_limit_of_files_is_the_soft_one() {
        let text = "Limit   Soft Limit  Hard Limit  Units\nMax open files            1024  1048576  files\n";
        assert_eq!(files_max(text), Some(1_024.0));
        assert_eq!(files_max("Max open files  unlimited unlimited files"), Some(f64::INFINITY));
        assert_eq!(files_max(""), None);
    }
}
