//! Klines as Parquet files, one a market: `BTCUSDT-15m.parquet`. Reading one back gives the same bits.

mod pages;

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::{UnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use kline::{Interval, Kline, KlineFields, Symbol};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, TimestampType, Type as PhysicalType};
use parquet::column::reader::get_typed_column_reader;
use parquet::data_type::{DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader, SerializedFileReader};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::Type;

use crate::{Result, TrainerError};

/// Rows of one row group.
const GROUP_ROWS: usize = 65_536;

/// The columns, each with its kind and whether a value may be missing.
const COLUMNS: [(&str, Kind, bool); 10] = [
    ("open_time", Kind::Time, false),
    ("open", Kind::Number, false),
    ("high", Kind::Number, false),
    ("low", Kind::Number, false),
    ("close", Kind::Number, false),
    ("volume", Kind::Number, false),
    ("quote_volume", Kind::Number, true),
    ("trades", Kind::Count, true),
    ("taker_base", Kind::Number, true),
    ("taker_quote", Kind::Number, true),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Milliseconds since 1970-01-01, UTC.
    Time,
    Number,
    Count,
}

impl Kind {
    const fn physical(self) -> PhysicalType {
        match self {
            Self::Time | Self::Count => PhysicalType::INT64,
            Self::Number => PhysicalType::DOUBLE,
        }
    }
}

/// The name of a market's file.
#[must_use]
pub(crate) fn file_name(symbol: Symbol, interval: Interval) -> String {
    format!("{symbol}-{interval}.parquet")
}

/// A market's klines as a file's bytes; the same klines give the same bytes.
///
/// # Errors
/// [`TrainerError::Parquet`].
pub(crate) fn to_bytes(klines: &[Kline], path: &Path) -> Result<Vec<u8>> {
    encode(klines).map_err(|source| TrainerError::Parquet { path: path.to_owned(), source })
}

fn encode(klines: &[Kline]) -> std::result::Result<Vec<u8>, ParquetError> {
    let properties = Arc::new(WriterProperties::builder().set_compression(Compression::SNAPPY).build());
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, Arc::new(schema()?), properties)?;
    for part in klines.chunks(GROUP_ROWS) {
        let mut group = writer.next_row_group()?;
        let all = |value: fn(&Kline) -> f64| part.iter().map(|kline| Some(value(kline))).collect::<Vec<_>>();
        let some = |value: fn(&Kline) -> Option<f64>| part.iter().map(value).collect::<Vec<_>>();
        let times: Vec<Option<i64>> = part.iter().map(|kline| Some(kline.open_time)).collect();
        put::<Int64Type>(&mut group, &times, false)?;
        for values in [all(|k| k.open), all(|k| k.high), all(|k| k.low), all(|k| k.close), all(|k| k.volume)]
        {
            put::<DoubleType>(&mut group, &values, false)?;
        }
        put::<DoubleType>(&mut group, &some(|k| k.quote_volume), true)?;
        let trades: Vec<Option<i64>> = part.iter().map(|kline| kline.trades.map(u64::cast_signed)).collect();
        put::<Int64Type>(&mut group, &trades, true)?;
        put::<DoubleType>(&mut group, &some(|k| k.taker_base), true)?;
        put::<DoubleType>(&mut group, &some(|k| k.taker_quote), true)?;
        group.close()?;
    }
    writer.close()?;
    Ok(bytes)
}

fn put<D: DataType>(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: &[Option<D::T>],
    optional: bool,
) -> std::result::Result<(), ParquetError> {
    let missing = || ParquetError::General("more columns than the schema has".to_owned());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let there: Vec<D::T> = values.iter().flatten().cloned().collect();
    column.typed::<D>().write_batch(&there, optional.then_some(levels.as_slice()), None)?;
    column.close()
}

fn schema() -> std::result::Result<Type, ParquetError> {
    let time = LogicalType::Timestamp(TimestampType { is_adjusted_to_u_t_c: true, unit: TimeUnit::MILLIS });
    let field = |(name, kind, optional): (&str, Kind, bool)| {
        let repetition = if optional { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let builder = Type::primitive_type_builder(name, kind.physical()).with_repetition(repetition);
        let logical = (kind == Kind::Time).then(|| time.clone());
        Ok(Arc::new(builder.with_logical_type(logical).build()?))
    };
    let fields = COLUMNS.into_iter().map(field).collect::<std::result::Result<_, ParquetError>>()?;
    Type::group_type_builder("kline").with_fields(fields).build()
}

/// Every such file of `interval` in a folder, by symbol; files of other names are left alone.
///
/// # Errors
/// When the folder or a file can't be read, or a file is no file of klines.
pub(crate) fn read_folder(folder: &Path, interval: Interval) -> Result<BTreeMap<Symbol, Vec<Kline>>> {
    let failed = |source| TrainerError::Io { path: folder.to_owned(), act: "read", source };
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        if let Some(symbol) = name.and_then(|name| symbol_of(name, interval)) {
            found.insert(symbol, read_file(&path, interval)?);
        }
    }
    Ok(found)
}

