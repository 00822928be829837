//! Klines in SQLite: `REAL` columns keep an f64's bits, `NULL` is a missing column.

use kline::{BarTime, Interval, Kline, KlineFields, Symbol};
use rusqlite::{Row, params};

use super::SqliteStore;
use crate::{KlineStore, StoreError};

const COLUMNS: &str =
    "open_time, open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote";

impl SqliteStore {
    fn select(
        &self,
        symbol: Symbol,
        interval: Interval,
        clause: &str,
        parameters: &[&dyn rusqlite::ToSql],
    ) -> Result<Vec<Kline>, StoreError> {
        let connection = self.lock()?;
        let mut statement = connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM klines WHERE {clause}"))
            .map_err(self.failed("reading klines"))?;
        let mut rows = statement.query(parameters).map_err(self.failed("reading klines"))?;
        let mut klines = Vec::new();
        while let Some(row) = rows.next().map_err(self.failed("reading klines"))? {
            let fields = fields(row, interval).map_err(self.failed("reading klines"))?;
            let open_time = fields.open_time;
            klines.push(Kline::new(interval, fields).map_err(|source| StoreError::StoredKline {
                symbol,
                open_time,
                source,
            })?);
        }
        Ok(klines)
    }
}

impl KlineStore for SqliteStore {
    fn append(&self, symbol: Symbol, interval: Interval, klines: &[Kline]) -> Result<usize, StoreError> {
        let action = "writing klines";
        self.write(action, |transaction| {
            let mut statement = transaction.prepare_cached(UPSERT).map_err(self.failed(action))?;
            let mut changed = 0;
            for kline in klines {
                let trades = kline.trades.map(u64::cast_signed);
                changed += statement
                    .execute(params![
                        symbol.as_str(),
                        interval.as_str(),
                        kline.open_time,
                        kline.open,
                        kline.high,
                        kline.low,
                        kline.close,
                        kline.volume,
                        kline.quote_volume,
                        trades,
                        kline.taker_base,
                        kline.taker_quote,
                    ])
                    .map_err(self.failed(action))?;
            }
            Ok(changed)
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
        self.select(
            symbol,
            interval,
            "interval = ?1 AND symbol = ?2 AND open_time BETWEEN ?3 AND ?4 ORDER BY open_time",
            &[&interval.as_str(), &symbol.as_str(), &from, &until],
        )
    }

    fn latest(&self, symbol: Symbol, interval: Interval, count: usize) -> Result<Vec<Kline>, StoreError> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let mut klines = self.select(
            symbol,
            interval,
            "interval = ?1 AND symbol = ?2 ORDER BY open_time DESC LIMIT ?3",
            &[&interval.as_str(), &symbol.as_str(), &count],
        )?;
        klines.reverse();
        Ok(klines)
    }

    fn last_bar(&self, symbol: Symbol, interval: Interval) -> Result<Option<BarTime>, StoreError> {
        let connection = self.lock()?;
        let open_time: Option<i64> = connection
            .query_row(
                "SELECT max(open_time) FROM klines WHERE interval = ?1 AND symbol = ?2",
                params![interval.as_str(), symbol.as_str()],
                |row| row.get(0),
            )
            .map_err(self.failed("reading the last bar"))?;
        Ok(open_time.and_then(|open_time| BarTime::from_open(open_time, interval)))
    }

    fn symbols(&self, interval: Interval) -> Result<Vec<Symbol>, StoreError> {
        let action = "listing symbols";
        let connection = self.lock()?;
        let mut statement = connection
            .prepare_cached("SELECT DISTINCT symbol FROM klines WHERE interval = ?1 ORDER BY symbol")
            .map_err(self.failed(action))?;
        let names = statement
            .query_map([interval.as_str()], |row| row.get::<_, String>(0))
            .and_then(Iterator::collect::<Result<Vec<String>, _>>)
            .map_err(self.failed(action))?;
        names
            .into_iter()
            .map(|text| text.parse().map_err(|_| StoreError::StoredText { what: "symbol", text }))
            .collect()
    }
}

/// Writes a row only if it is new or differs, so that the count of changes is honest.
const UPSERT: &str = "
    INSERT INTO klines
        (symbol, interval, open_time, open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
    ON CONFLICT DO UPDATE SET
        open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
        volume = excluded.volume, quote_volume = excluded.quote_volume, trades = excluded.trades,
        taker_base = excluded.taker_base, taker_quote = excluded.taker_quote
    WHERE (open, high, low, close, volume, quote_volume, trades, taker_base, taker_quote) IS NOT
        (excluded.open, excluded.high, excluded.low, excluded.close, excluded.volume, excluded.quote_volume,
         excluded.trades, excluded.taker_base, excluded.taker_quote)";

fn fields(row: &Row<'_>, interval: Interval) -> rusqlite::Result<KlineFields> {
    let open_time: i64 = row.get(0)?;
    Ok(KlineFields {
        open_time,
        close_time: open_time.saturating_add(interval.milliseconds() - 1),
        open: row.get(1)?,
        high: row.get(2)?,
        low: row.get(3)?,
        close: row.get(4)?,
        volume: row.get(5)?,
        quote_volume: row.get(6)?,
        trades: row.get::<_, Option<i64>>(7)?.map(i64::cast_unsigned),
        taker_base: row.get(8)?,
        taker_quote: row.get(9)?,
    })
}
