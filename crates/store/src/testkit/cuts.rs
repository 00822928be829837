//! Changes of a registry in SQLite that end in the middle, at a statement of one's choice.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

/// What is done to the statement that is one too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// It fails, and its transaction with it.
    BreakOff,
    /// It takes for ever, with its transaction open.
    Hang,
}

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(90);
/// What holds the database as often as it is asked, so far apart, is in no hurry.
const ASKED: u32 = 10;
const APART: Duration = Duration::from_millis(20);

/// A view onto a database's registry that lets so many statements pass which change it. Dropped, it lets all pass.
#[derive(Debug)]
pub struct RegistryCuts(Connection);

impl RegistryCuts {
    /// Of the database at a path: from now on `allowed` statements pass.
    ///
    /// # Panics
    /// When the database can't be changed.
    #[must_use]
    pub fn after(path: &Path, allowed: usize, cut: Cut) -> Self {
        let cuts = Self(Connection::open(path).expect("the database opens"));
        cuts.0.busy_timeout(PATIENCE).expect("a time-out");
        let end = match cut {
            Cut::BreakOff => "RAISE(ABORT, 'cut off')",
            Cut::Hang => "(SELECT count(*) FROM cut_forever)",
        };
        let changes = [
            ("registry_history", "INSERT"),
            ("models", "UPDATE"),
            ("aliases", "INSERT"),
            ("aliases", "DELETE"),
        ];
        let mut sql = String::from(
            "CREATE TABLE cuts (done INTEGER NOT NULL); INSERT INTO cuts VALUES (0);
             CREATE VIEW cut_forever AS
                 WITH RECURSIVE forever (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM forever) SELECT n FROM forever;"
        );
        for (table, change) in changes {
            sql.push_str(&format!(
                "CREATE TRIGGER cut_{table}_{change} BEFORE {change} ON {table} BEGIN
                     SELECT CASE WHEN (SELECT done FROM cuts) >= {allowed} THEN {end} END;
                     UPDATE cuts SET done = done + 1;
                 END;"
            ));
        }
        cuts.0.execute_batch(&format!("BEGIN IMMEDIATE; {sql} COMMIT;")).expect("the triggers are made");
        cuts
    }

    /// Waits until someone's transaction hangs, or `ended` says that nobody's will; whether one hangs.
    ///
    /// # Panics
    /// When neither comes to be.
    #[must_use]
    pub fn hangs(&mut self, ended: impl Fn() -> bool) -> bool {
        let began = Instant::now();
        self.0.busy_timeout(Duration::ZERO).expect("a time-out");
        let mut busy = 0;
        while busy < ASKED && !ended() {
            busy = if self.is_held() { busy + 1 } else { 0 };
            assert!(began.elapsed() < PATIENCE, "nothing hangs and nothing ends");
            thread::sleep(APART);
        }
        self.0.busy_timeout(PATIENCE).expect("a time-out");
        busy == ASKED
    }

    fn is_held(&mut self) -> bool {
        match self.0.transaction_with_behavior(TransactionBehavior::Immediate) {
            Ok(_) => false,
            Err(error) => {
                assert_eq!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy), "{error}");
                true
            }
        }
    }
}

impl Drop for RegistryCuts {
    fn drop(&mut self) {
        let lifted = self.0.execute_batch(
            "BEGIN IMMEDIATE;
             DROP TRIGGER cut_registry_history_INSERT; DROP TRIGGER cut_models_UPDATE;
             DROP TRIGGER cut_aliases_INSERT; DROP TRIGGER cut_aliases_DELETE;
             DROP VIEW cut_forever; DROP TABLE cuts;
             COMMIT;",
        );
        if let Err(problem) = lifted {
            // Whoever comes next finds the triggers, and fails.
            eprintln!("the cuts stay: {problem}");
        }
    }
}
