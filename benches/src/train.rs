//! A whole training run beside the same work in Python, and the skill of its models beside that of seed-like ones.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use serde_json::{Map, Value, json};

use crate::report::{Goal, Measure, report};

/// A training run beside the same work in Python.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Also writes JSON lines to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// klinecast-trainer, optimised.
    #[arg(long)]
    trainer: PathBuf,
    /// The Python with the peers' packages.
    #[arg(long)]
    python: PathBuf,
    /// Folder of recorded klines (BTCUSDT-15m.csv.gz).
    #[arg(long)]
    klines: PathBuf,
    /// Walk-forward folds.
    #[arg(long, default_value_t = 5)]
    folds: u16,
    /// Last day to train on.
    #[arg(long, default_value = "2023-09-27")]
    train_until: String,
    /// Last day to tune on.
    #[arg(long, default_value = "2024-09-06")]
    tune_until: String,
    /// First day to test on.
    #[arg(long, default_value = "2025-01-01")]
    test_from: String,
    /// Last day to test on.
    #[arg(long, default_value = "2025-04-10")]
    test_until: String,
    /// The most rounds of any booster, for a short trial.
    #[arg(long)]
    rounds: Option<u32>,
    /// Keeps what is trained in this folder; what has been trained there before is not trained again, and then the whole run can't
    /// be measured.
    #[arg(long)]
    home: Option<PathBuf>,
    /// Only these parts.
    #[arg(long, value_delimiter = ',', default_values = ["run", "skill"])]
    only: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Wall time and memory of the whole run.
    Run,
    /// Skill on the test window.
    Skill,
}

/// Measures.
pub(crate) fn run(options: &Options) -> Result<()> {
    let passing = tempfile::tempdir()?;
    let home = options.home.as_deref().unwrap_or(passing.path());
    let mut measures = Vec::new();
    let is_trained = home.join("training/evaluation.json").exists();
    if is_trained && options.only.contains(&Part::Run) {
        bail!("{} holds a trained model: name another --home, or measure --only skill", home.display());
    }
    if !is_trained {
        println!("klinecast-trainer run, {} folds", options.folds);
        let lines = train(options, home)?;
        if options.only.contains(&Part::Run) {
            measures.extend(whole_run(options, home, &lines)?);
        }
    }
    if options.only.contains(&Part::Skill) {
        measures.extend(skill(options, home)?);
    }
    report("train", &measures, options.json.as_deref())
}

/// Runs our pipeline; its report lines by stage.
fn train(options: &Options, home: &Path) -> Result<Vec<Value>> {
    let mut command = Command::new(&options.trainer);
    command.arg("run").arg("--home").arg(home).arg("--klines").arg(&options.klines);
    command.args(["--json", "--no-promote", "--folds", &options.folds.to_string()]);
    for (name, day) in [
        ("--train-until", &options.train_until),
        ("--tune-until", &options.tune_until),
        ("--test-from", &options.test_from),
        ("--test-until", &options.test_until),
    ] {
        command.args([name, day]);
    }
    if let Some(rounds) = options.rounds {
        command.args(["--rounds", &rounds.to_string()]);
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot start klinecast-trainer")?;
    if !output.status.success() {
        bail!("klinecast-trainer failed ({})", output.status);
    }
    let text = String::from_utf8(output.stdout)?;
    text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}

fn stage<'a>(lines: &'a [Value], name: &str) -> Result<&'a Value> {
    lines.iter().find(|line| line["stage"] == name).with_context(|| format!("no report of {name}"))
}

fn read(home: &Path, file: &str) -> Result<Value> {
    let path = home.join("training").join(file);
    let text = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(serde_json::from_slice(&text)?)
}

fn number(value: &Value) -> Result<f64> {
    value.as_f64().with_context(|| format!("{value} is no number"))
}

fn whole_run(options: &Options, home: &Path, lines: &[Value]) -> Result<Vec<Measure>> {
    let total = stage(lines, "run")?;
    let (wall, memory) = (number(&total["wall_seconds"])?, number(&total["peak_memory_bytes"])? / 1e9);
    let training = number(&stage(lines, "train")?["seconds"])?;
    println!("the same in Python");
    let peer = python_run(options, &read(home, "plan.json")?)?;
    let (peer_wall, peer_memory) =
        (number(&peer["wall_seconds"])?, number(&peer["peak_memory_bytes"])? / 1e9);
    Ok(vec![
        Measure::plain("whole run", "s", wall).beside("Python", peer_wall),
        Measure::plain("times faster than Python", "x", peer_wall / wall).with_goal(Goal::AtLeast(2.0)),
        Measure::plain("greatest memory", "GB", memory).beside("Python", peer_memory),
        Measure::plain("share of Python's memory", "x", memory / peer_memory)
            .with_goal(Goal::AtMost(1.0 / 3.0)),
        Measure::plain("outside the training stage", "share", 1.0 - training / wall)
            .beside("Python", 1.0 - number(&peer["training_seconds"])? / peer_wall)
            .with_goal(Goal::AtMost(0.05)),
    ])
}

