//! Catalogues of features and their statistics in SQLite.

use rusqlite::{Connection, OptionalExtension, params};

use super::SqliteStore;
use crate::features::{FEATURE_VERSIONS_MAX, count, list, text};
use crate::registry::parsed;
use crate::{FeatureCatalogue, FeatureRecord, FeatureStatistics, FeatureStore, FeatureVersion, StoreError};

const READING: &str = "reading the features";
const WRITING: &str = "writing the features";

const FORGET: &str = "
    DELETE FROM feature_versions WHERE (data_version, catalogue) NOT IN (
        SELECT data_version, catalogue FROM feature_versions ORDER BY made_at DESC, data_version LIMIT ?1)";

const FORGET_STATISTICS: &str = "
    DELETE FROM feature_statistics WHERE (data_version, catalogue) NOT IN (
        SELECT data_version, catalogue FROM feature_versions)";

impl SqliteStore {
    fn features_of(&self, connection: &Connection, hash: &str) -> Result<Vec<FeatureRecord>, StoreError> {
        let mut statement = connection
            .prepare_cached(
                "SELECT name, kind, unit, window_bars, warm_up_bars, inputs, definition, source FROM features
                 WHERE catalogue = ?1 ORDER BY place",
            )
            .map_err(self.failed(READING))?;
        let rows = statement.query_map([hash], |row| {
            let record = FeatureRecord {
                name: row.get(0)?,
                kind: row.get(1)?,
                unit: row.get(2)?,
                window_bars: row.get(3)?,
                warm_up_bars: row.get(4)?,
                inputs: Vec::new(),
                definition: row.get(6)?,
                source: row.get(7)?,
            };
            Ok((record, row.get::<_, String>(5)?))
        });
        let rows: Vec<_> =
            rows.and_then(Iterator::collect::<rusqlite::Result<_>>).map_err(self.failed(READING))?;
        let with_inputs = |(record, inputs): (FeatureRecord, String)| {
            Ok(FeatureRecord { inputs: list("inputs", &inputs)?, ..record })
        };
        rows.into_iter().map(with_inputs).collect()
    }

    fn statistics(
        &self,
        connection: &Connection,
        version: &FeatureVersion,
    ) -> Result<Vec<FeatureStatistics>, StoreError> {
        let mut statement = connection
            .prepare_cached(
                "SELECT name, missing, edges, below FROM feature_statistics
                 WHERE data_version = ?1 AND catalogue = ?2 ORDER BY place",
            )
            .map_err(self.failed(READING))?;
        let rows = statement.query_map([&version.data_version, &version.catalogue], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
        });
        let rows: Vec<(String, f64, String, String)> =
            rows.and_then(Iterator::collect::<rusqlite::Result<_>>).map_err(self.failed(READING))?;
        rows.into_iter()
            .map(|(name, missing, edges, below)| {
                let (edges, below) = (list("quantiles", &edges)?, list("quantiles", &below)?);
                Ok(FeatureStatistics { name, missing, edges, below })
            })
            .collect()
    }
}

impl FeatureStore for SqliteStore {
    fn keep_catalogue(&self, catalogue: &FeatureCatalogue) -> Result<(), StoreError> {
        self.write(WRITING, |transaction| {
            let new = transaction
                .execute(
                    "INSERT INTO feature_catalogues VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                    params![catalogue.catalogue, catalogue.recorded_at],
                )
                .map_err(self.failed(WRITING))?;
            if new == 0 {
                return Ok(());
            }
            let mut put = transaction
                .prepare_cached("INSERT INTO features VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
                .map_err(self.failed(WRITING))?;
            for (place, of) in (0i64..).zip(&catalogue.features) {
                let inputs = text("inputs", &of.inputs)?;
                put.execute(params![
                    catalogue.catalogue,
                    place,
                    of.name,
                    of.kind,
                    of.unit,
                    of.window_bars,
                    of.warm_up_bars,
                    inputs,
                    of.definition,
                    of.source,
                ])
                .map_err(self.failed(WRITING))?;
            }
            Ok(())
        })
    }

    fn keep_feature_version(&self, version: &FeatureVersion) -> Result<(), StoreError> {
        let FeatureVersion { data_version, catalogue, interval, made_at, window, rows, statistics } = version;
        self.write(WRITING, |transaction| {
            let run = |sql: &str, parameters: &[&dyn rusqlite::ToSql]| {
                transaction.execute(sql, parameters).map_err(self.failed(WRITING))
            };
            let whole = "INSERT OR REPLACE INTO feature_versions VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
            let [from, until] = window;
            run(
                whole,
                params![data_version, catalogue, interval.as_str(), made_at, from, until, count(*rows)],
            )?;
            let mine = "DELETE FROM feature_statistics WHERE data_version = ?1 AND catalogue = ?2";
            run(mine, params![data_version, catalogue])?;
            for (place, of) in (0i64..).zip(statistics) {
                let (edges, below) = (text("quantiles", &of.edges)?, text("quantiles", &of.below)?);
                let row = "INSERT INTO feature_statistics VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
                run(row, params![data_version, catalogue, place, of.name, of.missing, edges, below])?;
            }
            run(FORGET, params![FEATURE_VERSIONS_MAX as i64])?;
            run(FORGET_STATISTICS, &[]).map(drop)
        })
    }

    fn catalogue(&self, hash: Option<&str>) -> Result<Option<FeatureCatalogue>, StoreError> {
        let connection = self.lock()?;
        let found = connection
            .query_row(
                "SELECT catalogue, recorded_at FROM feature_catalogues WHERE ?1 IS NULL OR catalogue = ?1
                 ORDER BY recorded_at DESC, catalogue LIMIT 1",
                [hash],
                |row| Ok((row.get::<_, String>(0)?, row.get(1)?)),
            )
            .optional()
            .map_err(self.failed(READING))?;
        let Some((catalogue, recorded_at)) = found else { return Ok(None) };
        let features = self.features_of(&connection, &catalogue)?;
        Ok(Some(FeatureCatalogue { catalogue, recorded_at, features }))
    }

    fn feature_version(&self, data_version: Option<&str>) -> Result<Option<FeatureVersion>, StoreError> {
        let connection = self.lock()?;
        let found = connection
            .query_row(
                "SELECT data_version, catalogue, interval, made_at, from_ms, until_ms, row_count FROM feature_versions
                 WHERE ?1 IS NULL OR data_version = ?1 ORDER BY made_at DESC, data_version LIMIT 1",
                [data_version],
                |row| {
                    let named: (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    let times: (i64, [i64; 2], i64) = (row.get(3)?, [row.get(4)?, row.get(5)?], row.get(6)?);
                    Ok((named, times))
                },
            )
            .optional()
            .map_err(self.failed(READING))?;
        let Some(((data_version, catalogue, interval), (made_at, window, rows))) = found else {
            return Ok(None);
        };
        let interval = parsed("interval", &interval)?;
        let rows = u64::try_from(rows).unwrap_or(0);
        let mut version = FeatureVersion {
            data_version,
            catalogue,
            interval,
            made_at,
            window,
            rows,
            statistics: Vec::new(),
        };
        version.statistics = self.statistics(&connection, &version)?;
        Ok(Some(version))
    }
}
