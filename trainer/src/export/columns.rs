//! Columns of a Parquet file, typed, and how they are written.

use std::sync::Arc;

use forecast::Answer;
use parquet::basic::{LogicalType, Repetition, TimeUnit, TimestampType, Type as PhysicalType};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DoubleType, Int32Type, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedColumnWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

type Outcome<T> = std::result::Result<T, ParquetError>;

/// The values of one column of a row group.
#[derive(Debug)]
pub(super) enum Column {
    Text(Vec<ByteArray>),
    Flag(Vec<bool>),
    Small(Vec<i32>),
    Large(Vec<i64>),
    OptionalLarge(Vec<Option<i64>>),
    Number(Vec<f64>),
    OptionalNumber(Vec<Option<f64>>),
    /// A list of numbers a row; an empty one says that there is no such answer.
    Numbers(Numbers),
}

/// Lists of numbers as Parquet has them: the numbers, and for each one whether it begins a row.
#[derive(Debug, Default)]
pub(super) struct Numbers {
    values: Vec<f64>,
    definition: Vec<i16>,
    repetition: Vec<i16>,
}

impl Numbers {
    /// One row more.
    pub(super) fn push(&mut self, answer: Option<&Answer>) {
        let values = answer.map(Answer::as_slice).unwrap_or_default();
        if values.is_empty() {
            self.definition.push(0);
            self.repetition.push(0);
        }
        for (place, value) in values.iter().enumerate() {
            self.values.push(*value);
            self.definition.push(1);
            self.repetition.push(i16::from(place > 0));
        }
    }
}

/// The kinds of columns.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Text,
    Flag,
    Small,
    Large,
    OptionalLarge,
    /// Milliseconds since 1970-01-01, UTC.
    Time,
    Number,
    OptionalNumber,
    Numbers,
}

impl Kind {
    fn field(self, name: &str) -> Outcome<TypePtr> {
        let required = |kind| Type::primitive_type_builder(name, kind).with_repetition(Repetition::REQUIRED);
        let time =
            LogicalType::Timestamp(TimestampType { is_adjusted_to_u_t_c: true, unit: TimeUnit::MILLIS });
        let field = match self {
            Self::Text => {
                required(PhysicalType::BYTE_ARRAY).with_logical_type(Some(LogicalType::String)).build()?
            }
            Self::Flag => required(PhysicalType::BOOLEAN).build()?,
            Self::Small => required(PhysicalType::INT32).build()?,
            Self::Large => required(PhysicalType::INT64).build()?,
            Self::OptionalLarge => {
                required(PhysicalType::INT64).with_repetition(Repetition::OPTIONAL).build()?
            }
            Self::Time => required(PhysicalType::INT64).with_logical_type(Some(time)).build()?,
            Self::Number => required(PhysicalType::DOUBLE).build()?,
            Self::OptionalNumber => {
                required(PhysicalType::DOUBLE).with_repetition(Repetition::OPTIONAL).build()?
            }
            Self::Numbers => list(name)?,
        };
        Ok(Arc::new(field))
    }
}

/// The three levels that Parquet prescribes for a list.
fn list(name: &str) -> Outcome<Type> {
    let element = Type::primitive_type_builder("element", PhysicalType::DOUBLE)
        .with_repetition(Repetition::REQUIRED)
        .build()?;
    let repeated = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(element)])
        .build()?;
    Type::group_type_builder(name)
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::List))
        .with_fields(vec![Arc::new(repeated)])
        .build()
}

/// The schema of columns by name.
pub(super) fn schema<N: AsRef<str>>(fields: &[(N, Kind)]) -> Outcome<TypePtr> {
    let fields = fields.iter().map(|(name, kind)| kind.field(name.as_ref())).collect::<Outcome<_>>()?;
    Ok(Arc::new(Type::group_type_builder("row").with_fields(fields).build()?))
}

/// Writes columns in the order of the schema.
pub(super) fn write(
    group: &mut SerializedRowGroupWriter<'_, std::fs::File>,
    columns: &[Column],
) -> Outcome<()> {
    for column in columns {
        let missing = || ParquetError::General("more columns than the schema has".to_owned());
        let mut writer = group.next_column()?.ok_or_else(missing)?;
        put(&mut writer, column)?;
        writer.close()?;
    }
    Ok(())
}

fn put(writer: &mut SerializedColumnWriter<'_>, column: &Column) -> Outcome<usize> {
    match column {
        Column::Text(values) => writer.typed::<ByteArrayType>().write_batch(values, None, None),
        Column::Flag(values) => writer.typed::<BoolType>().write_batch(values, None, None),
        Column::Small(values) => writer.typed::<Int32Type>().write_batch(values, None, None),
        Column::Large(values) => writer.typed::<Int64Type>().write_batch(values, None, None),
        Column::OptionalLarge(values) => {
            let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let values: Vec<i64> = values.iter().copied().flatten().collect();
            writer.typed::<Int64Type>().write_batch(&values, Some(&levels), None)
        }
        Column::Number(values) => writer.typed::<DoubleType>().write_batch(values, None, None),
        Column::OptionalNumber(values) => {
            let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
            let values: Vec<f64> = values.iter().copied().flatten().collect();
            writer.typed::<DoubleType>().write_batch(&values, Some(&levels), None)
        }
        Column::Numbers(Numbers { values, definition, repetition }) => {
            writer.typed::<DoubleType>().write_batch(values, Some(definition), Some(repetition))
        }
    }
}
