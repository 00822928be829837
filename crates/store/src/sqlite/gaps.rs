//! The ledger of holes in SQLite.

use kline::{BarTime, Interval, Symbol};
use rusqlite::params;

use super::SqliteStore;
use crate::gaps::{columns, hole};
use crate::{GapStore, Hole, StoreError};

impl GapStore for SqliteStore {
    fn write(
        &self,
        interval: Interval,
        kept: &[Hole],
        forgotten: &[(Symbol, BarTime)],
    ) -> Result<(), StoreError> {
        let action = "writing the gap ledger";
        self.write(action, |transaction| {
            let mut put = transaction
                .prepare_cached("INSERT OR REPLACE INTO gaps VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
                .map_err(self.failed(action))?;
            for hole in kept {
                let (state, settled_at, source) = columns(hole.state);
                put.execute(params![
                    interval.as_str(),
                    hole.symbol.as_str(),
                    hole.bar.milliseconds(),
                    hole.noticed_at_ms,
                    state,
                    settled_at,
                    source,
                ])
                .map_err(self.failed(action))?;
            }
            let mut forget = transaction
                .prepare_cached("DELETE FROM gaps WHERE interval = ?1 AND symbol = ?2 AND bar_time = ?3")
                .map_err(self.failed(action))?;
            for (symbol, bar) in forgotten {
                forget
                    .execute(params![interval.as_str(), symbol.as_str(), bar.milliseconds()])
                    .map_err(self.failed(action))?;
            }
            Ok(())
        })
    }

    fn holes(
        &self,
        symbol: Symbol,
        interval: Interval,
        from: BarTime,
        limit: usize,
    ) -> Result<Vec<Hole>, StoreError> {
        let action = "reading the gap ledger";
        let connection = self.lock()?;
        let mut statement = connection
            .prepare_cached(
                "SELECT bar_time, noticed_at, state, settled_at, source FROM gaps
                 WHERE interval = ?1 AND symbol = ?2 AND bar_time >= ?3 ORDER BY bar_time DESC LIMIT ?4",
            )
            .map_err(self.failed(action))?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement
            .query(params![interval.as_str(), symbol.as_str(), from.milliseconds(), limit])
            .map_err(self.failed(action))?;
        let mut holes = Vec::new();
        while let Some(row) = rows.next().map_err(self.failed(action))? {
            let read = || -> rusqlite::Result<_> {
                let times: (i64, i64) = (row.get(0)?, row.get(1)?);
                let state: (String, Option<i64>, Option<String>) = (row.get(2)?, row.get(3)?, row.get(4)?);
                Ok((times, state))
            };
            let (times, (state, settled_at, source)) = read().map_err(self.failed(action))?;
            holes.push(hole(symbol, interval, times, (&state, settled_at, source.as_deref()))?);
        }
        holes.reverse();
        Ok(holes)
    }

    fn forget_before(&self, interval: Interval, bar: BarTime) -> Result<usize, StoreError> {
        let action = "forgetting old gaps";
        self.write(action, |transaction| {
            transaction
                .execute(
                    "DELETE FROM gaps WHERE interval = ?1 AND bar_time < ?2",
                    params![interval.as_str(), bar.milliseconds()],
                )
                .map_err(self.failed(action))
        })
    }
}
