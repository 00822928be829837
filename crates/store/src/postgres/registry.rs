//! The registry in PostgreSQL.

use std::collections::BTreeMap;

use forecast::BundleDigest;
use kline::Milliseconds;

use super::fault::Fault;
use super::pool::Session;
use super::{PostgresStore, Repeat};
use crate::registry::{Crowning, FORGOTTEN, metrics_text, parsed};
use crate::{Alias, ModelVersion, Registry, RegistryChange, Stage, StoreError};

/// Held for a transaction by who changes the registry: versions have no holes, and changes are noted in their order.
const LOCK: &str =
    "SELECT pg_advisory_xact_lock(hashtextextended('klinecast registry ' || current_schema, 0))";

const VERSIONS: &str = "
    SELECT m.version, m.bundle, m.stage, m.registered_at, m.metrics,
        (SELECT string_agg(a.alias, ',') FROM aliases a WHERE a.version = m.version)
    FROM models m ORDER BY m.version DESC";

async fn lock(session: &mut Session) -> Result<(), Fault> {
    let statement = session.statement(LOCK).await?;
    session.client.query(&statement, &[]).await?;
    Ok(())
}

async fn note(session: &mut Session, at: Milliseconds, version: i64, change: &str) -> Result<(), Fault> {
    let sql = "INSERT INTO registry_history (at, version, change) VALUES ($1, $2, $3)";
    let statement = session.statement(sql).await?;
    session.client.execute(&statement, &[&at, &version, &change]).await?;
    Ok(())
}

async fn read_versions(session: &mut Session) -> Result<Vec<ModelVersion>, Fault> {
    let statement = session.statement(VERSIONS).await?;
    let mut versions = Vec::new();
    for row in session.client.query(&statement, &[]).await? {
        let aliases: Option<&str> = row.try_get(5)?;
        let mut aliases = aliases
            .iter()
            .flat_map(|names| names.split(','))
            .map(|name| parsed("alias", name))
            .collect::<Result<Vec<Alias>, _>>()?;
        aliases.sort_unstable();
        let (version, metrics): (i64, &str) = (row.try_get(0)?, row.try_get(4)?);
        versions.push(ModelVersion {
            version: number(version)?,
            bundle: parsed("bundle digest", row.try_get(1)?)?,
            stage: parsed("stage", row.try_get(2)?)?,
            aliases,
            registered_at: row.try_get(3)?,
            metrics: serde_json::from_str(metrics)
                .map_err(|_| StoreError::StoredText { what: "metrics", text: metrics.to_owned() })?,
        });
    }
    Ok(versions)
}

fn number(version: i64) -> Result<u32, StoreError> {
    let what = "model version";
    version.try_into().map_err(|_| StoreError::StoredText { what, text: version.to_string() })
}

/// Refuses a version that is not registered.
async fn check_known(session: &mut Session, version: u32) -> Result<(), Fault> {
    let versions = read_versions(session).await?;
    if versions.iter().any(|model| model.version == version) {
        return Ok(());
    }
    let known = versions.iter().map(|model| model.version.to_string()).collect::<Vec<_>>().join(", ");
    Err(StoreError::NoVersion { version, known }.into())
}

impl Registry for PostgresStore {
    fn register(
        &self,
        bundle: BundleDigest,
        metrics: &BTreeMap<String, f64>,
        at: Milliseconds,
    ) -> Result<ModelVersion, StoreError> {
        let metrics = metrics_text(metrics)?;
        let bundle = bundle.to_string();
        let version = self.write("registering a model", Repeat::Harmless, async |session| {
            lock(session).await?;
            let known = session.statement("SELECT version FROM models WHERE bundle = $1").await?;
            if let Some(row) = session.client.query_opt(&known, &[&bundle]).await? {
                return Ok(number(row.try_get(0)?)?);
            }
            // The history also has the numbers of those that were taken out.
            let sql = "INSERT INTO models (version, bundle, stage, registered_at, metrics)
                SELECT coalesce(max(version), 0) + 1, $1, $2, $3, $4
                FROM (SELECT version FROM models UNION ALL SELECT version FROM registry_history) AS given
                RETURNING version";
            let insert = session.statement(sql).await?;
            let row =
                session.client.query_one(&insert, &[&bundle, &Stage::None.name(), &at, &metrics]).await?;
            let version: i64 = row.try_get(0)?;
            note(session, at, version, "registered").await?;
            Ok(number(version)?)
        })?;
        self.version(version)
    }

    fn versions(&self) -> Result<Vec<ModelVersion>, StoreError> {
        self.read("reading the registry", async |session| read_versions(session).await)
    }