/// The same folds, rounds and parameters for Python.
fn python_run(options: &Options, saved: &Value) -> Result<Value> {
    let split = &saved["plan"]["split"];
    let window = |value: &Value| json!([value["from"], value["until"]]);
    let tasks = saved["tasks"].as_array().context("no tasks in the plan")?;
    let by_task = |of: &dyn Fn(usize, &Value) -> Value| -> Map<String, Value> {
        let named = |(at, task): (usize, &Value)| Some((task["task"].as_str()?.to_owned(), of(at, task)));
        tasks.iter().enumerate().filter_map(named).collect()
    };
    let folds = saved["walk"]["folds"].as_array().context("no folds in the plan")?;
    let folds: Vec<Value> = folds
        .iter()
        .map(|fold| {
            json!({
                "learned": window(&fold["fold"]["learned"]),
                "answered": window(&fold["fold"]["answered"]),
                "rounds": by_task(&|at, _| fold["trained_rounds"][at].clone()),
            })
        })
        .collect();
    let plan = json!({
        "klines": std::path::absolute(&options.klines)?,
        "threads": std::thread::available_parallelism().map_or(1, usize::from),
        "folds": folds,
        "final": [split["train"]["from"], split["tune"]["until"]],
        "test": window(&split["test"]),
        "rounds": by_task(&|_, task| json!([task["lightgbm"]["rounds"], task["xgboost"]["rounds"]])),
        "boosters": by_task(&|_, task| json!({
            "lightgbm": task["lightgbm"]["parameters"], "xgboost": task["xgboost"]["parameters"],
        })),
    });
    let output = script(options, include_str!("train/pipeline.py"), &[], &plan.to_string())?;
    Ok(serde_json::from_str(&output)?)
}

fn skill(options: &Options, home: &Path) -> Result<Vec<Measure>> {
    println!("seed-like models");
    let rows = home.join("rows.parquet");
    let status = Command::new(&options.trainer)
        .args(["features", "--parquet"])
        .arg(&rows)
        .arg("--home")
        .arg(home)
        .args(["--train-until", &options.train_until, "--tune-until", &options.tune_until])
        .args(["--test-from", &options.test_from, "--test-until", &options.test_until])
        .stdout(Stdio::null())
        .status()
        .context("cannot start klinecast-trainer")?;
    if !status.success() {
        bail!("klinecast-trainer features failed ({status})");
    }
    let split = &read(home, "plan.json")?["plan"]["split"];
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let arguments = [
        rows.display().to_string(),
        split["tune"]["until"].to_string(),
        split["test"]["from"].to_string(),
        split["test"]["until"].to_string(),
        threads.to_string(),
    ];
    let seed_like: Value =
        serde_json::from_str(&script(options, include_str!("train/seed_like.py"), &arguments, "")?)?;
    let evaluation = read(home, "evaluation.json")?;
    let mut measures = Vec::new();
    for task in evaluation["tasks"].as_array().context("no tasks in the evaluation")? {
        let name = task["task"].as_str().context("a task without a name")?;
        let models = task["models"].as_array().context("no models")?;
        let ensemble = models.iter().find(|model| model["model"] == "ensemble").context("no ensemble")?;
        for (figure, theirs) in seed_like[name].as_object().context("a task that seed-like models lack")? {
            let theirs = number(theirs)?;
            let Some(ours) = ensemble["values"][figure].as_f64() else { continue };
            let goal = if ["loss", "qlike", "qlike_scaled"].contains(&figure.as_str()) {
                Goal::AtMost(theirs)
            } else {
                Goal::AtLeast(theirs)
            };
            let measure = Measure::plain(format!("{name} {figure}"), "", ours);
            measures.push(measure.beside("seed-like", theirs).with_goal(goal));
        }
    }
    Ok(measures)
}

/// Runs a script of ours in the peers' Python; what it prints.
fn script(options: &Options, text: &str, arguments: &[String], input: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("script.py");
    std::fs::write(&path, text)?;
    let mut child = Command::new(std::path::absolute(&options.python)?)
        .arg(&path)
        .args(arguments)
        .env("OMP_WAIT_POLICY", "PASSIVE")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start Python")?;
    child.stdin.take().context("no standard input")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("the script failed ({}); its message stands above", output.status);
    }
    Ok(String::from_utf8(output.stdout)?)
}
