//! A file of JSON lines that several processes append to and read: one record a line, each written under a lock and on the disk
//! before the lock goes.
//!
//! A kill may cut off the line that is being written. Such a line is no record: readers pass it over, wherever it stands, and the
//! next writer takes it away. Anything else that can't be read is damage, and is told with its line.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

/// The longest line, in bytes: what is longer is refused, read or written, so that a damaged file can't fill the memory.
pub const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Why such a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JsonLinesError {
    /// The system refuses.
    #[error("{} can't be {act}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, for example `read`.
        act: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A line is no record.
    #[error("line {line} of {} is damaged: {source}; mend that line or take it out, the others stand", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// A line is too long.
    #[error(
        "line {line} of {} is longer than {LINE_BYTES_MAX} bytes, which no record is; mend that line or take it out, the others stand", path.display()
    )]
    TooLong {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
    },
    /// A record can't be written as one line.
    #[error("a record for {} can't be written: {problem}", path.display())]
    Record {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

/// The file at a path.
#[derive(Debug, Clone)]
pub struct JsonLines {
    path: PathBuf,
}

impl JsonLines {
    /// The file at a path, which need not be there.
    #[must_use]
    pub const fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Hands out each record, the oldest first, one at a time; none if there is no file. Waits for nobody: a line that is being
    /// written is not handed out.
    ///
    /// # Errors
    /// [`JsonLinesError::Damaged`] and [`JsonLinesError::TooLong`]; when the file can't be read.
    pub fn read<T: DeserializeOwned>(&self, each: impl FnMut(T)) -> Result<(), JsonLinesError> {
        match File::open(&self.path) {
            Ok(file) => records(&self.path, file, each),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(failed(&self.path, "opened")(error)),
        }
    }

    /// Waits until no other process and no other thread holds the file, and holds it; makes it and its folder if they are not
    /// there.
    ///
    /// # Errors
    /// When it can't be made, opened or locked.
    pub fn hold(&self) -> Result<HeldLines, JsonLinesError> {
        let path = &self.path;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(failed(folder, "made"))?;
        }
        let opened = OpenOptions::new().read(true).append(true).create(true).open(path);
        let file = opened.map_err(failed(path, "opened"))?;
        file.lock().map_err(failed(path, "locked"))?;
        Ok(HeldLines { path: path.clone(), file })
    }
}

/// The file, held until this is dropped; a process that ends lets it go, however it ends.
#[derive(Debug)]
pub struct HeldLines {
    path: PathBuf,
    file: File,
}

impl HeldLines {
    /// As [`JsonLines::read`].
    ///
    /// # Errors
    /// As [`JsonLines::read`].
    pub fn read<T: DeserializeOwned>(&mut self, each: impl FnMut(T)) -> Result<(), JsonLinesError> {
        self.file.rewind().map_err(failed(&self.path, "read"))?;
        records(&self.path, &self.file, each)
    }

    /// Appends a record and comes back when it is on the disk.
    ///
    /// # Errors
    /// [`JsonLinesError::Record`] for one that is longer than [`LINE_BYTES_MAX`] or no JSON; when the file can't be written.
    pub fn append(&mut self, record: &impl Serialize) -> Result<(), JsonLinesError> {
        let refused = |problem| JsonLinesError::Record { path: self.path.clone(), problem };
        let mut line = serde_json::to_vec(record).map_err(|error| refused(error.to_string()))?;
        if line.len() > LINE_BYTES_MAX {
            return Err(refused(format!("it takes {} bytes, at most {LINE_BYTES_MAX} do", line.len())));
        }
        line.push(b'\n');
        self.mend().and_then(|()| self.file.write_all(&line)).map_err(failed(&self.path, "written"))?;
        self.file.sync_data().map_err(failed(&self.path, "written"))
    }

    /// Ends the last line where a kill did not let it end: by taking it away, or by a line's end if that alone is missing.
    fn mend(&mut self) -> io::Result<()> {
        let length = self.file.seek(SeekFrom::End(0))?;
        let window = length.min(LINE_BYTES_MAX as u64 + 1);
        let mut last = Vec::new();
        // Only the last byte is looked at where all is well.
        for looked_at in [length.min(1), window] {
            self.file.seek(SeekFrom::Start(length - looked_at))?;
            last.clear();
            (&self.file).take(looked_at).read_to_end(&mut last)?;
            if last.last().is_none_or(|byte| *byte == b'\n') {
                return Ok(());
            }
        }
        let begins = last.iter().rposition(|byte| *byte == b'\n').map(|place| place + 1);
        let begins = begins.or((window == length).then_some(0));
        let too_long = || io::Error::new(ErrorKind::InvalidData, "its last line is too long and has no end");
        let torn = &last[begins.ok_or_else(too_long)?..];
        match serde_json::from_slice::<IgnoredAny>(torn) {
            Ok(_) => self.file.write_all(b"\n"),
            Err(_) => self.file.set_len(length - torn.len() as u64),
        }
    }
}

/// Reads records from the start of a file.
fn records<T: DeserializeOwned>(
    path: &Path,
    file: impl Read,
    mut each: impl FnMut(T),
) -> Result<(), JsonLinesError> {
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    for line in 1.. {
        text.clear();
        // One more for the line's end, one more to see that it is too long.
        let bounded = (&mut reader).take(LINE_BYTES_MAX as u64 + 2).read_until(b'\n', &mut text);
        if bounded.map_err(failed(path, "read"))? == 0 {
            break;
        }
        let has_end = text.pop_if(|byte| *byte == b'\n').is_some();
        if text.len() > LINE_BYTES_MAX {
            return Err(JsonLinesError::TooLong { path: path.to_owned(), line });
        }
        if text.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(&text) {
            Ok(record) => each(record),
            // Cut off: nothing but its end is missing, or it is the one that is being written.
            Err(error) if error.is_eof() || !has_end => {}
            Err(source) => return Err(JsonLinesError::Damaged { path: path.to_owned(), line, source }),
        }
    }
    Ok(())
}

fn failed(path: &Path, act: &'static str) -> impl FnOnce(io::Error) -> JsonLinesError {
    let path = path.to_owned();
    move |source| JsonLinesError::Io { path, act, source }
}

#[cfg(test)]
#[path = "json_lines_tests.rs"]
mod tests;
