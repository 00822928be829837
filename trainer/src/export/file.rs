//! One Parquet file: written beside its place, renamed when it is whole, and known again by its footer.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::TypePtr;

use super::columns::{self, Column};
use crate::{Result, TrainerError};

/// The footer's entries.
const RECORDS: &str = "klinecast.records";
const LAST_NUMBER: &str = "klinecast.last_number";

/// What a file has of the journal: how many records, and the highest number in the chain among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stamp {
    pub(super) records: u64,
    pub(super) last_number: i64,
}

/// A file that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    pub(super) stamp: Stamp,
    pub(super) rows: u64,
    pub(super) bytes: u64,
}

/// What a file says of itself; `None` if it is not there, damaged, or not one of ours: it is written again.
pub(super) fn known(path: &Path) -> Option<Known> {
    let file = File::open(path).ok()?;
    let bytes = file.metadata().ok()?.len();
    let reader = SerializedFileReader::new(file).ok()?;
    let footer = reader.metadata().file_metadata();
    let entry = |key: &str| {
        let entries = footer.key_value_metadata()?;
        entries.iter().find(|entry| entry.key == key)?.value.clone()
    };
    let stamp =
        Stamp { records: entry(RECORDS)?.parse().ok()?, last_number: entry(LAST_NUMBER)?.parse().ok()? };
    Some(Known { stamp, rows: u64::try_from(footer.num_rows()).ok()?, bytes })
}

/// A file that is being written.
pub(super) struct TableFile {
    path: PathBuf,
    partial: PathBuf,
    writer: SerializedFileWriter<File>,
    stamp: Stamp,
}

impl TableFile {
    pub(super) fn create(path: &Path, schema: TypePtr) -> Result<Self> {
        let partial = path.with_extension("parquet.partial");
        let file = File::create(&partial).map_err(|error| unwritten(&partial, error))?;
        let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
        let writer = SerializedFileWriter::new(file, schema, Arc::new(properties));
        let writer = writer.map_err(|source| TrainerError::Parquet { path: partial.clone(), source })?;
        Ok(Self { path: path.to_owned(), partial, writer, stamp: Stamp::default() })
    }

    /// Writes the rows of some records as a row group of their own.
    pub(super) fn add(&mut self, columns: &[Column], stamp: Stamp) -> Result<()> {
        let written = self.writer.next_row_group().and_then(|mut group| {
            columns::write(&mut group, columns)?;
            group.close()
        });
        written.map_err(|source| TrainerError::Parquet { path: self.partial.clone(), source })?;
        self.stamp.records += stamp.records;
        self.stamp.last_number = self.stamp.last_number.max(stamp.last_number);
        Ok(())
    }

    /// How many records it has by now.
    pub(super) const fn records(&self) -> u64 {
        self.stamp.records
    }

    /// Ends the file, on the disk, and puts it in its place.
    pub(super) fn finish(self) -> Result<Known> {
        let Self { path, partial, mut writer, stamp } = self;
        for (key, value) in
            [(RECORDS, stamp.records.to_string()), (LAST_NUMBER, stamp.last_number.to_string())]
        {
            writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let footer =
            writer.finish().map_err(|source| TrainerError::Parquet { path: partial.clone(), source })?;
        let rows = u64::try_from(footer.file_metadata().num_rows()).unwrap_or_default();
        let synced = writer.inner().sync_all().and_then(|()| std::fs::rename(&partial, &path));
        synced.map_err(|error| unwritten(&path, error))?;
        // The name, too, is to outlive a loss of power: what is exported may be dropped.
        let folder = path.parent().unwrap_or(Path::new("."));
        let named = File::open(folder).and_then(|folder| folder.sync_all());
        named.map_err(|error| unwritten(folder, error))?;
        let bytes = std::fs::metadata(&path).map_err(|error| unwritten(&path, error))?.len();
        Ok(Known { stamp, rows, bytes })
    }
}

fn unwritten(path: &Path, source: std::io::Error) -> TrainerError {
    TrainerError::Io { path: path.to_owned(), act: "written", source }
}
