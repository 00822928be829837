//! Catalogues of features and their statistics in PostgreSQL.

use tokio_postgres::types::ToSql;

use super::{PostgresStore, Repeat};
use crate::features::{FEATURE_VERSIONS_MAX, count, list, text};
use crate::registry::parsed;
use crate::{FeatureCatalogue, FeatureRecord, FeatureStatistics, FeatureStore, FeatureVersion, StoreError};

const READING: &str = "reading the features";
const WRITING: &str = "writing the features";

const PUT_CATALOGUE: &str = "INSERT INTO feature_catalogues VALUES ($1, $2) ON CONFLICT DO NOTHING";

const PUT_FEATURES: &str = "
    INSERT INTO features SELECT $1, * FROM unnest($2::int8[], $3::text[], $4::text[], $5::text[], $6::int8[],
        $7::int8[], $8::text[], $9::text[], $10::text[])";

const PUT_VERSION: &str = "
    INSERT INTO feature_versions VALUES ($1, $2, $3, $4, $5, $6, $7)
    ON CONFLICT (data_version, catalogue) DO UPDATE SET interval = excluded.interval, made_at = excluded.made_at,
        from_ms = excluded.from_ms, until_ms = excluded.until_ms, row_count = excluded.row_count";

const FORGET_MINE: &str = "DELETE FROM feature_statistics WHERE data_version = $1 AND catalogue = $2";

const PUT_STATISTICS: &str = "
    INSERT INTO feature_statistics SELECT $1, $2, * FROM
        unnest($3::int8[], $4::text[], $5::float8[], $6::text[], $7::text[])";

const FORGET: &str = "
    DELETE FROM feature_versions WHERE (data_version, catalogue) NOT IN (
        SELECT data_version, catalogue FROM feature_versions ORDER BY made_at DESC, data_version LIMIT $1)";

const FORGET_STATISTICS: &str = "
    DELETE FROM feature_statistics WHERE (data_version, catalogue) NOT IN (
        SELECT data_version, catalogue FROM feature_versions)";

const CATALOGUE: &str = "
    SELECT catalogue, recorded_at FROM feature_catalogues WHERE $1::text IS NULL OR catalogue = $1
    ORDER BY recorded_at DESC, catalogue LIMIT 1";

const FEATURES: &str = "
    SELECT name, kind, unit, window_bars, warm_up_bars, inputs, definition, source FROM features
    WHERE catalogue = $1 ORDER BY place";

const VERSION: &str = "
    SELECT data_version, catalogue, interval, made_at, from_ms, until_ms, row_count FROM feature_versions
    WHERE $1::text IS NULL OR data_version = $1 ORDER BY made_at DESC, data_version LIMIT 1";

const STATISTICS: &str = "
    SELECT name, missing, edges, below FROM feature_statistics
    WHERE data_version = $1 AND catalogue = $2 ORDER BY place";

impl FeatureStore for PostgresStore {
    fn keep_catalogue(&self, catalogue: &FeatureCatalogue) -> Result<(), StoreError> {
        let FeatureCatalogue { catalogue, recorded_at, features } = catalogue;
        let places: Vec<i64> = (0i64..).take(features.len()).collect();
        let texts = |of: fn(&FeatureRecord) -> &str| features.iter().map(of).collect::<Vec<&str>>();
        let (names, kinds, units) = (texts(|of| &of.name), texts(|of| &of.kind), texts(|of| &of.unit));
        let (definitions, sources) = (texts(|of| &of.definition), texts(|of| &of.source));
        let windows: Vec<i64> = features.iter().map(|of| i64::from(of.window_bars)).collect();
        let warm_ups: Vec<i64> = features.iter().map(|of| i64::from(of.warm_up_bars)).collect();
        let inputs = features.iter().map(|of| text("inputs", &of.inputs)).collect::<Result<Vec<_>, _>>()?;
        PostgresStore::write(self, WRITING, Repeat::Harmless, async |session| {
            let put = session.statement(PUT_CATALOGUE).await?;
            if session.client.execute(&put, &[catalogue, recorded_at]).await? == 0 {
                return Ok(());
            }
            let put = session.statement(PUT_FEATURES).await?;
            let parameters: [&(dyn ToSql + Sync); 10] = [
                catalogue,
                &places,
                &names,
                &kinds,
                &units,
                &windows,
                &warm_ups,
                &inputs,
                &definitions,
                &sources,
            ];
            session.client.execute(&put, &parameters).await?;
            Ok(())
        })
    }

