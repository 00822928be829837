//! Feature rows in a file that has no name and vanishes with the program: they take the disk's place, and of the memory only
//! what is being read. Years of many symbols would take gigabytes beside what the libraries make of them.

use std::fs::File;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::path::Path;
use std::slice;

use memmap2::{Mmap, UncheckedAdvice};

use crate::{Result, TrainerError};

const VALUE_BYTES: usize = size_of::<f64>();

/// Rows that are being written, one after another.
pub(super) struct TableWriter {
    file: BufWriter<File>,
    rows: usize,
    width: usize,
    row: Vec<u8>,
    fault: Option<io::Error>,
}

/// Rows of so many numbers each, to be read at any place.
#[derive(Debug)]
pub(super) struct Table {
    file: File,
    /// Nothing of a file without rows.
    map: Option<Mmap>,
    width: usize,
}

impl TableWriter {
    /// Of a table in a folder, which is made if there is none.
    ///
    /// # Errors
    /// When the folder can't be written to.
    pub(super) fn new(folder: &Path, width: usize) -> Result<Self> {
        let file = std::fs::create_dir_all(folder).and_then(|()| tempfile::tempfile_in(folder));
        let file = file.map_err(|source| fault(folder, 0, source))?;
        Ok(Self {
            file: BufWriter::with_capacity(1 << 20, file),
            rows: 0,
            width,
            row: Vec::new(),
            fault: None,
        })
    }

    /// Takes a row. What goes wrong is told by [`TableWriter::finish`].
    pub(super) fn push(&mut self, row: &[f64]) {
        debug_assert_eq!(row.len(), self.width);
        self.rows += 1;
        if self.fault.is_some() {
            return;
        }
        self.row.clear();
        self.row.extend(row.iter().flat_map(|value| value.to_ne_bytes()));
        self.fault = self.file.write_all(&self.row).err();
    }

    /// Takes the rows of a later part.
    pub(super) fn append(&mut self, later: Self) {
        self.rows += later.rows;
        let copy = || -> io::Result<()> {
            let mut from = later.file.into_inner().map_err(io::IntoInnerError::into_error)?;
            from.seek(SeekFrom::Start(0))?;
            self.file.flush()?;
            io::copy(&mut from, self.file.get_mut()).map(drop)
        };
        if self.fault.is_none() {
            self.fault = later.fault.or_else(|| copy().err());
        }
    }

    /// The table.
    ///
    /// # Errors
    /// When a row could not be written, as on a full disk.
    pub(super) fn finish(self, folder: &Path) -> Result<Table> {
        let bytes = self.rows * self.width * VALUE_BYTES;
        let failed = |source| fault(folder, bytes, source);
        if let Some(source) = self.fault {
            return Err(failed(source));
        }
        let file = self.file.into_inner().map_err(|error| failed(error.into_error()))?;
        let map = if bytes == 0 {
            None
        } else {
            // SAFETY: the file has no name and its handle stays in this module, so no other process shortens or changes it, and
            // `Table` writes to it through `&mut self` only, while no slice of the map is lent. All its bytes were written, so
            // that reading finds each.
            Some(unsafe { Mmap::map(&file) }.map_err(failed)?)
        };
        Ok(Table { file, map, width: self.width })
    }
}

impl Table {
    /// Some rows, one after another.
    pub(super) fn rows(&self, range: Range<usize>) -> &[f64] {
        &self.all()[range.start * self.width..range.end * self.width]
    }

    fn all(&self) -> &[f64] {
        let Some(map) = &self.map else { return &[] };
        // SAFETY: a map begins at a page, which is aligned for f64; its bytes are initialised, any bits are an f64, and it lives,
        // unchanged, as long as `self` is lent.
        unsafe { slice::from_raw_parts(map.as_ptr().cast::<f64>(), map.len() / VALUE_BYTES) }
    }