    fn set_stage(&self, version: u32, stage: Stage, at: Milliseconds) -> Result<(), StoreError> {
        self.write("changing the registry", Repeat::Harmful, async |session| {
            lock(session).await?;
            check_known(session, version).await?;
            let version = i64::from(version);
            let update = session.statement("UPDATE models SET stage = $2 WHERE version = $1").await?;
            session.client.execute(&update, &[&version, &stage.name()]).await?;
            note(session, at, version, &format!("stage {stage}")).await
        })
    }

    fn set_alias(&self, alias: Alias, version: u32, at: Milliseconds) -> Result<(), StoreError> {
        self.write("changing the registry", Repeat::Harmful, async |session| {
            lock(session).await?;
            check_known(session, version).await?;
            let version = i64::from(version);
            let sql = "INSERT INTO aliases (alias, version) VALUES ($1, $2)
                ON CONFLICT (alias) DO UPDATE SET version = excluded.version";
            let upsert = session.statement(sql).await?;
            session.client.execute(&upsert, &[&alias.name(), &version]).await?;
            note(session, at, version, &format!("alias {alias}")).await
        })
    }

    fn clear_alias(&self, alias: Alias, at: Milliseconds) -> Result<(), StoreError> {
        self.write("changing the registry", Repeat::Harmful, async |session| {
            lock(session).await?;
            let delete = session.statement("DELETE FROM aliases WHERE alias = $1 RETURNING version").await?;
            let Some(row) = session.client.query_opt(&delete, &[&alias.name()]).await? else {
                return Ok(());
            };
            note(session, at, row.try_get(0)?, &format!("alias {alias} cleared")).await
        })
    }

    fn note(&self, version: u32, text: &str, at: Milliseconds) -> Result<(), StoreError> {
        self.write("changing the registry", Repeat::Harmful, async |session| {
            lock(session).await?;
            check_known(session, version).await?;
            note(session, at, version.into(), text).await
        })
    }

    fn crown(
        &self,
        version: u32,
        judged_against: Option<u32>,
        how: &str,
        at: Milliseconds,
    ) -> Result<ModelVersion, StoreError> {
        self.write("changing the registry", Repeat::Harmful, async |session| {
            lock(session).await?;
            let crowning = Crowning::plan(&read_versions(session).await?, version, judged_against)?;
            let sql = "INSERT INTO aliases (alias, version) VALUES ($1, $2)
                ON CONFLICT (alias) DO UPDATE SET version = excluded.version";
            let upsert = session.statement(sql).await?;
            session.client.execute(&upsert, &[&Alias::Champion.name(), &i64::from(version)]).await?;
            if crowning.was_challenger {
                let delete = session.statement("DELETE FROM aliases WHERE alias = $1").await?;
                session.client.execute(&delete, &[&Alias::Challenger.name()]).await?;
            }
            let stages =
                [Some((version, Stage::Production)), crowning.before.map(|before| (before, Stage::Archived))];
            let update = session.statement("UPDATE models SET stage = $2 WHERE version = $1").await?;
            for (version, stage) in stages.into_iter().flatten() {
                session.client.execute(&update, &[&i64::from(version), &stage.name()]).await?;
            }
            for (version, change) in crowning.notes(version, how) {
                note(session, at, version.into(), &change).await?;
            }
            Ok(())
        })?;
        self.version(version)
    }

    fn forget(&self, version: u32, at: Milliseconds) -> Result<(), StoreError> {
        self.write("changing the registry", Repeat::Harmless, async |session| {
            lock(session).await?;
            let versions = read_versions(session).await?;
            let Some(model) = versions.iter().find(|model| model.version == version) else { return Ok(()) };
            if let Some(by) = model.held() {
                return Err(StoreError::InUse { version, by }.into());
            }
            let delete = session.statement("DELETE FROM models WHERE version = $1").await?;
            session.client.execute(&delete, &[&i64::from(version)]).await?;
            note(session, at, version.into(), FORGOTTEN).await
        })
    }

    fn history(&self) -> Result<Vec<RegistryChange>, StoreError> {
        self.read("reading the registry's history", async |session| {
            let sql = "SELECT at, version, change FROM registry_history ORDER BY number";
            let statement = session.statement(sql).await?;
            let mut changes = Vec::new();
            for row in session.client.query(&statement, &[]).await? {
                let version = number(row.try_get(1)?)?;
                changes.push(RegistryChange { at: row.try_get(0)?, version, change: row.try_get(2)? });
            }
            Ok(changes)
        })
    }
}
