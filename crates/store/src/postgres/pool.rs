//! A few connections, made when they are needed and made anew when they die.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Statement};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::fault::Fault;
use super::tls;
use crate::wait::wait;
use crate::{DatabaseUrl, StoreError};

/// How long a caller waits for a connection that others use.
const BUSY_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a new connection may take until it is ready.
const GREETING_TIMEOUT: Duration = Duration::from_secs(30);

/// What every connection is told first: where the tables are, and bounds on statements, on waits for locks, and on how long
/// a transaction of a process that hangs may hold others up.
const GREETING: &str = "SET statement_timeout = '120s'; SET lock_timeout = '30s';
    SET idle_in_transaction_session_timeout = '60s'; SET client_min_messages = warning;";

/// One connection and the statements that it has prepared.
pub(super) struct Session {
    pub(super) client: Client,
    statements: BTreeMap<&'static str, Statement>,
    /// Whether it was used before, so that it may have died since.
    pub(super) used: bool,
}

impl Session {
    /// A statement, prepared on this connection once.
    pub(super) async fn statement(&mut self, sql: &'static str) -> Result<Statement, Fault> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.insert(sql, statement.clone());
        Ok(statement)
    }
}

#[derive(Default)]
struct Sessions {
    idle: Vec<Session>,
    open: usize,
}

/// Connections to one database, at most [`DatabaseUrl::connections_max`]; who finds all of them in use waits, and fails
/// after [`BUSY_TIMEOUT`].
pub(super) struct Pool {
    url: DatabaseUrl,
    tls: MakeRustlsConnect,
    /// Drives the connections; `None` only while it is dropped.
    runtime: Option<Runtime>,
    sessions: Mutex<Sessions>,
    freed: Condvar,
}

/// A borrowed connection; it goes back to the pool when it still lives.
pub(super) struct Lent {
    pool: Arc<Pool>,
    pub(super) session: Option<Session>,
}

impl Pool {
    pub(super) fn new(url: DatabaseUrl) -> Result<Arc<Self>, StoreError> {
        let runtime =
            Builder::new_multi_thread().worker_threads(1).thread_name("postgres").enable_all().build();
        let runtime = runtime.map_err(StoreError::Thread)?;
        let sessions = Mutex::new(Sessions::default());
        let tls = tls::connector(url.tls())?;
        Ok(Arc::new(Self { url, tls, runtime: Some(runtime), sessions, freed: Condvar::new() }))
    }

    pub(super) const fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// A connection that seems to live, or a new one.
    pub(super) fn lend(self: &Arc<Self>) -> Result<Lent, Fault> {
        let until = Instant::now() + BUSY_TIMEOUT;
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            while let Some(session) = sessions.idle.pop() {
                if session.client.is_closed() {
                    sessions.open -= 1;
                } else {
                    return Ok(Lent { pool: self.clone(), session: Some(session) });
                }
            }
            if sessions.open < DatabaseUrl::connections_max() {
                sessions.open += 1;
                drop(sessions);
                // Counted already; an empty one gives its place back when it is dropped.
                let mut lent = Lent { pool: self.clone(), session: None };
                lent.session = Some(self.connect()?);
                return Ok(lent);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(StoreError::Busy { database: self.url.to_string() }.into());
            }
            let waited = self.freed.wait_timeout(sessions, left);
            sessions = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn connect(&self) -> Result<Session, Fault> {
        let Some(runtime) = &self.runtime else {
            return Err(StoreError::Poisoned.into());
        };
        let (config, tls) = (self.url.config().clone(), self.tls.clone());
        let connecting = runtime.spawn(async move {
            let (client, connection) = config.connect(tls).await?;
            let driven = tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "a connection to the database ended");
                }
            });
            // It ends with its client.
            drop(driven);
            Ok::<_, tokio_postgres::Error>(client)
        });
        let connected = wait(GREETING_TIMEOUT, connecting).ok_or(Fault::Silence)?;
        let client = connected.map_err(|_| StoreError::Poisoned)??;
        let greeting = format!("{GREETING} SET search_path = {}", self.url.schema());
        wait(GREETING_TIMEOUT, client.batch_execute(&greeting)).ok_or(Fault::Silence)??;
        Ok(Session { client, statements: BTreeMap::new(), used: false })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for it is not allowed on a thread that drives tasks.
            runtime.shutdown_background();
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let session = self.session.take();
        let mut sessions = self.pool.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match session {
            Some(mut session) if !session.client.is_closed() => {
                session.used = true;
                sessions.idle.push(session);
            }
            _ => sessions.open -= 1,
        }
        drop(sessions);
        self.pool.freed.notify_one();
    }
}
