//! A real S3 server for tests: SeaweedFS, all of its parts in one process.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{Process, free_port};
use super::session;
use crate::{S3Parts, S3Place};

/// The key that may do all, and the one that may only read.
const KEY: (&str, &str) = ("klinecast", "s3cret/of+tests");
const READER: (&str, &str) = ("reader", "s3cret/of+readers");
/// How long it may take to start; machines are busy.
const PATIENCE: Duration = Duration::from_secs(90);
/// Another process may take a free port first.
const STARTS_MAX: usize = 5;
/// The parts that listen, in the order of [`TestS3`]'s ports.
const PORTS: [&str; 8] = [
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "s3.port",
    "s3.port.grpc",
];

static SHARED: Mutex<Weak<TestS3>> = Mutex::new(Weak::new());

/// A running S3 server with the bucket `klinecast`. Dropping the last one ends it.
#[derive(Debug)]
pub struct TestS3 {
    program: PathBuf,
    folder: TempDir,
    ports: [u16; PORTS.len()],
    has_sessions: bool,
    process: Mutex<Option<Process>>,
}

impl TestS3 {
    /// The server of this process's tests.
    ///
    /// # Panics
    /// When it is not installed, or does not start.
    #[must_use]
    pub fn shared() -> Arc<Self> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return running;
        }
        let started = Arc::new(Self::alone());
        *shared = Arc::downgrade(&started);
        started
    }

    /// [`TestS3::shared`], of one test alone, which may kill it.
    ///
    /// # Panics
    /// As `shared`.
    #[must_use]
    pub fn alone() -> Self {
        Self::start(false).unwrap_or_else(|problem| panic!("SeaweedFS: {problem}"))
    }

    /// [`TestS3::alone`] with a token service, whose keys are [`TestS3::session`]s.
    ///
    /// # Panics
    /// As `shared`.
    #[must_use]
    pub fn with_sessions() -> Self {
        Self::start(true).unwrap_or_else(|problem| panic!("SeaweedFS: {problem}"))
    }

    fn start(has_sessions: bool) -> Result<Self, String> {
        let program = std::env::var_os("KLINECAST_SEAWEEDFS").map_or_else(
            || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/seaweedfs/weed"),
            PathBuf::from,
        );
        if !program.is_file() {
            return Err(format!(
                "{} is not there; run scripts/setup tests, or set KLINECAST_SEAWEEDFS to the program weed",
                program.display()
            ));
        }
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        fs::create_dir(folder.path().join("data")).map_err(|error| error.to_string())?;
        write_keys(&folder, KEY.1)?;
        if has_sessions {
            let written = fs::write(folder.path().join("sessions.json"), session::service());
            written.map_err(|error| error.to_string())?;
        }
        let process = Mutex::new(None);
        let mut server = Self { program, folder, ports: free_ports()?, has_sessions, process };
        for _ in 1..STARTS_MAX {
            match server.run() {
                Err(problem) if problem.contains("already in use") => server.ports = free_ports()?,
                outcome => return outcome.and_then(|()| server.make_bucket()).map(|()| server),
            }
        }
        server.run().and_then(|()| server.make_bucket()).map(|()| server)
    }

    fn run(&self) -> Result<(), String> {
        let at = |name: &str| self.folder.path().join(name);
        let log = fs::File::create(at("log")).map_err(|error| error.to_string())?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let mut command = Command::new("setpriv");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.folder.path());
        command.args(["--pdeathsig", "KILL", "--"]).arg(&self.program).current_dir(self.folder.path());
        command.args(["server", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-dir=data", "-filer", "-s3"]);
        command.args(PORTS.iter().zip(self.ports).map(|(name, port)| format!("-{name}={port}")));
        // What else would listen, say something to its makers, or be slow to start and stop.
        command.args([
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            "-s3.config=keys.json",
            "-s3.autoCreateBucket=false",
        ]);
        command.args(["-s3.localSocket=s3.sock", "-filer.localSocket=filer.sock", "-master.telemetry=false"]);
        command.args(["-volume.max=8", "-master.volumeSizeLimitMB=64", "-volume.preStopSeconds=0"]);
        command.args(["-master.electionTimeout=1s", "-master.heartbeatInterval=200ms"]);
        if self.has_sessions {
            command.arg("-s3.iam.config=sessions.json");
        }
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        for socket in ["s3.sock", "filer.sock"] {
            // One that was killed has left it behind.
            let _ = fs::remove_file(at(socket));
        }
        let process = Process::start(command);
        let began = Instant::now();
        while !self.ask(6, "GET /healthz").is_ok_and(|answer| answer.contains(" 200 ")) {
            let told = || fs::read_to_string(at("log")).unwrap_or_default();
            if process.has_ended() || began.elapsed() > PATIENCE {
                return Err(told());
            }
            thread::sleep(Duration::from_millis(50));
        }
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        Ok(())
    }

    /// The first bytes that a part answers to a request.
    fn ask(&self, part: usize, request: &str) -> Result<String, String> {
        let address = ("127.0.0.1", self.ports[part]);
        let mut stream = TcpStream::connect(address).map_err(|error| error.to_string())?;
        let bounded = stream.set_read_timeout(Some(Duration::from_secs(10)));
        bounded.map_err(|error| error.to_string())?;
        let text = format!(
            "{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    fn make_bucket(&self) -> Result<(), String> {
        let answer = self.ask(4, "POST /buckets/klinecast/")?;
        if answer.contains(" 201 ") { Ok(()) } else { Err(format!("no bucket: {answer}")) }
    }

    /// Kills it, as a machine that fails does.
    ///
    /// # Panics
    /// When it can't be killed.
    pub fn kill(&self) {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let killed = process.map_or(Ok(()), |process| process.end("KILL", Duration::from_secs(10)));
        killed.unwrap_or_else(|problem| panic!("SeaweedFS: {problem}"));
    }

    /// Takes the key away and gives another one in its place, as an operator does whose key has leaked; `None` gives the first one
    /// back. The server is away for a moment.
    ///
    /// # Panics
    /// When it does not start again.
    pub fn change_key(&self, secret: Option<&str>) {
        self.kill();
        let written = write_keys(&self.folder, secret.unwrap_or(KEY.1));
        written.unwrap_or_else(|problem| panic!("SeaweedFS: {problem}"));
        self.start_again();
    }

    /// Starts it again after [`TestS3::kill`].
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        self.run().unwrap_or_else(|problem| panic!("SeaweedFS: {problem}"));
    }

    /// How it is reached, as the settings say it.
    #[must_use]
    pub fn settings(&self) -> [(&'static str, String); 3] {
        [
            ("MINIO_ENDPOINT", format!("127.0.0.1:{}", self.ports[6])),
            ("MINIO_ACCESS_KEY", KEY.0.to_owned()),
            ("MINIO_SECRET_KEY", KEY.1.to_owned()),
        ]
    }

    /// Its port on the loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.ports[6]
    }

    /// A folder of its bucket.
    ///
    /// # Panics
    /// When the name is none.
    #[must_use]
    pub fn place(&self, folder: &str) -> S3Place {
        self.place_by(folder, |_| {})
    }

    /// [`TestS3::place`] by the key that may only read.
    ///
    /// # Panics
    /// As `place`.
    #[must_use]
    pub fn place_of_reader(&self, folder: &str) -> S3Place {
        self.place_by(folder, |parts| (parts.access_key, parts.secret_key) = READER)
    }

    /// [`TestS3::place`] with other parts.
    ///
    /// # Panics
    /// As `place`.
    #[must_use]
    pub fn place_by(&self, folder: &str, change: impl FnOnce(&mut S3Parts<'_>)) -> S3Place {
        let endpoint = format!("127.0.0.1:{}", self.ports[6]);
        let address = format!("s3://klinecast/{folder}");
        let mut parts = S3Parts {
            address: &address,
            endpoint: &endpoint,
            access_key: KEY.0,
            secret_key: KEY.1,
            ..S3Parts::default()
        };
        change(&mut parts);
        S3Place::chosen(parts).expect("well formed").expect("one is named")
    }

    /// [`TestS3::place`] by another way to the same server: at an endpoint, with a file of root certificates if that is not empty.
    ///
    /// # Panics
    /// As `place`.
    #[must_use]
    pub fn place_through(&self, folder: &str, endpoint: &str, root_certificate: &str) -> S3Place {
        let address = format!("s3://klinecast/{folder}");
        let (access_key, secret_key) = KEY;
        let parts = S3Parts {
            address: &address,
            endpoint,
            access_key,
            secret_key,
            root_certificate,
            ..S3Parts::default()
        };
        S3Place::chosen(parts).expect("well formed").expect("one is named")
    }

    /// The key, which nothing may show.
    #[must_use]
    pub const fn secret(&self) -> &'static str {
        KEY.1
    }
}

impl Drop for TestS3 {
    fn drop(&mut self) {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The folder goes in any case.
        if let Some(Err(problem)) = process.map(|process| process.end("KILL", Duration::from_secs(10))) {
            eprintln!("SeaweedFS: {problem}");
        }
    }
}

/// Writes down who may do what.
fn write_keys(folder: &TempDir, secret: &str) -> Result<(), String> {
    let identity = |(name, secret): (&str, &str), actions: &[&str]| {
        serde_json::json!({
            "name": name, "credentials": [{ "accessKey": name, "secretKey": secret }], "actions": actions,
        })
    };
    let identities = serde_json::json!({ "identities": [
        identity((KEY.0, secret), &["Admin", "Read", "Write", "List", "Tagging"]),
        identity(READER, &["Read:klinecast", "List:klinecast"]),
    ] });
    fs::write(folder.path().join("keys.json"), identities.to_string()).map_err(|error| error.to_string())
}

fn free_ports() -> Result<[u16; PORTS.len()], String> {
    let mut ports = [0; PORTS.len()];
    for at in 0..ports.len() {
        ports[at] = loop {
            let port = free_port()?;
            if !ports[..at].contains(&port) {
                break port;
            }
        };
    }
    Ok(ports)
}
