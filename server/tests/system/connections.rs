//! Connections: how many, how slow, and over TLS.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use klinecast::{Client, ClientError, Credentials, Secret, Settings};
use proto::v1;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, SanType,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::access::until;
use crate::harness::{PATIENCE, Server};

fn address(url: &str) -> String {
    url.trim_start_matches("http://").to_owned()
}

/// Whether the server closes a connection, within so long.
async fn closes(connection: &mut TcpStream, within: Duration) -> bool {
    let mut bytes = [0; 256];
    let read = async {
        loop {
            match connection.read(&mut bytes).await {
                // The server may say something first, HTTP/2's settings or a time-out.
                Ok(count) if count > 0 => {}
                _ => return,
            }
        }
    };
    tokio::time::timeout(within, read).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_allowed_and_silent_ones_harm_nobody() {
    let home = tempfile::tempdir().expect("a folder");
    let flags =
        ["--connections-max", "30", "--handshake-timeout-seconds", "2", "--header-timeout-seconds", "2"];
    let server = Server::start_alone(home.path(), &flags).await;
    for (face, url) in [("grpc", server.grpc.clone()), ("http", server.http.clone())] {
        let mut models = server.models();
        models.list_tasks(v1::ListTasksRequest {}).await.expect("an answer");
        let full = format!("klinecast_connections_refused_total{{face=\"{face}\",why=\"full\"}}");
        let mut idle = Vec::new();
        for _ in 0..60 {
            idle.push(TcpStream::connect(address(&url)).await.expect("the system takes it in"));
        }
        until(async || server.metric(&full).await.is_some_and(|count| count >= 30.0)).await;
        let mut closed = 0;
        for connection in idle.iter_mut().rev().take(25) {
            closed += u32::from(closes(connection, Duration::from_secs(1)).await);
        }
        assert!(closed >= 20, "{closed} of the last 25 were closed at once");
        // Whoever was there before is answered all the while.
        models.list_tasks(v1::ListTasksRequest {}).await.expect("an answer");
        // The silent ones go by themselves, and their places are free again.
        for connection in &mut idle {
            assert!(closes(connection, PATIENCE).await);
        }
        let silent = format!("klinecast_connections_refused_total{{face=\"{face}\",why=\"silent\"}}");
        assert!(server.metric(&silent).await.is_some_and(|count| count >= 20.0), "{face}");
        server.models().list_tasks(v1::ListTasksRequest {}).await.expect("a place is free");
        assert_eq!(server.get("/health/live").await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_drips_is_cut_off() {
    let home = tempfile::tempdir().expect("a folder");
    let flags = ["--handshake-timeout-seconds", "60", "--header-timeout-seconds", "0.5"];
    let server = Server::start_alone(home.path(), &flags).await;
    let head = "POST /predict/BTCUSDT HTTP/1.1\r\nhost: localhost\r\n";
    for begun in [
        "GET /tasks HTTP/1.1\r\nhost: localhost\r\n".to_owned(),
        format!("{head}content-length: 9\r\n\r\n{{"),
    ] {
        let mut slow = TcpStream::connect(address(&server.http)).await.expect("connected");
        slow.write_all(begun.as_bytes()).await.expect("sent");
        let began = Instant::now();
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, slow.read_to_end(&mut answer)).await.expect("an end").ok();
        let said = String::from_utf8_lossy(&answer);
        assert!(began.elapsed() >= Duration::from_millis(400), "{said}");
        assert!(!said.contains("200 OK"), "{said}");
    }
    assert_eq!(server.get("/health/live").await.0, 200);
}

/// Who signs certificates.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("signed").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate and its key, PEM.
    fn signs(&self, name: &str, san: SanType, usage: ExtendedKeyUsagePurpose) -> (String, String) {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.subject_alt_names.push(san);
        params.extended_key_usages.push(usage);
        let key = KeyPair::generate().expect("a key");
        (params.signed_by(&key, &self.issuer).expect("signed").pem(), key.serialize_pem())
    }

    fn server(&self) -> (String, String) {
        let loopback = SanType::IpAddress([127, 0, 0, 1].into());
        self.signs("server", loopback, ExtendedKeyUsagePurpose::ServerAuth)
    }

    fn client(&self, name: &str, uri: &str) -> (String, String) {
        let uri = SanType::URI(uri.try_into().expect("a URI"));
        self.signs(name, uri, ExtendedKeyUsagePurpose::ClientAuth)
    }
}

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    path
}

fn client(server: &Server, authority: &Authority, certificate: Option<&(String, String)>) -> Client {
    let mut settings = Settings::at(&server.grpc);
    settings.attempts_max = 1;
    // A busy machine takes its time over handshakes.
    settings.deadline = PATIENCE;
    settings.credentials = Credentials {
        authority: Some(authority.pem.clone().into_bytes()),
        certificate: certificate
            .map(|(certificate, key)| (certificate.clone().into_bytes(), Secret::new(key))),
        ..Default::default()
    };
    Client::new(settings).expect("credentials")
}

fn https(authority: &Authority) -> reqwest::Client {
    let root = reqwest::Certificate::from_pem(authority.pem.as_bytes()).expect("a certificate");
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder().no_proxy().timeout(PATIENCE);
    builder.tls_certs_only([root]).build().expect("a client")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_replaced_while_it_serves_and_a_bad_one_is_not_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let (old, new) = (Authority::new("old"), Authority::new("new"));
    let put = |(certificate, key): &(String, String)| {
        (write(folder.path(), "server.pem", certificate), write(folder.path(), "server.key", key))
    };
    let (certificate, key) = put(&old.server());
    let flags = ["--tls-certificate", certificate.to_str().expect("a path"), "--tls-key"];
    let flags = [&flags[..], &[key.to_str().expect("a path"), "--access-reload-seconds", "0.05"]].concat();
    let server = Server::start_alone(folder.path(), &flags).await;
    assert!(server.grpc.starts_with("https://") && server.http.starts_with("https://"));
    client(&server, &old, None).tasks().await.expect("an answer over TLS");
    let stranger = client(&server, &new, None).tasks().await.expect_err("another authority");
    assert!(matches!(stranger, ClientError::Unreachable { .. }), "{stranger:?}");
    let answer = https(&old).get(format!("{}/health/live", server.http)).send().await.expect("an answer");
    assert_eq!(answer.status(), 200);
    // A plain request gets nothing.
    let mut plain = TcpStream::connect(server.http.trim_start_matches("https://")).await.expect("connected");
    plain.write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n").await.expect("sent");
    let mut said = Vec::new();
    plain.read_to_end(&mut said).await.ok();
    assert!(!said.starts_with(b"HTTP"), "{said:?}");

    // A stream that is open goes on over the change.
    let kept = client(&server, &old, None);
    kept.tasks().await.expect("an answer");
    put(&new.server());
    until(async || client(&server, &new, None).tasks().await.is_ok()).await;
    assert!(client(&server, &old, None).tasks().await.is_err());
    kept.tasks().await.expect("the open connection stays");

    let refused = "klinecast_access_reloads_total{what=\"certificate\",result=\"refused\"}";
    let before = server.metric(refused).await.unwrap_or_default();
    put(&(new.server().0, new.server().1));
    until(async || server.metric(refused).await.is_some_and(|count| count > before)).await;
    client(&server, &new, None).tasks().await.expect("what was there holds on");
    assert!(!server.log().contains("PRIVATE KEY"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_certificate_is_an_identity() {
    let folder = tempfile::tempdir().expect("a folder");
    let (authority, stranger) = (Authority::new("desk"), Authority::new("stranger"));
    let (certificate, key) = authority.server();
    let certificate = write(folder.path(), "server.pem", &certificate);
    let key = write(folder.path(), "server.key", &key);
    let ca = write(folder.path(), "ca.pem", &authority.pem);
    let people = "[[certificate]]\nname = 'reader'\nsan = 'spiffe://desk/reader'\nroles = ['reader']\n\
                  [[certificate]]\nname = 'ops'\nsubject = 'CN=ops'\nroles = ['operator']\n";
    let people = write(folder.path(), "keys.toml", people);
    let path = |path: &PathBuf| path.to_str().expect("a path").to_owned();
    let (certificate, key, ca, people) = (path(&certificate), path(&key), path(&ca), path(&people));
    let flags = ["--tls-certificate", &certificate, "--tls-key", &key, "--tls-client-ca", &ca];
    let flags = [&flags[..], &["--access-keys-file", &people]].concat();
    let server = Server::start_alone(folder.path(), &flags).await;
    let code = async |certificate: Option<&(String, String)>, operates: bool| {
        let client = client(&server, &authority, certificate);
        let answer = if operates { client.reload().await.map(drop) } else { client.tasks().await.map(drop) };
        match answer {
            Ok(()) => "OK".to_owned(),
            Err(ClientError::Refused { reason, .. }) => reason,
            Err(ClientError::Unreachable { .. }) => "unreachable".to_owned(),
            Err(other) => panic!("{other:?}"),
        }
    };
    let reader = authority.client("somebody", "spiffe://desk/reader");
    let ops = authority.client("ops", "spiffe://desk/ops");
    assert_eq!(code(Some(&reader), false).await, "OK");
    assert_eq!(code(Some(&reader), true).await, "PERMISSION_DENIED");
    assert_eq!(code(Some(&ops), true).await, "NOT_WARM");
    assert_eq!(code(Some(&authority.client("x", "spiffe://desk/x")), false).await, "PERMISSION_DENIED");
    assert_eq!(code(Some(&stranger.client("ops", "spiffe://desk/reader")), false).await, "unreachable");
    assert_eq!(code(None, false).await, "UNAUTHENTICATED");
    let flags = [&flags[..], &["--tls-client-certificate", "required"]].concat();
    drop(server);
    let server = Server::start_alone(folder.path(), &flags).await;
    assert!(client(&server, &authority, None).tasks().await.is_err());
    client(&server, &authority, Some(&reader)).tasks().await.expect("an answer");
}
