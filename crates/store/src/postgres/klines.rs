//! Klines in PostgreSQL: `float8` columns keep an f64's bits, `NULL` is a missing column.

use std::collections::BTreeMap;

use kline::{BarTime, Interval, Kline, KlineFields, Symbol};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;

use super::fault::Fault;
use super::pool::Session;
use super::{PostgresStore, Repeat};
use crate::{KlineStore, StoreError};

/// Rows of one statement: 8 MB.
const ROWS_AT_ONCE: usize = 100_000;

/// Writes rows only if they are new or differ, so that the count of changes is honest.
const UPSERT: &str = "
    INSERT INTO klines
        (interval, symbol, open_time, open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote)
    SELECT $1, $2, * FROM unnest($3::int8[], $4::float8[], $5::float8[], $6::float8[], $7::float8[], $8::float8[],
        $9::float8[], $10::int8[], $11::float8[], $12::float8[])
    ON CONFLICT (interval, symbol, open_time) DO UPDATE SET
        open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, quote_volume = excluded.quote_volume, trades = excluded.trades,
        taker_base = excluded.taker_base, taker_quote = excluded.taker_quote
    WHERE (klines.open, klines.high, klines.low, klines.close, klines.volume, klines.quote_volume, klines.trades,
            klines.taker_base, klines.taker_quote)
        IS DISTINCT FROM (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume,
            excluded.quote_volume, excluded.trades, excluded.taker_base, excluded.taker_quote)";

const RANGE: &str = "
    SELECT open_time, open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote FROM klines
    WHERE interval = $1 AND symbol = $2 AND open_time BETWEEN $3 AND $4 ORDER BY open_time";

const LATEST: &str = "
    SELECT open_time, open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote FROM klines
    WHERE interval = $1 AND symbol = $2 ORDER BY open_time DESC LIMIT $3";

/// The columns of klines that are written by one statement.
#[derive(Default)]
struct Columns {
    open_time: Vec<i64>,
    prices: [Vec<f64>; 5],
    quote_volume: Vec<Option<f64>>,
    trades: Vec<Option<i64>>,
    taker: [Vec<Option<f64>>; 2],
}

impl Columns {
    fn push(&mut self, kline: &Kline) {
        self.open_time.push(kline.open_time);
        let prices = [kline.open, kline.high, kline.low, kline.close, kline.volume];
        self.prices.iter_mut().zip(prices).for_each(|(column, value)| column.push(value));
        self.quote_volume.push(kline.quote_volume);
        self.trades.push(kline.trades.map(u64::cast_signed));
        let taker = [kline.taker_base, kline.taker_quote];
        self.taker.iter_mut().zip(taker).for_each(|(column, value)| column.push(value));
    }

    async fn write(&self, session: &mut Session, key: (&str, &str)) -> Result<u64, Fault> {
        let statement = session.statement(UPSERT).await?;
        let [open, high, low, close, volume] = &self.prices;
        let [taker_base, taker_quote] = &self.taker;
        let parameters: [&(dyn ToSql + Sync); 12] = [
            &key.0,
            &key.1,
            &self.open_time,
            open,
            high,
            low,
            close,
            volume,
            &self.quote_volume,
            &self.trades,
            taker_base,
            taker_quote,
        ];
        Ok(session.client.execute(&statement, &parameters).await?)
    }
}

