//! The registry in SQLite.

use std::collections::BTreeMap;

use forecast::BundleDigest;
use kline::Milliseconds;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::SqliteStore;
use crate::registry::{Crowning, FORGOTTEN, metrics_text, parsed};
use crate::{Alias, ModelVersion, Registry, RegistryChange, Stage, StoreError};

impl SqliteStore {
    /// Makes a change to a registered version and notes it in the history.
    fn change(
        &self,
        version: u32,
        at: Milliseconds,
        change: &str,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<usize>,
    ) -> Result<(), StoreError> {
        let action = "changing the registry";
        self.write(action, |transaction| {
            let known: Option<u32> = transaction
                .query_row("SELECT version FROM models WHERE version = ?1", [version], |row| row.get(0))
                .optional()
                .map_err(self.failed(action))?;
            if known.is_none() {
                let known = self
                    .read_versions(transaction)?
                    .iter()
                    .map(|model| model.version.to_string())
                    .collect::<Vec<_>>()
                    .join(", ");
                return Err(StoreError::NoVersion { version, known });
            }
            work(transaction).map_err(self.failed(action))?;
            note(transaction, at, version, change).map_err(self.failed(action))
        })
    }

    fn read_versions(&self, connection: &Connection) -> Result<Vec<ModelVersion>, StoreError> {
        let action = "reading the registry";
        let mut statement = connection
            .prepare_cached(
                "SELECT m.version, m.bundle, m.stage, m.registered_at, m.metrics,
                    (SELECT group_concat(a.alias) FROM aliases a WHERE a.version = m.version)
                 FROM models m ORDER BY m.version DESC",
            )
            .map_err(self.failed(action))?;
        let mut rows = statement.query([]).map_err(self.failed(action))?;
        let mut versions = Vec::new();
        while let Some(row) = rows.next().map_err(self.failed(action))? {
            let text = |index: usize| row.get::<_, String>(index).map_err(self.failed(action));
            let aliases: Option<String> = row.get(5).map_err(self.failed(action))?;
            let mut aliases = aliases
                .iter()
                .flat_map(|names| names.split(','))
                .map(|name| parsed("alias", name))
                .collect::<Result<Vec<Alias>, _>>()?;
            aliases.sort_unstable();
            let metrics = text(4)?;
            versions.push(ModelVersion {
                version: row.get(0).map_err(self.failed(action))?,
                bundle: parsed("bundle digest", &text(1)?)?,
                stage: parsed("stage", &text(2)?)?,
                aliases,
                registered_at: row.get(3).map_err(self.failed(action))?,
                metrics: serde_json::from_str(&metrics)
                    .map_err(|_| StoreError::StoredText { what: "metrics", text: metrics })?,
            });
        }
        Ok(versions)
    }
}

impl Registry for SqliteStore {
    fn register(
        &self,
        bundle: BundleDigest,
        metrics: &BTreeMap<String, f64>,
        at: Milliseconds,
    ) -> Result<ModelVersion, StoreError> {
        let action = "registering a model";
        let metrics = metrics_text(metrics)?;
        let version: u32 = self.write(action, |transaction| {
            let new = transaction
                .execute(
                    "INSERT INTO models (bundle, stage, registered_at, metrics) SELECT ?1, ?2, ?3, ?4
                     WHERE NOT EXISTS (SELECT 1 FROM models WHERE bundle = ?1)",
                    params![bundle.to_string(), Stage::None.name(), at, metrics],
                )
                .map_err(self.failed(action))?;
            let version = transaction
                .query_row("SELECT version FROM models WHERE bundle = ?1", [bundle.to_string()], |row| {
                    row.get(0)
                })
                .map_err(self.failed(action))?;
            if new == 1 {
                note(transaction, at, version, "registered").map_err(self.failed(action))?;
            }
            Ok(version)
        })?;
        self.version(version)
    }

    fn versions(&self) -> Result<Vec<ModelVersion>, StoreError> {
        self.read_versions(&*self.lock()?)
    }