    /// Takes rows that were read out of the memory. They are read from the file again when they are asked for.
    pub(super) fn release(&self, range: Range<usize>) {
        let Some(map) = &self.map else { return };
        let [start, end] = [range.start, range.end].map(|row| row * self.width * VALUE_BYTES);
        // SAFETY: the map is shared with its file, whose content it shows again after the advice: no byte changes.
        // It is no more than advice: a system that does not take it keeps the pages.
        let _ = unsafe { map.unchecked_advise_range(UncheckedAdvice::DontNeed, start, end - start) };
    }

    /// Empties columns of the first rows.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(super) fn empty(&mut self, rows: usize, columns: &[usize], folder: &Path) -> Result<()> {
        for start in (0..rows).step_by(PIECE_ROWS) {
            let end = rows.min(start + PIECE_ROWS);
            let mut piece = self.rows(start..end).to_vec();
            for row in piece.chunks_exact_mut(self.width) {
                for column in columns {
                    row[*column] = f64::NAN;
                }
            }
            let bytes: Vec<u8> = piece.iter().flat_map(|value| value.to_ne_bytes()).collect();
            let place = SeekFrom::Start((start * self.width * VALUE_BYTES) as u64);
            let written = self.file.seek(place).and_then(|_| self.file.write_all(&bytes));
            written.map_err(|source| fault(folder, bytes.len(), source))?;
            self.release(start..end);
        }
        Ok(())
    }
}

/// Rows that are read at once where all of a range are needed.
pub(super) const PIECE_ROWS: usize = 16_384;

fn fault(folder: &Path, bytes: usize, source: io::Error) -> TrainerError {
    TrainerError::FeatureRows { folder: folder.to_owned(), megabytes: bytes.div_ceil(1_000_000), source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WIDTH: usize = 3;

    fn table(folder: &Path, parts: &[Vec<[f64; WIDTH]>]) -> Table {
        let mut whole = TableWriter::new(folder, WIDTH).expect("a writer");
        for (number, part) in parts.iter().enumerate() {
            let mut writer = TableWriter::new(folder, WIDTH).expect("a writer");
            let into = if number == 0 { &mut whole } else { &mut writer };
            part.iter().for_each(|row| into.push(row));
            if number > 0 {
                whole.append(writer);
            }
        }
        whole.finish(folder).expect("a table")
    }

    proptest! {
        #[test]
        fn what_was_pushed_is_read_to_the_bit_before_and_after_its_release_and_lies_nowhere_to_be_found(
            parts in prop::collection::vec(prop::collection::vec(any::<[f64; WIDTH]>(), 0..700), 1..4),
            cut in 0.0..1.0_f64,
        ) {
            let folder = tempfile::tempdir().expect("a folder");
            let mut found = table(folder.path(), &parts);
            let mut expected: Vec<f64> = parts.concat().into_flattened();
            let rows = expected.len() / WIDTH;
            let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            prop_assert!(bits(found.rows(0..rows)) == bits(&expected));
            let cut = (rows as f64 * cut) as usize;
            found.release(cut..rows);
            prop_assert!(bits(found.rows(0..rows)) == bits(&expected));
            found.empty(cut, &[1], folder.path()).expect("emptied");
            expected[..cut * WIDTH].chunks_exact_mut(WIDTH).for_each(|row| row[1] = f64::NAN);
            prop_assert!(bits(found.rows(0..rows)) == bits(&expected));
            prop_assert_eq!(folder.path().read_dir().expect("a folder").count(), 0);
        }
    }

    #[test]
    fn a_disk_that_is_full_is_told_with_what_the_rows_take() {
        let mut writer = TableWriter::new(&std::env::temp_dir(), WIDTH).expect("a writer");
        // Takes nothing, as a full disk does.
        writer.file = BufWriter::new(File::create("/dev/full").expect("a device"));
        (0..50_000).for_each(|_| writer.push(&[1.0; WIDTH]));
        let told = writer.finish(Path::new("home")).expect_err("a full disk").to_string();
        assert!(told.contains("home") && told.contains("about 2 MB") && told.contains("space"), "{told}");
    }
}