impl PostgresStore {
    fn select(
        &self,
        (symbol, interval): (Symbol, Interval),
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Kline>, StoreError> {
        self.read("reading klines", async |session| {
            let statement = session.statement(sql).await?;
            let rows = session.client.query(&statement, parameters).await?;
            let mut klines = Vec::with_capacity(rows.len());
            for row in &rows {
                let fields = fields(row, interval)?;
                let open_time = fields.open_time;
                let kline = Kline::new(interval, fields);
                klines.push(kline.map_err(|source| StoreError::StoredKline { symbol, open_time, source })?);
            }
            Ok(klines)
        })
    }
}

impl KlineStore for PostgresStore {
    fn append(&self, symbol: Symbol, interval: Interval, klines: &[Kline]) -> Result<usize, StoreError> {
        // One statement writes a row once, and always in the order of time, so that two writers can't wait for each
        // other in a circle. Of several klines of one bar the last one stays.
        let sorted: BTreeMap<i64, &Kline> = klines.iter().map(|kline| (kline.open_time, kline)).collect();
        let mut parts = Vec::new();
        for (index, kline) in sorted.values().enumerate() {
            if index % ROWS_AT_ONCE == 0 {
                parts.push(Columns::default());
            }
            if let Some(part) = parts.last_mut() {
                part.push(kline);
            }
        }
        self.write("writing klines", Repeat::Harmless, async |session| {
            let mut changed = 0;
            for part in &parts {
                changed += part.write(session, (interval.as_str(), symbol.as_str())).await?;
            }
            Ok(usize::try_from(changed).unwrap_or(usize::MAX))
        })
    }

    fn range(
        &self,
        symbol: Symbol,
        interval: Interval,
        from: Option<BarTime>,
        until: Option<BarTime>,
    ) -> Result<Vec<Kline>, StoreError> {
        let from = from.map_or(i64::MIN, |bar| bar.open_time(interval));
        let until = until.map_or(i64::MAX, |bar| bar.open_time(interval));
        self.select((symbol, interval), RANGE, &[&interval.as_str(), &symbol.as_str(), &from, &until])
    }

    fn latest(&self, symbol: Symbol, interval: Interval, count: usize) -> Result<Vec<Kline>, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut klines =
            self.select((symbol, interval), LATEST, &[&interval.as_str(), &symbol.as_str(), &count])?;
        klines.reverse();
        Ok(klines)
    }

    fn last_bar(&self, symbol: Symbol, interval: Interval) -> Result<Option<BarTime>, StoreError> {
        self.read("reading the last bar", async |session| {
            let sql = "SELECT max(open_time) FROM klines WHERE interval = $1 AND symbol = $2";
            let statement = session.statement(sql).await?;
            let row = session.client.query_one(&statement, &[&interval.as_str(), &symbol.as_str()]).await?;
            let open_time: Option<i64> = row.try_get(0)?;
            Ok(open_time.and_then(|open_time| BarTime::from_open(open_time, interval)))
        })
    }

    fn symbols(&self, interval: Interval) -> Result<Vec<Symbol>, StoreError> {
        self.read("listing symbols", async |session| {
            // The next symbol each time: as many steps through the index as there are symbols, not as there are klines.
            let sql = r#"WITH RECURSIVE found AS (
                    (SELECT symbol FROM klines WHERE interval = $1 ORDER BY symbol LIMIT 1)
                    UNION ALL
                    SELECT (SELECT k.symbol FROM klines k WHERE k.interval = $1 AND k.symbol > found.symbol
                        ORDER BY k.symbol LIMIT 1)
                    FROM found WHERE found.symbol IS NOT NULL
                ) SELECT symbol FROM found WHERE symbol IS NOT NULL ORDER BY symbol"#;
            let statement = session.statement(sql).await?;
            let rows = session.client.query(&statement, &[&interval.as_str()]).await?;
            rows.iter()
                .map(|row| {
                    let text: String = row.try_get(0)?;
                    Ok(text.parse().map_err(|_| StoreError::StoredText { what: "symbol", text })?)
                })
                .collect()
        })
    }
}

fn fields(row: &Row, interval: Interval) -> Result<KlineFields, tokio_postgres::Error> {
    let open_time: i64 = row.try_get(0)?;
    Ok(KlineFields {
        open_time,
        close_time: open_time.saturating_add(interval.milliseconds() - 1),
        open: row.try_get(1)?,
        high: row.try_get(2)?,
        low: row.try_get(3)?,
        close: row.try_get(4)?,
        volume: row.try_get(5)?,
        quote_volume: row.try_get(6)?,
        trades: row.try_get::<_, Option<i64>>(7)?.map(i64::cast_unsigned),
        taker_base: row.try_get(8)?,
        taker_quote: row.try_get(9)?,
    })
}
