//! The figures at a real push gateway of Prometheus, and answered by `schedule`.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::program::{Running, files, lines, program};

const PASSWORD: &str = "s3cret of tests";
/// The password as the gateway's file of users has it, by bcrypt.
const HASH: &str = "$2b$04$xKtmSV.qMdv.Ab7.QvKHF.FkHN/BUIYMa7SGaHEO/VQitqfHJJTce";

/// A push gateway that asks for user and password; killed when it is dropped.
struct Gateway {
    child: Child,
    port: u16,
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

impl Gateway {
    fn start(folder: &Path) -> Self {
        Self::start_by(folder, "")
    }

    /// With more in its file of settings.
    fn start_by(folder: &Path, more: &str) -> Self {
        let users = folder.join("web.yml");
        std::fs::write(&users, format!("basic_auth_users:\n  ada: \"{HASH}\"\n{more}")).expect("written");
        let named = std::env::var_os("KLINECAST_PUSHGATEWAY");
        for _ in 0..5 {
            let port = free_port();
            let mut command = Command::new(named.clone().unwrap_or_else(|| "prometheus-pushgateway".into()));
            command
                .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                .arg(format!("--web.config.file={}", users.display()))
                .arg("--persistence.file=")
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let child = command.spawn().unwrap_or_else(|error| {
                panic!("prometheus-pushgateway: {error}; run scripts/setup tests, or set KLINECAST_PUSHGATEWAY to it")
            });
            let mut gateway = Self { child, port };
            if gateway.is_ready() {
                return gateway;
            }
        }
        panic!("the push gateway does not start");
    }