    fn keep_feature_version(&self, version: &FeatureVersion) -> Result<(), StoreError> {
        let FeatureVersion { data_version, catalogue, interval, made_at, window, rows, statistics } = version;
        let [from, until] = window;
        let (interval, rows) = (interval.as_str(), count(*rows));
        let places: Vec<i64> = (0i64..).take(statistics.len()).collect();
        let names: Vec<&str> = statistics.iter().map(|of| of.name.as_str()).collect();
        let missing: Vec<f64> = statistics.iter().map(|of| of.missing).collect();
        let lists = |of: fn(&FeatureStatistics) -> &[f64]| {
            statistics.iter().map(|one| text("quantiles", of(one))).collect::<Result<Vec<_>, _>>()
        };
        let (edges, below) = (lists(|of| &of.edges)?, lists(|of| &of.below)?);
        let most = i64::try_from(FEATURE_VERSIONS_MAX).unwrap_or(i64::MAX);
        PostgresStore::write(self, WRITING, Repeat::Harmless, async |session| {
            let whole: [&(dyn ToSql + Sync); 7] =
                [data_version, catalogue, &interval, made_at, from, until, &rows];
            let all: [&(dyn ToSql + Sync); 7] =
                [data_version, catalogue, &places, &names, &missing, &edges, &below];
            let steps: [(&str, &[&(dyn ToSql + Sync)]); 5] = [
                (PUT_VERSION, &whole),
                (FORGET_MINE, &[data_version, catalogue]),
                (PUT_STATISTICS, &all),
                (FORGET, &[&most]),
                (FORGET_STATISTICS, &[]),
            ];
            for (sql, parameters) in steps {
                let statement = session.statement(sql).await?;
                session.client.execute(&statement, parameters).await?;
            }
            Ok(())
        })
    }

    fn catalogue(&self, hash: Option<&str>) -> Result<Option<FeatureCatalogue>, StoreError> {
        self.read(READING, async |session| {
            let statement = session.statement(CATALOGUE).await?;
            let Some(row) = session.client.query_opt(&statement, &[&hash]).await? else { return Ok(None) };
            let (catalogue, recorded_at): (String, i64) = (row.try_get(0)?, row.try_get(1)?);
            let statement = session.statement(FEATURES).await?;
            let mut features = Vec::new();
            for row in session.client.query(&statement, &[&catalogue]).await? {
                let bars = |at: usize| -> Result<u32, tokio_postgres::Error> {
                    Ok(u32::try_from(row.try_get::<_, i64>(at)?).unwrap_or(u32::MAX))
                };
                features.push(FeatureRecord {
                    name: row.try_get(0)?,
                    kind: row.try_get(1)?,
                    unit: row.try_get(2)?,
                    window_bars: bars(3)?,
                    warm_up_bars: bars(4)?,
                    inputs: list("inputs", row.try_get(5)?)?,
                    definition: row.try_get(6)?,
                    source: row.try_get(7)?,
                });
            }
            Ok(Some(FeatureCatalogue { catalogue, recorded_at, features }))
        })
    }

    fn feature_version(&self, data_version: Option<&str>) -> Result<Option<FeatureVersion>, StoreError> {
        self.read(READING, async |session| {
            let statement = session.statement(VERSION).await?;
            let Some(row) = session.client.query_opt(&statement, &[&data_version]).await? else {
                return Ok(None);
            };
            let (data_version, catalogue): (String, String) = (row.try_get(0)?, row.try_get(1)?);
            let statement = session.statement(STATISTICS).await?;
            let mut statistics = Vec::new();
            for row in session.client.query(&statement, &[&data_version, &catalogue]).await? {
                statistics.push(FeatureStatistics {
                    name: row.try_get(0)?,
                    missing: row.try_get(1)?,
                    edges: list("quantiles", row.try_get(2)?)?,
                    below: list("quantiles", row.try_get(3)?)?,
                });
            }
            Ok(Some(FeatureVersion {
                data_version,
                catalogue,
                interval: parsed("interval", row.try_get(2)?)?,
                made_at: row.try_get(3)?,
                window: [row.try_get(4)?, row.try_get(5)?],
                rows: u64::try_from(row.try_get::<_, i64>(6)?).unwrap_or(0),
                statistics,
            }))
        })
    }
}
