//! Case after case until the time is over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::case::Case;
use crate::random::Random;
use crate::seeds::{self, Seed};
use crate::survival::{self, Fate};

/// What `cargo test` takes, and what it starts from.
const SECONDS: u64 = 8;
const SEED: u64 = 1;
/// A case that takes longer never ends.
const HANG: Duration = Duration::from_secs(120);
const REPORT: Duration = Duration::from_secs(10);
const FAILURES_MAX: usize = 5;

/// Reads a variable as a number, decimal or hexadecimal.
fn variable(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    let number = match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    Some(number.unwrap_or_else(|_| panic!("{name} is `{text}`, not a number")))
}

pub(crate) fn run() {
    let seeds = seeds::all();
    if let Some(number) = variable("FOREST_FUZZ_CASE") {
        let (case, mut random) = make(number, &seeds);
        println!("{}", describe(number, &case));
        println!("{:?}", survival::check(&case, &seeds, &mut random));
        return;
    }
    let seconds = variable("FOREST_FUZZ_SECONDS").unwrap_or(SECONDS);
    let numbers = Random(variable("FOREST_FUZZ_SEED").unwrap_or(SEED));
    let running = Arc::new(AtomicU64::new(0));
    let (sender, ended) = mpsc::channel();
    let worker = {
        let running = Arc::clone(&running);
        std::thread::spawn(move || {
            let _ = sender.send(work(seconds, numbers, &seeds, &running));
        })
    };
    let mut last = 0;
    loop {
        match ended.recv_timeout(HANG) {
            Ok(failures) => {
                assert!(failures.is_empty(), "{} cases failed:\n{}", failures.len(), failures.join("\n"));
                break;
            }
            Err(RecvTimeoutError::Timeout) => {
                let now = running.load(Ordering::Relaxed);
                assert_ne!(now, last, "the case {now:#018x} never ends");
                last = now;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    worker.join().unwrap();
}

fn make(number: u64, seeds: &[Seed]) -> (Case<'_>, Random) {
    let mut random = Random(number);
    (Case::new(seeds, &mut random), random)
}

fn describe(number: u64, case: &Case<'_>) -> String {
    format!("FOREST_FUZZ_CASE={number:#018x} ({} damage to {})", case.kind, case.of.name)
}

/// Runs cases until the time is over or too many have failed, and describes those that failed.
fn work(seconds: u64, mut numbers: Random, seeds: &[Seed], running: &AtomicU64) -> Vec<String> {
    let started = Instant::now();
    let mut reported = started;
    let mut fates: BTreeMap<(&'static str, Fate), u64> = BTreeMap::new();
    let mut failures = Vec::new();
    let mut slowest = Duration::ZERO;
    while started.elapsed() < Duration::from_secs(seconds) && failures.len() < FAILURES_MAX {
        let number = numbers.next();
        running.store(number, Ordering::Relaxed);
        let (case, mut random) = make(number, seeds);
        let case_started = Instant::now();
        match catch_unwind(AssertUnwindSafe(|| survival::check(&case, seeds, &mut random))) {
            Ok(fate) => *fates.entry((case.kind, fate)).or_default() += 1,
            Err(_) => {
                failures.push(describe(number, &case));
                eprintln!("{}", describe(number, &case));
            }
        }
        slowest = slowest.max(case_started.elapsed());
        if reported.elapsed() >= REPORT {
            reported = Instant::now();
            println!("{}", summary(&fates, started.elapsed(), slowest));
        }
    }
    println!("{}", summary(&fates, started.elapsed(), slowest));
    for kind in ["plain", "lightgbm", "json", "ubjson"] {
        let of_kind: BTreeMap<_, _> =
            fates.iter().filter(|((own, _), _)| *own == kind).map(|(key, count)| (*key, *count)).collect();
        println!("  {kind}: {}", summary(&of_kind, started.elapsed(), slowest));
    }
    failures
}

fn summary(fates: &BTreeMap<(&'static str, Fate), u64>, time: Duration, slowest: Duration) -> String {
    let mut by_fate: BTreeMap<Fate, u64> = BTreeMap::new();
    for ((_, fate), count) in fates {
        *by_fate.entry(*fate).or_default() += count;
    }
    let loaded: u64 = [Fate::Explained, Fate::Scored].iter().filter_map(|fate| by_fate.get(fate)).sum();
    let total: u64 = by_fate.values().sum();
    let mut line =
        format!("{} s: {total} cases, {loaded} loaded, {} refused", time.as_secs(), total - loaded);
    for (fate, count) in by_fate {
        let _ = write!(line, ", {count} {}", format!("{fate:?}").to_lowercase());
    }
    let _ = write!(line, "; the slowest took {} ms", slowest.as_millis());
    line
}