/// The file's market, by the name that [`file_name`] gives.
#[must_use]
pub(crate) fn symbol_of(name: &str, interval: Interval) -> Option<Symbol> {
    name.strip_suffix(&format!("-{interval}.parquet"))?.parse().ok()
}

fn read_file(path: &Path, interval: Interval) -> Result<Vec<Kline>> {
    let file =
        File::open(path).map_err(|source| TrainerError::Io { path: path.to_owned(), act: "read", source })?;
    from(file, path, interval)
}

/// The klines of a file's bytes; errors call it by `path`.
///
/// # Errors
/// When it is no file of klines.
pub(crate) fn from_bytes(bytes: Vec<u8>, path: &Path, interval: Interval) -> Result<Vec<Kline>> {
    from(Bytes::from(bytes), path, interval)
}

fn from(
    file: impl ChunkReader + UnwindSafe + 'static,
    path: &Path,
    interval: Interval,
) -> Result<Vec<Kline>> {
    // The library asserts what a damaged file need not keep.
    let rows = catch_unwind(|| read_rows(file)).unwrap_or_else(|_| Err(contradiction()));
    let malformed = |problem: String| TrainerError::KlineFile { path: PathBuf::from(path), problem };
    let rows = rows.map_err(|error| malformed(error.to_string()))?;
    let mut klines: Vec<Kline> = Vec::with_capacity(rows.len());
    for mut fields in rows {
        fields.close_time = fields.open_time.saturating_add(interval.milliseconds() - 1);
        let kline = Kline::new(interval, fields).map_err(|error| malformed(error.to_string()))?;
        if klines.last().is_some_and(|last| last.open_time >= kline.open_time) {
            return Err(malformed(format!("open time {} is out of order", kline.open_time)));
        }
        klines.push(kline);
    }
    Ok(klines)
}

fn contradiction() -> ParquetError {
    ParquetError::General("it contradicts itself: it is damaged".to_owned())
}

fn read_rows(file: impl ChunkReader + 'static) -> std::result::Result<Vec<KlineFields>, ParquetError> {
    let footer = ParquetMetaDataReader::new().parse_and_finish(&file)?;
    require_sizes(footer.row_groups(), file.len())?;
    for group in footer.row_groups() {
        for column in group.columns() {
            let (start, size) = column.byte_range();
            let size = usize::try_from(size).map_err(|_| contradiction())?;
            pages::require_pages(&file.get_bytes(start, size)?, group.num_rows().unsigned_abs())?;
        }
    }
    decode(&SerializedFileReader::new(file)?)
}

/// What a footer claims is believed only as far as the file can hold it: columns lie inside, and no row takes less than a byte.
fn require_sizes(groups: &[RowGroupMetaData], length: u64) -> std::result::Result<(), ParquetError> {
    let mut left = length;
    for group in groups {
        let rows = u64::try_from(group.num_rows()).map_err(|_| contradiction())?;
        left = left.checked_sub(rows).ok_or_else(|| more_than_it_holds(rows, length))?;
        for column in group.columns() {
            let start = column.dictionary_page_offset().unwrap_or_else(|| column.data_page_offset());
            let size = u64::try_from(column.compressed_size()).map_err(|_| contradiction())?;
            let end = u64::try_from(start).ok().and_then(|start| start.checked_add(size));
            if end.is_none_or(|end| end > length) || column.num_values() != group.num_rows() {
                return Err(contradiction());
            }
        }
    }
    Ok(())
}

fn more_than_it_holds(rows: u64, length: u64) -> ParquetError {
    ParquetError::General(format!(
        "it claims {rows} rows, more than its {length} bytes can hold: it is damaged"
    ))
}

fn decode<R: ChunkReader + 'static>(
    reader: &SerializedFileReader<R>,
) -> std::result::Result<Vec<KlineFields>, ParquetError> {
    let schema = reader.metadata().file_metadata().schema_descr();
    let fits = schema.num_columns() == COLUMNS.len()
        && COLUMNS.iter().enumerate().all(|(at, (name, kind, optional))| {
            let column = schema.column(at);
            column.name() == *name
                && column.physical_type() == kind.physical()
                && column.max_def_level() == i16::from(*optional)
                && column.max_rep_level() == 0
        });
    if !fits {
        let names: Vec<&str> = COLUMNS.iter().map(|(name, ..)| *name).collect();
        return Err(ParquetError::General(format!("it has other columns than {}", names.join(", "))));
    }
    let mut found = Vec::new();
    for at in 0..reader.num_row_groups() {
        let group = reader.get_row_group(at)?;
        let number = |column| values::<DoubleType>(&*group, column);
        let (times, trades) = (values::<Int64Type>(&*group, 0)?, values::<Int64Type>(&*group, 7)?);
        let [open, high, low, close, volume] = [number(1)?, number(2)?, number(3)?, number(4)?, number(5)?];
        let [quote_volume, taker_base, taker_quote] = [number(6)?, number(8)?, number(9)?];
        let missing = || ParquetError::General("a column is shorter than the others".to_owned());
        for (row, time) in times.iter().enumerate() {
            let there = |column: &[Option<f64>]| column.get(row).copied().flatten().ok_or_else(missing);
            found.push(KlineFields {
                open_time: time.ok_or_else(missing)?,
                close_time: 0,
                open: there(&open)?,
                high: there(&high)?,
                low: there(&low)?,
                close: there(&close)?,
                volume: there(&volume)?,
                quote_volume: quote_volume.get(row).copied().flatten(),
                trades: trades.get(row).copied().flatten().map(i64::cast_unsigned),
                taker_base: taker_base.get(row).copied().flatten(),
                taker_quote: taker_quote.get(row).copied().flatten(),
            });
        }
    }
    Ok(found)
}

