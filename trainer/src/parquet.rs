//! Tables as Parquet files, for any other tool.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use features::Catalogue;
use forecast::Task;
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, TimestampType, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};

use crate::dataset::Dataset;
use crate::{Result, TrainerError};

/// Rows of one row group.
const GROUP_ROWS: usize = 65_536;

/// What a column holds. No value is absent; a missing number is NaN.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Text,
    Whole,
    /// Milliseconds since 1970-01-01, UTC.
    Time,
    Number,
}

/// A column's name and what it holds.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    name: String,
    kind: Kind,
}

/// Some rows of a column.
#[derive(Debug)]
pub(crate) enum Cells {
    Texts(Vec<String>),
    /// Of whole numbers and of times.
    Whole(Vec<i64>),
    Numbers(Vec<f64>),
}

impl Column {
    pub(crate) fn new(name: impl Into<String>, kind: Kind) -> Self {
        Self { name: name.into(), kind }
    }

    fn field(&self) -> std::result::Result<TypePtr, ParquetError> {
        let time = TimestampType { is_adjusted_to_u_t_c: true, unit: TimeUnit::MILLIS };
        let (physical, logical) = match self.kind {
            Kind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Whole => (PhysicalType::INT64, None),
            Kind::Time => (PhysicalType::INT64, Some(LogicalType::Timestamp(time))),
            Kind::Number => (PhysicalType::DOUBLE, None),
        };
        let builder = Type::primitive_type_builder(&self.name, physical);
        builder.with_repetition(Repetition::REQUIRED).with_logical_type(logical).build().map(Arc::new)
    }
}

/// Writes one row a symbol and bar: `symbol`, `bar_time` (Unix milliseconds of the bar's last millisecond), every
/// feature by its name (NaN is missing), every task's outcome as `outcome_NAME`.
///
/// # Errors
/// [`TrainerError::Io`] or [`TrainerError::Parquet`].
pub(crate) fn write(dataset: &Dataset, path: &Path) -> Result<()> {
    let mut columns = vec![Column::new("symbol", Kind::Text), Column::new("bar_time", Kind::Whole)];
    columns.extend(numbers(dataset));
    write_sheet(path, &columns, dataset.len(), |column, rows| match column {
        0 => Cells::Texts(rows.map(|row| dataset.symbol(row).as_str().to_owned()).collect()),
        1 => Cells::Whole(rows.map(|row| dataset.key(row).bar.milliseconds()).collect()),
        _ => Cells::Numbers(rows.map(|row| number(dataset, row, column - 2)).collect()),
    })
}

/// The columns of numbers: every feature, every task's outcome.
pub(crate) fn numbers(dataset: &Dataset) -> impl Iterator<Item = Column> {
    debug_assert_eq!(dataset.width(), Catalogue::standard().len());
    let outcomes = Task::ALL.into_iter().map(|task| format!("outcome_{task}"));
    let names = Catalogue::standard().names().map(str::to_owned).chain(outcomes);
    names.map(|name| Column::new(name, Kind::Number))
}

/// A row's number in one of [`numbers`].
pub(crate) fn number(dataset: &Dataset, row: usize, column: usize) -> f64 {
    match column.checked_sub(dataset.width()) {
        None => dataset.row(row)[column],
        Some(task) => dataset.outcomes(row..row + 1)[0][Task::ALL[task].index()],
    }
}

/// Writes a table, some rows of one column after the other: `cells` answers them by the column's place and the rows.
///
/// # Errors
/// [`TrainerError::Io`] or [`TrainerError::Parquet`].
pub(crate) fn write_sheet(
    path: &Path,
    columns: &[Column],
    rows: usize,
    cells: impl Fn(usize, Range<usize>) -> Cells,
) -> Result<()> {
    let file = File::create(path).map_err(|source| TrainerError::Io {
        path: path.to_owned(),
        act: "written",
        source,
    })?;
    write_to(file, columns, rows, cells)
        .map_err(|source| TrainerError::Parquet { path: path.to_owned(), source })
}

fn write_to(
    file: File,
    columns: &[Column],
    rows: usize,
    cells: impl Fn(usize, Range<usize>) -> Cells,
) -> std::result::Result<(), ParquetError> {
    let fields = columns.iter().map(Column::field).collect::<std::result::Result<Vec<_>, _>>()?;
    let schema = Type::group_type_builder("row").with_fields(fields).build()?;
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
    let mut start = 0;
    while start < rows {
        let end = rows.min(start + GROUP_ROWS);
        let mut group = writer.next_row_group()?;
        let mut place = 0;
        while let Some(mut column) = group.next_column()? {
            match cells(place, start..end) {
                Cells::Texts(texts) => {
                    let texts: Vec<ByteArray> = texts.iter().map(|text| text.as_str().into()).collect();
                    column.typed::<ByteArrayType>().write_batch(&texts, None, None)?;
                }
                Cells::Whole(values) => {
                    column.typed::<Int64Type>().write_batch(&values, None, None)?;
                }
                Cells::Numbers(values) => {
                    column.typed::<DoubleType>().write_batch(&values, None, None)?;
                }
            }
            column.close()?;
            place += 1;
        }
        group.close()?;
        start = end;
    }
    writer.close().map(drop)
}
