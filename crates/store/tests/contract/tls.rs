//! PostgreSQL over TLS: a real one with `ssl = on` where its programs are built with it, and in any case a real one behind a
//! front that ends TLS, as poolers do.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use store::testkit::TestPostgres;
use store::{DatabaseUrl, KlineStore, PostgresStore, StoreError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::suite::{Outcome, STEP, bar, kline, symbol};

/// The code of a request for TLS.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// An authority, one that signed nothing, and a server's certificate for `localhost`, in PEM form.
pub(crate) struct Certificates {
    _folder: TempDir,
    pub(crate) root: PathBuf,
    pub(crate) other_root: PathBuf,
    certificate: String,
    key: String,
}

impl Certificates {
    pub(crate) fn make() -> Result<Self, Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let authority = |name: &str| -> Result<_, rcgen::Error> {
            let mut parameters = CertificateParams::new(Vec::new())?;
            parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            parameters.distinguished_name.push(DnType::CommonName, name);
            let key = KeyPair::generate()?;
            let pem = parameters.self_signed(&key)?.pem();
            Ok((Issuer::new(parameters, key), pem))
        };
        let (issuer, root_pem) = authority("the right one")?;
        let (_, other_pem) = authority("another one")?;
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new(vec!["localhost".to_owned()])?.signed_by(&key, &issuer)?;
        let (root, other_root) = (folder.path().join("the root.pem"), folder.path().join("other.pem"));
        std::fs::write(&root, root_pem)?;
        std::fs::write(&other_root, other_pem)?;
        let (certificate, key) = (certificate.pem(), key.serialize_pem());
        Ok(Self { _folder: folder, root, other_root, certificate, key })
    }
}

/// Where a database is reached, and what it should say.
struct Place<'a> {
    database: &'a TestPostgres,
    port: u16,
}

impl Place<'_> {
    fn url(&self, host: &str, tls: &str) -> Result<DatabaseUrl, StoreError> {
        let at = format!("@127.0.0.1:{}", self.database.port());
        let address = self.database.address().replace(&at, &format!("@{host}:{}", self.port));
        format!("{address}{tls}").parse()
    }

    fn open(&self, host: &str, tls: &str) -> Result<PostgresStore, StoreError> {
        PostgresStore::open(&self.url(host, tls)?)
    }

    fn refusal(&self, host: &str, tls: &str) -> String {
        let told = self.open(host, tls).map_or_else(|error| error.to_string(), |store| format!("{store:?}"));
        assert!(!told.contains(self.database.password()), "{told}");
        told
    }
}

fn rooted(mode: &str, root: &std::path::Path) -> String {
    let root = root.display().to_string().replace(' ', "%20").replace('/', "%2F");
    format!("&sslmode={mode}&sslrootcert={root}")
}

/// What every mode does with a server that has a certificate for `localhost`.
fn modes_do_what_they_say(place: &Place<'_>, certificates: &Certificates) -> Outcome {
    let Certificates { root, other_root, .. } = certificates;
    for tls in ["", "&sslmode=prefer", "&sslmode=require"] {
        place.open("127.0.0.1", tls)?;
    }
    place.open("127.0.0.1", &rooted("require", root))?;
    place.open("127.0.0.1", &rooted("verify-ca", root))?;
    let store = place.open("localhost", &rooted("verify-full", root))?;
    store.append(symbol("BTCUSDT"), STEP, &[kline(1, 2.0)])?;
    assert_eq!(store.last_bar(symbol("BTCUSDT"), STEP)?, Some(bar(1)));

    for mode in ["require", "verify-ca", "verify-full"] {
        let told = place.refusal("localhost", &rooted(mode, other_root));
        assert!(told.contains("UnknownIssuer") && told.contains("sslrootcert"), "{mode}: {told}");
    }
    let told = place.refusal("localhost", "&sslmode=verify-full");
    assert!(told.contains("UnknownIssuer"), "no public authority has signed it: {told}");
    let told = place.refusal("127.0.0.1", &rooted("verify-full", root));
    assert!(told.contains("not valid for") && told.contains("verify-ca"), "{told}");
    Ok(())
}

/// What is said before TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Greeting {
    /// PostgreSQL's request for TLS.
    Postgres,
    /// Nothing.
    None,
}

/// A front that ends TLS before a server, on a thread of its own; it ends with the process.
pub(crate) fn front(
    certificates: &Certificates,
    server: u16,
    greeting: Greeting,
) -> Result<u16, Box<dyn std::error::Error>> {
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(certificates.certificate.as_bytes()).collect::<Result<_, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(certificates.key.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        runtime.block_on(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = SocketAddr::from(([127, 0, 0, 1], server));
                tokio::spawn(pass(stream, acceptor.clone(), server, greeting));
            }
        });
    });
    Ok(port)
}

/// One connection; it ends when either side does, or says something else than it should.
async fn pass(
    mut stream: TcpStream,
    acceptor: TlsAcceptor,
    server: SocketAddr,
    greeting: Greeting,
) -> std::io::Result<()> {
    if greeting == Greeting::Postgres {
        let mut request = [0; 8];
        stream.read_exact(&mut request).await?;
        if request != SSL_REQUEST {
            return Ok(());
        }
        stream.write_all(b"S").await?;
    }
    let mut stream = acceptor.accept(stream).await?;
    let mut server = TcpStream::connect(server).await?;
    copy_bidirectional(&mut stream, &mut server).await.map(drop)
}

#[test]
fn a_database_behind_tls_is_reached_and_its_certificate_looked_at() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let certificates = Certificates::make()?;
    let port = front(&certificates, database.port(), Greeting::Postgres)?;
    let place = Place { database: &database, port };
    modes_do_what_they_say(&place, &certificates)?;
    let told = place.refusal("127.0.0.1", "&sslmode=disable");
    assert!(told.contains("can be reached"), "the front takes TLS only: {told}");
    Ok(())
}

#[test]
fn a_database_with_tls_of_its_own_is_reached_and_its_certificate_looked_at() -> Outcome {
    let certificates = Certificates::make()?;
    let Some(database) = TestPostgres::with_tls(&certificates.certificate, &certificates.key) else {
        return Ok(());
    };
    let place = Place { database: &database, port: database.port() };
    modes_do_what_they_say(&place, &certificates)?;
    place.open("127.0.0.1", "&sslmode=disable")?;
    Ok(())
}

#[test]
fn tls_that_a_server_does_not_have_and_a_root_that_is_none_are_refused() -> Outcome {
    let Some(database) = TestPostgres::shared() else { return Ok(()) };
    let certificates = Certificates::make()?;
    let place = Place { database: &database, port: database.port() };
    place.open("127.0.0.1", "&sslmode=prefer")?;
    for tls in ["&sslmode=require".to_owned(), rooted("verify-full", &certificates.root)] {
        let told = place.refusal("127.0.0.1", &tls);
        assert!(told.contains("server does not support TLS") && told.contains("sslmode=prefer"), "{told}");
    }
    let nowhere = place.refusal("127.0.0.1", &rooted("verify-ca", std::path::Path::new("/no/such/file")));
    assert!(nowhere.contains("/no/such/file") && nowhere.contains("PEM"), "{nowhere}");
    let nothing = certificates.root.with_file_name("nothing.pem");
    std::fs::write(&nothing, "nothing")?;
    let told = place.refusal("127.0.0.1", &rooted("verify-ca", &nothing));
    assert!(told.contains("nothing.pem"), "{told}");
    Ok(())
}
