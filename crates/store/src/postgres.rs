//! The database for more than one machine: PostgreSQL, all tables in one schema.
//!
//! Every method may be called from any thread; it blocks until the database has answered. Connections are driven by a
//! thread of the store's own.

mod chain;
mod fault;
mod features;
mod gaps;
mod journal;
mod klines;
mod pool;
mod registry;
mod retention;
mod schema;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::wait::wait;
use crate::{DatabaseUrl, StoreError};
use fault::Fault;
use pool::{Lent, Pool, Session};

/// How long a write goes on trying while the database is away; then it fails.
const PATIENCE: Duration = Duration::from_secs(20);
/// The first wait between two tries; each one is twice as long, up to [`WAIT_LONGEST`].
const WAIT_FIRST: Duration = Duration::from_millis(50);
const WAIT_LONGEST: Duration = Duration::from_secs(2);
/// How long an answer is waited for when the database says nothing at all; it bounds each statement itself, more tightly.
const SILENCE: Duration = Duration::from_secs(600);

/// Klines, journal and registry in PostgreSQL. Safe to open from several processes and machines at once.
pub struct PostgresStore {
    pool: Arc<Pool>,
    shown: String,
}

/// Whether a write whose connection died may be done again although it may have been committed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// Doing it twice is doing it once.
    Harmless,
    /// Only while nothing was sent but `BEGIN`.
    Harmful,
}

impl PostgresStore {
    /// Connects, and brings the schema up to date.
    ///
    /// # Errors
    /// When the database can't be reached, refuses the user, or was written by a newer program.
    pub fn open(url: &DatabaseUrl) -> Result<Self, StoreError> {
        let store = Self { pool: Pool::new(url.clone())?, shown: url.to_string() };
        schema::bring_up_to_date(&store)?;
        Ok(store)
    }

    /// Runs `work` on a connection. One that has died since it was last used is replaced; each is tried once.
    fn read<T>(
        &self,
        action: &'static str,
        mut work: impl AsyncFnMut(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        loop {
            let mut lent = self.pool.lend().map_err(|fault| fault.told(&self.shown, action))?;
            let Some(session) = &mut lent.session else { return Err(StoreError::Poisoned) };
            let outcome = wait(SILENCE, work(session)).unwrap_or(Err(Fault::Silence));
            let fault = match outcome {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let again = session.used && fault.may_pass();
            if fault.may_pass() || matches!(fault, Fault::Silence) {
                lent.session = None;
            }
            if !again {
                return Err(fault.told(&self.shown, action));
            }
        }
    }

    /// Runs `work` in one transaction. While the database is away it is tried again with growing waits, for as long as
    /// [`PATIENCE`] lasts.
    fn write<T>(
        &self,
        action: &'static str,
        repeat: Repeat,
        work: impl AsyncFnMut(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        self.write_within(PATIENCE, action, repeat, work)
    }

    fn write_within<T>(
        &self,
        patience: Duration,
        action: &'static str,
        repeat: Repeat,
        mut work: impl AsyncFnMut(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, StoreError> {
        let until = Instant::now() + patience;
        let mut pause = WAIT_FIRST;
        loop {
            let mut begun = false;
            let outcome = self.pool.lend().and_then(|lent| transact(lent, &mut begun, &mut work));
            let fault = match outcome {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            let again = fault.may_pass() && (!begun || repeat == Repeat::Harmless);
            if !again || Instant::now() + pause > until {
                return Err(fault.told(&self.shown, action));
            }
            tracing::warn!(database = self.shown, action, ?fault, "the database is away, trying again");
            std::thread::sleep(pause);
            pause = (pause * 2).min(WAIT_LONGEST);
        }
    }
}

/// One try: `BEGIN`, the work, `COMMIT`; or `ROLLBACK`.
fn transact<T>(
    mut lent: Lent,
    begun: &mut bool,
    work: &mut impl AsyncFnMut(&mut Session) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let Some(session) = &mut lent.session else { return Err(StoreError::Poisoned.into()) };
    let outcome = wait(SILENCE, async {
        session.client.batch_execute("BEGIN").await?;
        *begun = true;
        match work(session).await {
            Ok(answer) => {
                session.client.batch_execute("COMMIT").await?;
                Ok(answer)
            }
            Err(fault) => {
                // If this fails the connection is dead, and the database has rolled back.
                let _ = session.client.batch_execute("ROLLBACK").await;
                Err(fault)
            }
        }
    });
    let outcome = outcome.unwrap_or(Err(Fault::Silence));
    if outcome.as_ref().is_err_and(|fault| fault.may_pass() || matches!(fault, Fault::Silence)) {
        // It is dying, even if it does not know yet.
        lent.session = None;
    }
    outcome
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresStore({})", self.shown)
    }
}

/// Runs SQL in an address's schema, past everything else; how many rows it changed.
#[cfg(feature = "test-support")]
pub(crate) fn execute(url: &DatabaseUrl, sql: &str) -> Result<u64, StoreError> {
    let store = PostgresStore { pool: Pool::new(url.clone())?, shown: url.to_string() };
    store.read("executing", async |session| Ok(session.client.execute(sql, &[]).await?))
}