    fn set_stage(&self, version: u32, stage: Stage, at: Milliseconds) -> Result<(), StoreError> {
        self.change(version, at, &format!("stage {stage}"), |transaction| {
            transaction
                .execute("UPDATE models SET stage = ?2 WHERE version = ?1", params![version, stage.name()])
        })
    }

    fn set_alias(&self, alias: Alias, version: u32, at: Milliseconds) -> Result<(), StoreError> {
        self.change(version, at, &format!("alias {alias}"), |transaction| {
            transaction
                .execute("INSERT OR REPLACE INTO aliases VALUES (?1, ?2)", params![alias.name(), version])
        })
    }

    fn clear_alias(&self, alias: Alias, at: Milliseconds) -> Result<(), StoreError> {
        let Some(model) = self.by_alias(alias)? else {
            return Ok(());
        };
        self.change(model.version, at, &format!("alias {alias} cleared"), |transaction| {
            transaction.execute("DELETE FROM aliases WHERE alias = ?1", [alias.name()])
        })
    }

    fn note(&self, version: u32, text: &str, at: Milliseconds) -> Result<(), StoreError> {
        self.change(version, at, text, |_| Ok(0))
    }

    fn crown(
        &self,
        version: u32,
        judged_against: Option<u32>,
        how: &str,
        at: Milliseconds,
    ) -> Result<ModelVersion, StoreError> {
        let action = "changing the registry";
        self.write(action, |transaction| {
            let crowning = Crowning::plan(&self.read_versions(transaction)?, version, judged_against)?;
            let alias = transaction.execute(
                "INSERT OR REPLACE INTO aliases VALUES (?1, ?2)",
                params![Alias::Champion.name(), version],
            );
            alias.map_err(self.failed(action))?;
            if crowning.was_challenger {
                let cleared =
                    transaction.execute("DELETE FROM aliases WHERE alias = ?1", [Alias::Challenger.name()]);
                cleared.map_err(self.failed(action))?;
            }
            let stages =
                [Some((version, Stage::Production)), crowning.before.map(|before| (before, Stage::Archived))];
            for (version, stage) in stages.into_iter().flatten() {
                let sql = "UPDATE models SET stage = ?2 WHERE version = ?1";
                transaction.execute(sql, params![version, stage.name()]).map_err(self.failed(action))?;
            }
            for (version, change) in crowning.notes(version, how) {
                note(transaction, at, version, &change).map_err(self.failed(action))?;
            }
            Ok(())
        })?;
        self.version(version)
    }

    fn forget(&self, version: u32, at: Milliseconds) -> Result<(), StoreError> {
        let action = "changing the registry";
        self.write(action, |transaction| {
            let versions = self.read_versions(transaction)?;
            let Some(model) = versions.iter().find(|model| model.version == version) else { return Ok(()) };
            if let Some(by) = model.held() {
                return Err(StoreError::InUse { version, by });
            }
            let deleted = transaction.execute("DELETE FROM models WHERE version = ?1", [version]);
            deleted.map_err(self.failed(action))?;
            note(transaction, at, version, FORGOTTEN).map_err(self.failed(action))
        })
    }

    fn history(&self) -> Result<Vec<RegistryChange>, StoreError> {
        let action = "reading the registry's history";
        let connection = self.lock()?;
        let mut statement = connection
            .prepare_cached("SELECT at, version, change FROM registry_history ORDER BY number")
            .map_err(self.failed(action))?;
        statement
            .query_map([], |row| {
                Ok(RegistryChange { at: row.get(0)?, version: row.get(1)?, change: row.get(2)? })
            })
            .and_then(Iterator::collect)
            .map_err(self.failed(action))
    }
}

fn note(transaction: &Transaction<'_>, at: Milliseconds, version: u32, change: &str) -> rusqlite::Result<()> {
    transaction
        .execute(
            "INSERT INTO registry_history (at, version, change) VALUES (?1, ?2, ?3)",
            params![at, version, change],
        )
        .map(|_| ())
}
