//! A real MLflow for tests.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::process::{Process, free_port};
use crate::{MlflowParts, MlflowPlace};

/// How long it may take to start: it imports a great deal, and machines are busy.
const PATIENCE: Duration = Duration::from_secs(180);
/// Another process may take the free port first.
const STARTS_MAX: usize = 5;

/// The administrator of an MLflow that asks.
const USER: &str = "admin";
const PASSWORD: &str = "s3cret of tests/1";
/// What one answers that is ready: it asks for a password where it does.
const READY: [&str; 2] = [" 200 ", " 401 "];

static SHARED: Mutex<Weak<TestMlflow>> = Mutex::new(Weak::new());
static MODELS: AtomicU32 = AtomicU32::new(0);

/// A running MLflow with a SQLite database, which passes artifacts on. Dropping the last one ends it.
#[derive(Debug)]
pub struct TestMlflow {
    python: PathBuf,
    folder: TempDir,
    port: u16,
    asks: bool,
    process: Mutex<Option<Process>>,
}

impl TestMlflow {
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

    /// [`TestMlflow::shared`], of one test alone, which may kill it.
    ///
    /// # Panics
    /// As `shared`.
    #[must_use]
    pub fn alone() -> Self {
        Self::start(false).unwrap_or_else(|problem| panic!("MLflow: {problem}"))
    }

    /// [`TestMlflow::alone`], which asks for a user and a password.
    ///
    /// # Panics
    /// As `shared`.
    #[must_use]
    pub fn that_asks() -> Self {
        Self::start(true).unwrap_or_else(|problem| panic!("MLflow: {problem}"))
    }

    /// The Python that has MLflow's stock client and the libraries of its models.
    ///
    /// # Errors
    /// When it is not installed.
    fn installed() -> Result<PathBuf, String> {
        let folder = std::env::var_os("KLINECAST_MLFLOW")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.tools/mlflow"), PathBuf::from);
        let python = folder.join("bin/python");
        if python.exists() {
            return Ok(python);
        }
        Err(format!(
            "{} is not there; run scripts/setup tests, or set KLINECAST_MLFLOW to an environment of Python with mlflow",
            python.display()
        ))
    }

    fn start(asks: bool) -> Result<Self, String> {
        let python = Self::installed()?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut server = Self { python, folder, port: free_port()?, asks, process: Mutex::new(None) };
        for _ in 1..STARTS_MAX {
            match server.run() {
                Err(problem) if problem.contains("already in use") => server.port = free_port()?,
                outcome => return outcome.map(|()| server),
            }
        }
        server.run().map(|()| server)
    }

