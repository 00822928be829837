//! Real parts that fail in the middle of a run: it says which and what to do, goes on by the same command, and the champion is
//! who it was until the end.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use serde_json::Value;
use store::testkit::{TestPostgres, TestS3};

use crate::program::{Running, boosters, files, line, program, told};

const NEW_SECRET: &str = "an0ther/s3cret+of tests";

/// Libraries of C that are loaded first may answer for it: here one that shifts the wall's clock by two hours.
const CLOCK: &str = "
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t id, struct timespec *at) {
    static int (*original)(clockid_t, struct timespec *);
    if (!original) original = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, \"clock_gettime\");
    int answer = original(id, at);
    if (id == CLOCK_REALTIME) at->tv_sec += 7200;
    return answer;
}
";

struct Parts {
    postgres: TestPostgres,
    address: String,
    s3: TestS3,
    home: PathBuf,
}

impl Parts {
    /// The environment of a program that works with them.
    fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.s3.settings().to_vec();
        variables.push(("DB_URL", self.address.clone()));
        variables.push(("KLINECAST_BUNDLES", "s3://klinecast/faults".to_owned()));
        variables
    }

    fn output(&self, words: &[&str], others: &[(&str, &str)]) -> Output {
        let mut command = program(&self.home, words);
        command.envs(self.variables()).envs(others.iter().copied());
        command.output().expect("the program starts")
    }

    fn lines(&self, words: &[&str]) -> Vec<Value> {
        told(&self.output(words, &[]))
    }

    /// What it says about its failure: one line, without the secrets.
    fn failure(&self, words: &[&str], others: &[(&str, &str)]) -> String {
        let output = self.output(words, others);
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("error")).collect();
        assert!(lines.len() == 1 && !text.contains(self.s3.secret()), "{text}");
        lines[0].to_owned()
    }

    fn champion(&self) -> Value {
        self.lines(&["lineage", "--json"])[0]["registered"]["version"].clone()
    }
}

/// The library that shifts the clock.
fn shifted_clock(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    std::fs::write(&source, CLOCK).expect("written");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl");
    assert!(compiler.status().expect("a C compiler, as scripts/setup installs it").success());
    library
}

#[test]
fn a_run_outlasts_a_database_a_key_a_clock_and_a_bucket_that_fail_in_its_middle() {
    let Some(postgres) = TestPostgres::alone() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let address = postgres.address();
    let parts = Parts { postgres, address, s3: TestS3::alone(), home: folder.path().join("home") };
    let files = files(folder.path());
    parts.lines(&["ingest", "--klines", &files.to_string_lossy(), "--json"]);
    let run = |seed: &'static str| {
        ["run", "--rounds", "2", "--folds", "1", "--resamples", "20", "--force", "--json", "--seed", seed]
    };
    parts.lines(&run("1"));
    assert_eq!(parts.champion(), 1);
    let second = run("2");

    the_database_goes_in_the_middle(&parts, &second);
    the_key_is_taken_away(&parts, &second);
    the_clock_is_wrong(&parts, &second, &shifted_clock(folder.path()));
    the_bucket_and_mlflow_say_nothing(&parts, &second);

    assert_eq!(parts.champion(), 1, "as it was through all of it");
    let last = parts.lines(&second);
    for stage in ["resume", "quality", "validate", "audit causality", "train", "evaluate", "audit parity"] {
        let line = line(&last, stage);
        assert!(stage == "resume" || line["taken_up"] == true, "{line}");
    }
    assert_eq!((parts.champion(), &line(&last, "publish")["version"]), (2.into(), &2.into()));
}

fn the_database_goes_in_the_middle(parts: &Parts, run: &[&str]) {
    let before = boosters(&parts.home);
    let mut command = program(&parts.home, run);
    command.envs(parts.variables()).stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let mut running = Running(command.spawn().expect("the program starts"));
    assert!(running.runs_until(|| boosters(&parts.home) > before), "it has begun to train");
    parts.postgres.stop();
    let mut text = String::new();
    let mut errors = running.0.stderr.take().expect("piped");
    std::io::Read::read_to_string(&mut errors, &mut text).expect("text");
    assert_eq!(running.0.wait().expect("an end").code(), Some(1), "{text}");
    let place = format!("127.0.0.1:{}", parts.postgres.port());
    assert!(text.contains(&place) && !text.contains(parts.postgres.password()), "{text}");
    parts.postgres.start_again();
    assert_eq!(parts.champion(), 1);
}

fn the_key_is_taken_away(parts: &Parts, run: &[&str]) {
    parts.s3.change_key(Some(NEW_SECRET));
    let told = parts.failure(run, &[]);
    assert!(told.contains("s3://klinecast/faults at http://") && told.contains("MINIO_SECRET_KEY"), "{told}");
    parts.s3.change_key(None);
    assert_eq!(parts.champion(), 1);
}

fn the_clock_is_wrong(parts: &Parts, run: &[&str], library: &Path) {
    let told = parts.failure(run, &[("LD_PRELOAD", &library.to_string_lossy())]);
    assert!(told.contains("RequestTimeTooSkewed") && told.contains("set this machine's clock"), "{told}");
    assert_eq!(parts.champion(), 1);
}

/// They take the connection, and then nothing comes.
fn the_bucket_and_mlflow_say_nothing(parts: &Parts, run: &[&str]) {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let place = silent.local_addr().expect("an address").to_string();
    let began = Instant::now();
    let told = parts.failure(run, &[("MINIO_ENDPOINT", &place)]);
    assert!(told.contains(&format!("at http://{place}")) && told.contains("MINIO_ENDPOINT"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(150), "{:?}", began.elapsed());
    let began = Instant::now();
    let told = parts.failure(run, &[("MLFLOW_TRACKING_URI", &format!("http://{place}"))]);
    assert!(told.contains(&place) && told.contains("MLFLOW_TRACKING_URI"), "{told}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}
