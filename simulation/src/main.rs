//! `cargo xtask simulate`: runs many seeds and shows what came of them.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use clap::Parser;
use exchange_sim::{FaultKind, FaultPlan};
use indicatif::{ProgressBar, ProgressStyle};
use simulation::{Past, Plan, Row, Verdict, run, table};

/// Runs the market sources and the Forecaster against a misbehaving exchange, without wall time.
#[derive(Debug, Parser)]
#[command(name = "simulate", max_term_width = 110)]
struct Arguments {
    /// How many seeds of each selection of faults.
    #[arg(long, default_value_t = 4)]
    seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Days with faults of one seed; a calm day follows.
    #[arg(long, default_value_t = 10)]
    days: usize,
    /// `each` kind alone and all mixed, `all` mixed only, or a list such as `late-final,reset`.
    #[arg(long, default_value = "each")]
    faults: String,
    /// Episodes of each kind in a day.
    #[arg(long, default_value_t = 3.0)]
    per_day: f64,
    /// How often a day the process is killed.
    #[arg(long, default_value_t = 1.0)]
    kills: f64,
    /// JSON lines in place of the table.
    #[arg(long)]
    json: bool,
}

fn main() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let selections = selections(&arguments.faults)?;
    let past = Past::make(400 + arguments.days).context("the market's past")?;
    let jobs: Vec<(usize, u64)> = (0..selections.len())
        .flat_map(|selection| (0..arguments.seeds).map(move |seed| (selection, arguments.seed + seed)))
        .collect();
    let bar = ProgressBar::new(jobs.len() as u64)
        .with_style(ProgressStyle::with_template("{wide_bar} {pos}/{len} seeds, {eta} left")?);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(&(selection, seed)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let plan = Plan {
                        seed,
                        days: arguments.days,
                        kinds: selections[selection].1.clone(),
                        per_day: arguments.per_day,
                        kills_per_day: arguments.kills,
                        audits: true,
                    };
                    let outcome = std::panic::catch_unwind(|| run(&past, &plan));
                    let verdict = match outcome {
                        Ok(Ok(verdict)) => verdict,
                        Ok(Err(error)) => wrong(format!("{error:#}")),
                        Err(_) => wrong("it panicked".to_owned()),
                    };
                    bar.inc(1);
                    if let Ok(mut done) = done.lock() {
                        done.push((selection, seed, verdict));
                    }
                }
            });
        }
    });
    bar.finish_and_clear();
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(selection, seed, _)| (*selection, *seed));
    Ok(report(&arguments, &selections, &done))
}

fn wrong(problem: String) -> Verdict {
    Verdict { problems: vec![problem], ..Verdict::default() }
}

/// Names and kinds of what is run.
fn selections(faults: &str) -> Result<Vec<(String, Vec<FaultKind>)>> {
    let mixed = || ("all".to_owned(), FaultKind::ALL.to_vec());
    Ok(match faults {
        "each" => {
            let alone = FaultKind::ALL.iter().map(|kind| (kind.to_string(), vec![*kind]));
            std::iter::once(("none".to_owned(), Vec::new())).chain(alone).chain([mixed()]).collect()
        }
        "all" => vec![mixed()],
        "none" => vec![("none".to_owned(), Vec::new())],
        list => vec![(list.to_owned(), FaultPlan::kinds_of(list)?)],
    })
}

fn report(
    arguments: &Arguments,
    selections: &[(String, Vec<FaultKind>)],
    done: &[(usize, u64, Verdict)],
) -> ExitCode {
    let mut rows: Vec<Row> = selections.iter().map(|(name, _)| Row::new(name.clone())).collect();
    for (selection, seed, verdict) in done {
        rows[*selection].add(arguments.days, verdict);
        if !verdict.problems.is_empty() {
            let Arguments { days, per_day, kills, .. } = arguments;
            let faults = &selections[*selection].0;
            eprintln!(
                "wrong: cargo xtask simulate --faults {faults} --seed {seed} --seeds 1 --days {days} --per-day {per_day} --kills {kills}"
            );
            for problem in &verdict.problems {
                eprintln!("  {problem}");
            }
        }
    }
    if arguments.json {
        rows.iter().for_each(|row| println!("{}", row.to_json()));
    } else {
        println!("{}", table(&rows));
    }
    let wrong: u64 = rows.iter().map(|row| row.wrong).sum();
    if wrong == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
