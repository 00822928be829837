//! The ledger of holes in PostgreSQL.

use kline::{BarTime, Interval, Symbol};
use tokio_postgres::types::ToSql;

use super::{PostgresStore, Repeat};
use crate::gaps::{columns, hole};
use crate::{GapStore, Hole, StoreError};

const PUT: &str = "
    INSERT INTO gaps SELECT $1, * FROM
        unnest($2::text[], $3::int8[], $4::int8[], $5::text[], $6::int8[], $7::text[])
    ON CONFLICT (interval, symbol, bar_time) DO UPDATE SET
        noticed_at = excluded.noticed_at, state = excluded.state, settled_at = excluded.settled_at,
        source = excluded.source";

const FORGET: &str = "
    DELETE FROM gaps USING unnest($2::text[], $3::int8[]) AS given (symbol, bar_time)
    WHERE gaps.interval = $1 AND gaps.symbol = given.symbol AND gaps.bar_time = given.bar_time";

const HOLES: &str = "
    SELECT bar_time, noticed_at, state, settled_at, source FROM gaps
    WHERE interval = $1 AND symbol = $2 AND bar_time >= $3 ORDER BY bar_time DESC LIMIT $4";

const FORGET_BEFORE: &str = "DELETE FROM gaps WHERE interval = $1 AND bar_time < $2";

impl GapStore for PostgresStore {
    fn write(
        &self,
        interval: Interval,
        kept: &[Hole],
        forgotten: &[(Symbol, BarTime)],
    ) -> Result<(), StoreError> {
        let interval = interval.as_str();
        let symbols: Vec<&str> = kept.iter().map(|hole| hole.symbol.as_str()).collect();
        let bars: Vec<i64> = kept.iter().map(|hole| hole.bar.milliseconds()).collect();
        let noticed: Vec<i64> = kept.iter().map(|hole| hole.noticed_at_ms).collect();
        let states: Vec<&str> = kept.iter().map(|hole| columns(hole.state).0).collect();
        let settled: Vec<Option<i64>> = kept.iter().map(|hole| columns(hole.state).1).collect();
        let sources: Vec<Option<&str>> = kept.iter().map(|hole| columns(hole.state).2).collect();
        let gone: Vec<&str> = forgotten.iter().map(|(symbol, _)| symbol.as_str()).collect();
        let gone_bars: Vec<i64> = forgotten.iter().map(|(_, bar)| bar.milliseconds()).collect();
        PostgresStore::write(self, "writing the gap ledger", Repeat::Harmless, async |session| {
            if !symbols.is_empty() {
                let put = session.statement(PUT).await?;
                let parameters: [&(dyn ToSql + Sync); 7] =
                    [&interval, &symbols, &bars, &noticed, &states, &settled, &sources];
                session.client.execute(&put, &parameters).await?;
            }
            if !gone.is_empty() {
                let forget = session.statement(FORGET).await?;
                session.client.execute(&forget, &[&interval, &gone, &gone_bars]).await?;
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
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (name, from) = (symbol.as_str(), from.milliseconds());
        self.read("reading the gap ledger", async |session| {
            let statement = session.statement(HOLES).await?;
            let rows = session.client.query(&statement, &[&interval.as_str(), &name, &from, &limit]).await?;
            let mut holes = Vec::with_capacity(rows.len());
            for row in rows.iter().rev() {
                let times = (row.try_get(0)?, row.try_get(1)?);
                let state = (row.try_get(2)?, row.try_get(3)?, row.try_get(4)?);
                holes.push(hole(symbol, interval, times, state)?);
            }
            Ok(holes)
        })
    }

    fn forget_before(&self, interval: Interval, bar: BarTime) -> Result<usize, StoreError> {
        let bar = bar.milliseconds();
        PostgresStore::write(self, "forgetting old gaps", Repeat::Harmless, async |session| {
            let statement = session.statement(FORGET_BEFORE).await?;
            let gone = session.client.execute(&statement, &[&interval.as_str(), &bar]).await?;
            Ok(usize::try_from(gone).unwrap_or(usize::MAX))
        })
    }
}