    /// Whether it listens; not if another process was faster at its port.
    fn is_ready(&mut self) -> bool {
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(60) {
            if self.child.try_wait().expect("a child").is_some() {
                return false;
            }
            // One that takes TLS only says so, without it.
            if get(self.port, "/-/ready", "").is_some_and(|answer| answer.contains("HTTP/1.")) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        false
    }

    fn figures(&self) -> String {
        // ada:s3cret of tests
        get(self.port, "/metrics", "Authorization: Basic YWRhOnMzY3JldCBvZiB0ZXN0cw==\r\n")
            .expect("an answer")
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(port: u16, path: &str, headers: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Connection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    Some(text)
}

#[test]
fn figures_are_pushed_each_stage_beside_the_others_and_a_gateway_that_refuses_or_is_away_is_warned_of() {
    let folder = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start(folder.path());
    let (files, home) = (files(folder.path()), folder.path().join("home"));
    lines(&home, &["ingest", "--klines", &files.to_string_lossy(), "--json"]);
    let url = format!("http://127.0.0.1:{}", gateway.port);
    let pushed = |words: &[&str], url: &str, password: &str| {
        let mut command = program(&home, &[words, &["--push-metrics", url]].concat());
        command.env("MONITORING_PUSH_USERNAME", "ada").env("MONITORING_PUSH_PASSWORD", password);
        let output = command.output().expect("the program starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && !told.contains(password), "{told}");
        told
    };
    assert!(!pushed(&["quality"], &url, PASSWORD).contains("pushed"));
    assert!(!pushed(&["features"], &url, PASSWORD).contains("pushed"));
    assert!(!pushed(&["validate", "--push-job", "another home"], &url, PASSWORD).contains("pushed"));
    let told = gateway.figures();
    for line in [
        "data_quality_score{instance=\"\",job=\"klinecast-trainer\",symbol=\"BTCUSDT\"} ",
        "feature_count{instance=\"\",job=\"klinecast-trainer\",symbol=\"ETHUSDT\"} ",
        "validation_failures{instance=\"\",job=\"another home\"} 0",
    ] {
        assert!(told.contains(line), "{line}: {told}");
    }

    // What is said of fewer symbols takes the place of what was said of more.
    pushed(&["quality", "--symbols", "ETHUSDT"], &url, PASSWORD);
    let told = gateway.figures();
    assert!(!told.contains("symbol=\"BTCUSDT\"} 0.9") && told.contains("feature_count"), "{told}");
    assert!(!told.contains("data_quality_score{instance=\"\",job=\"klinecast-trainer\",symbol=\"BTCUSDT\"}"));

    let told = pushed(&["quality"], &url, "wr0ng");
    assert!(told.contains("MONITORING_PUSH_USERNAME"), "{told}");
    let away = format!("http://127.0.0.1:{}", free_port());
    let told = pushed(&["quality"], &away, PASSWORD);
    assert!(told.contains("can't be pushed") && told.contains(&away), "{told}");

    // One that takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let began = Instant::now();
    let url = format!("http://{}", silent.local_addr().expect("an address"));
    assert!(pushed(&["quality"], &url, PASSWORD).contains("can't be pushed"));
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
}

#[test]
fn a_schedule_answers_the_figures_of_what_it_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let (files, home) = (files(folder.path()), folder.path().join("home"));
    lines(&home, &["ingest", "--klines", &files.to_string_lossy(), "--json"]);
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let words = ["schedule", "--cron", "* * * * * *", "--metrics-address", &address, "--", "quality"];
    let mut running = Running::start(&home, &words);
    let has = || {
        get(port, "/metrics", "").is_some_and(|told| told.contains("data_quality_score{symbol=\"BTCUSDT\"} "))
    };
    assert!(running.runs_until(has));
}

/// The gateway's certificate is signed by an authority of one's own; the other one has signed nothing.
struct Authority {
    root: PathBuf,
    other: PathBuf,
    settings: String,
}

fn authority(folder: &Path) -> Result<Authority, Box<dyn std::error::Error>> {
    let make = |name: &str| -> Result<_, rcgen::Error> {
        let mut parameters = CertificateParams::new(Vec::new())?;
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate()?;
        let pem = parameters.self_signed(&key)?.pem();
        Ok((Issuer::new(parameters, key), pem))
    };
    let ((issuer, root), (_, other)) = (make("the right one")?, make("another one")?);
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
    let write = |name: &str, text: String| -> std::io::Result<PathBuf> {
        let path = folder.join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    let (certificate, key) =
        (write("server.pem", certificate.pem())?, write("server.key", key.serialize_pem())?);
    let settings = format!(
        "tls_server_config:\n  cert_file: {}\n  key_file: {}\n",
        certificate.display(),
        key.display()
    );
    Ok(Authority { root: write("the root.pem", root)?, other: write("other.pem", other)?, settings })
}

/// What the gateway has, by TLS.
fn figures_by_tls(address: &str, root: &Path) -> Result<String, Box<dyn std::error::Error>> {
    // An error says that one is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let roots = reqwest::Certificate::from_pem_bundle(&std::fs::read(root)?)?;
    let client = reqwest::Client::builder().tls_certs_only(roots).no_proxy().build()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let request = client.get(format!("{address}/metrics")).basic_auth("ada", Some(PASSWORD));
    Ok(runtime.block_on(async { request.send().await?.text().await })?)
}

#[test]
fn a_gateway_behind_tls_is_believed_by_the_named_root_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let authority = authority(folder.path()).expect("certificates");
    let gateway = Gateway::start_by(folder.path(), &authority.settings);
    let (files, home) = (files(folder.path()), folder.path().join("home"));
    lines(&home, &["ingest", "--klines", &files.to_string_lossy(), "--json"]);
    let pushed = |host: &str, root: Option<&Path>| {
        let url = format!("{host}:{}", gateway.port);
        let mut command = program(&home, &["quality", "--push-metrics", &url]);
        command.env("MONITORING_PUSH_USERNAME", "ada").env("MONITORING_PUSH_PASSWORD", PASSWORD);
        command.envs(root.map(|root| ("MONITORING_PUSH_CA_FILE", root)));
        let output = command.output().expect("the program starts");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!told.contains(PASSWORD), "{told}");
        (output.status.code(), told)
    };
    let address = format!("https://localhost:{}", gateway.port);
    for (host, root) in [
        ("https://localhost", None),
        ("https://localhost", Some(authority.other.as_path())),
        ("https://127.0.0.1", Some(authority.root.as_path())),
    ] {
        let (status, told) = pushed(host, root);
        assert!(status == Some(0) && told.contains("can't be pushed"), "{host} {root:?}: {told}");
        assert!(told.contains("certificate") && told.contains("MONITORING_PUSH_CA_FILE"), "{told}");
    }
    let nothing = figures_by_tls(&address, &authority.root).expect("figures");
    assert!(!nothing.contains("data_quality_score"), "nothing has come through: {nothing}");

    let (status, told) = pushed("https://localhost", Some(&authority.root));
    assert!(status == Some(0) && !told.contains("pushed"), "{told}");
    let there = figures_by_tls(&address, &authority.root).expect("figures");
    assert!(
        there.contains("data_quality_score{instance=\"\",job=\"klinecast-trainer\",symbol=\"BTCUSDT\"} "),
        "{there}"
    );

    // What can't be used as roots is told before anything is done.
    let (status, told) = pushed("https://localhost", Some(Path::new("/no/such/root.pem")));
    assert!(status == Some(1) && told.contains("/no/such/root.pem"), "{told}");
    let (status, told) = pushed("https://localhost", Some(&folder.path().join("web.yml")));
    assert!(status == Some(1) && told.contains("none in PEM form"), "{told}");
}