/// A column of a row group, whose type was looked at before.
fn values<D: DataType>(
    group: &dyn RowGroupReader,
    column: usize,
) -> std::result::Result<Vec<Option<D::T>>, ParquetError> {
    let rows = usize::try_from(group.metadata().num_rows()).unwrap_or(0);
    let mut reader = get_typed_column_reader::<D>(group.get_column_reader(column)?);
    let (mut there, mut levels) = (Vec::new(), Vec::new());
    let optional = COLUMNS[column].2;
    let mut read = 0;
    while read < rows {
        // Room is made for what is asked for, be it there or not.
        let wanted = (rows - read).min(GROUP_ROWS);
        let (records, ..) = reader.read_records(wanted, optional.then_some(&mut levels), None, &mut there)?;
        if records == 0 {
            break;
        }
        read += records;
    }
    if read < rows {
        return Err(contradiction());
    }
    if !optional {
        return Ok(there.into_iter().map(Some).collect());
    }
    let mut there = there.into_iter();
    Ok(levels.into_iter().map(|level| if level == 1 { there.next() } else { None }).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const STEP: Interval = Interval::M15;

    fn kline() -> impl Strategy<Value = KlineFields> {
        let optional = || prop::option::of(0.0f64..1.0);
        let trades = prop::option::of(0u64..1_000_000);
        (1.0f64..1e5, 1.0f64..1e6, optional(), trades, optional(), optional()).prop_map(
            |(price, volume, quote, trades, base, taker)| KlineFields {
                high: price * 1.01,
                low: price * 0.99,
                volume,
                quote_volume: quote.map(|share| share * 1e9 + 1e6),
                trades,
                taker_base: base.map(|share| share * volume),
                taker_quote: taker.map(|share| share * 1e5),
                ..KlineFields::flat(0, price)
            },
        )
    }

    proptest! {
        #[test]
        fn klines_come_back_with_their_bits(fields in prop::collection::vec(kline(), 0..200)) {
            let folder = tempfile::tempdir().expect("a folder");
            let mut klines = Vec::new();
            for (at, fields) in fields.into_iter().enumerate() {
                let open_time = at as i64 * STEP.milliseconds();
                let close_time = open_time + STEP.milliseconds() - 1;
                klines.push(Kline::new(STEP, KlineFields { open_time, close_time, ..fields }).expect("valid"));
            }
            let symbol: Symbol = "BTCUSDT".parse().expect("a symbol");
            let path = folder.path().join(file_name(symbol, STEP));
            let bytes = to_bytes(&klines, &path).expect("bytes");
            prop_assert_eq!(&bytes, &to_bytes(&klines, &path).expect("bytes"));
            std::fs::write(&path, bytes).expect("written");
            let back = read_folder(folder.path(), STEP).expect("klines");
            prop_assert_eq!(back[&symbol].len(), klines.len());
            prop_assert!(back[&symbol].iter().zip(&klines).all(|(a, b)| a.same_bits(b)));
        }
    }

    /// Every byte, one after the other: the lengths and places of a file's footer lie anywhere in it.
    #[test]
    fn a_damaged_file_is_named_and_nothing_panics() {
        let folder = tempfile::tempdir().expect("a folder");
        let kline = |at: i64| Kline::new(STEP, KlineFields::flat(at * 900_000, 2.5)).expect("valid");
        let klines: Vec<Kline> = (0..20).map(kline).collect();
        let path = folder.path().join("BTCUSDT-15m.parquet");
        let sound = to_bytes(&klines, &path).expect("bytes");
        let mut refused = 0;
        for place in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[place] ^= [1, 0x80, 151][place % 3];
            std::fs::write(&path, &bytes).expect("written");
            if let Err(error) = read_folder(folder.path(), STEP) {
                assert!(error.to_string().contains("BTCUSDT-15m.parquet"), "{error}");
                refused += 1;
            }
        }
        assert!(refused > sound.len() / 2, "{refused} of {}", sound.len());
    }
}
