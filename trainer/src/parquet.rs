//! Rows and outcomes as a Parquet file, for any other tool.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use features::Catalogue;
use forecast::Task;
use parquet::basic::{Compression, LogicalType, Repetition, Type as PhysicalType};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{PrimitiveTypeBuilder, Type};

use crate::dataset::Dataset;
use crate::{Result, TrainerError};

/// Rows of one row group.
const GROUP_ROWS: usize = 65_536;

/// Writes one row a symbol and bar: `symbol`, `bar_time` (Unix milliseconds of the bar's last millisecond), every
/// feature by its name (NaN is missing), every task's outcome as `outcome_NAME`.
///
/// # Errors
/// [`TrainerError::Io`] or [`TrainerError::Parquet`].
pub(crate) fn write(dataset: &Dataset, path: &Path) -> Result<()> {
    let file = File::create(path).map_err(|source| TrainerError::Io {
        path: path.to_owned(),
        act: "written",
        source,
    })?;
    write_to(dataset, file).map_err(|source| TrainerError::Parquet { path: path.to_owned(), source })
}

fn write_to(dataset: &Dataset, file: File) -> std::result::Result<(), ParquetError> {
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    let mut writer = SerializedFileWriter::new(file, Arc::new(schema()?), Arc::new(properties))?;
    let mut start = 0;
    while start < dataset.len() {
        let end = dataset.len().min(start + GROUP_ROWS);
        let keys = dataset.keys(start..end);
        let mut group = writer.next_row_group()?;
        let symbols: Vec<ByteArray> =
            keys.iter().map(|key| dataset.symbols[usize::from(key.symbol)].as_str().into()).collect();
        if let Some(mut column) = group.next_column()? {
            column.typed::<ByteArrayType>().write_batch(&symbols, None, None)?;
            column.close()?;
        }
        let bars: Vec<i64> = keys.iter().map(|key| key.bar.milliseconds()).collect();
        if let Some(mut column) = group.next_column()? {
            column.typed::<Int64Type>().write_batch(&bars, None, None)?;
            column.close()?;
        }
        let values = dataset.values(start..end);
        let features = (0..dataset.width())
            .map(|at| values.iter().skip(at).step_by(dataset.width()).copied().collect::<Vec<f64>>());
        let outcomes = dataset.outcomes(start..end);
        let outcomes =
            Task::ALL.into_iter().map(|task| outcomes.iter().map(|row| row[task.index()]).collect());
        for numbers in features.chain(outcomes) {
            if let Some(mut column) = group.next_column()? {
                column.typed::<DoubleType>().write_batch(&numbers, None, None)?;
                column.close()?;
            }
        }
        group.close()?;
        start = end;
    }
    writer.close().map(drop)
}

fn schema() -> std::result::Result<Type, ParquetError> {
    let mut fields = vec![
        required("symbol", PhysicalType::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)).build()?,
        required("bar_time", PhysicalType::INT64).build()?,
    ];
    for name in Catalogue::standard().names() {
        fields.push(required(name, PhysicalType::DOUBLE).build()?);
    }
    for task in Task::ALL {
        fields.push(required(&format!("outcome_{task}"), PhysicalType::DOUBLE).build()?);
    }
    Type::group_type_builder("row").with_fields(fields.into_iter().map(Arc::new).collect()).build()
}

fn required(name: &str, kind: PhysicalType) -> PrimitiveTypeBuilder<'_> {
    Type::primitive_type_builder(name, kind).with_repetition(Repetition::REQUIRED)
}