    fn run(&self) -> Result<(), String> {
        let at = |name: &str| self.folder.path().join(name);
        let log = fs::File::create(at("log")).map_err(|error| error.to_string())?;
        let errors = log.try_clone().map_err(|error| error.to_string())?;
        let mut command = Command::new("setpriv");
        command.env_clear().env("PATH", "/usr/bin:/bin").env("HOME", self.folder.path());
        // What `mlflow server` would start as a process of its own, which would outlive tests that are killed.
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(&self.python)
            .args([
                "-m",
                "uvicorn",
                "--workers",
                "1",
                "--host",
                "127.0.0.1",
                "--port",
                &self.port.to_string(),
            ])
            .args(if self.asks {
                &["--factory", "mlflow.server.auth:create_app"][..]
            } else {
                &["mlflow.server.fastapi_app:app"]
            })
            .env("MLFLOW_AUTH_ADMIN_PASSWORD", PASSWORD)
            .env("MLFLOW_FLASK_SERVER_SECRET_KEY", "of tests")
            .env("_MLFLOW_SERVER_FILE_STORE", format!("sqlite:///{}", at("mlflow.db").display()))
            .env("_MLFLOW_SERVER_ARTIFACT_ROOT", "mlflow-artifacts:/")
            .env("_MLFLOW_SERVER_ARTIFACT_DESTINATION", at("artifacts"))
            .env("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
            .env("_MLFLOW_SGI_NAME", "uvicorn")
            .env("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let process = Process::start(command);
        let began = Instant::now();
        // The database is made with the first question that needs it.
        while !self
            .ask("GET /api/2.0/mlflow/experiments/get?experiment_id=0")
            .is_ok_and(|answer| READY.iter().any(|status| answer.contains(status)))
        {
            if process.has_ended() || began.elapsed() > PATIENCE {
                return Err(fs::read_to_string(at("log")).unwrap_or_default());
            }
            thread::sleep(Duration::from_millis(100));
        }
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        Ok(())
    }

    /// Asks its API for a change as any other program may, for example `POST`, `registered-models/alias` and a body of JSON.
    ///
    /// # Panics
    /// When it refuses.
    pub fn change(&self, method: &str, path: &str, body: &str) {
        let (length, path) = (body.len(), format!("{method} /api/2.0/mlflow/{path}"));
        let head = format!(
            "{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}"
        );
        let answer = self.exchange(&format!("{head}\r\n\r\n{body}")).unwrap_or_else(|problem| problem);
        assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    }

    fn ask(&self, request: &str) -> Result<String, String> {
        self.exchange(&format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
    }

    fn exchange(&self, text: &str) -> Result<String, String> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).map_err(|error| error.to_string())?;
        let bounded = stream.set_read_timeout(Some(Duration::from_secs(30)));
        bounded.map_err(|error| error.to_string())?;
        stream.write_all(text.as_bytes()).map_err(|error| error.to_string())?;
        let mut answer = [0; 512];
        let length = stream.read(&mut answer).map_err(|error| error.to_string())?;
        Ok(String::from_utf8_lossy(&answer[..length]).into_owned())
    }

    /// Kills it, as a machine that fails does.
    ///
    /// # Panics
    /// When it can't be killed.
    pub fn kill(&self) {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        let killed = process.map_or(Ok(()), |process| process.end("KILL", Duration::from_secs(10)));
        killed.unwrap_or_else(|problem| panic!("MLflow: {problem}"));
    }

    /// Starts it again after [`TestMlflow::kill`].
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        self.run().unwrap_or_else(|problem| panic!("MLflow: {problem}"));
    }

    /// Where it keeps everything.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port on the loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The name of a registered model that nobody else has.
    #[must_use]
    pub fn new_model() -> String {
        format!("klinecast-test-{}", MODELS.fetch_add(1, Ordering::Relaxed))
    }

    /// This server with a registered model.
    ///
    /// # Panics
    /// When the name is none.
    #[must_use]
    pub fn place(&self, model: &str) -> MlflowPlace {
        let uri = self.address();
        let parts = MlflowParts { uri: &uri, model, ..MlflowParts::default() };
        MlflowPlace::chosen(parts).expect("well formed").expect("one is named")
    }

    /// This server, as its administrator or whoever `change` makes of it.
    ///
    /// # Panics
    /// When that is no place.
    #[must_use]
    pub fn place_by(&self, change: impl FnOnce(&mut MlflowParts<'_>)) -> MlflowPlace {
        let uri = self.address();
        let mut parts =
            MlflowParts { uri: &uri, username: USER, password: PASSWORD, ..MlflowParts::default() };
        change(&mut parts);
        MlflowPlace::chosen(parts).expect("well formed").expect("one is named")
    }

    /// A script of Python, told of this server as MLflow's stock client expects it.
    #[must_use]
    pub fn client(&self, script: &Path) -> Command {
        let mut command = Command::new(&self.python);
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", self.folder.path())
            .env("MLFLOW_TRACKING_URI", self.address())
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .current_dir(self.folder.path())
            .arg(script);
        command
    }
}

impl Drop for TestMlflow {
    fn drop(&mut self) {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        // The folder goes in any case.
        if let Some(Err(problem)) = process.map(|process| process.end("KILL", Duration::from_secs(10))) {
            eprintln!("MLflow: {problem}");
        }
    }
}
