//! What operators and admins did: a line of `audit.jsonl` in the home's folder for each call, on the disk before its answer goes
//! out, and the same as a log of the target `klinecast::audit`.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use axum::http::Extensions;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};

use super::{Caller, Identity, Proof};
use crate::clock::wall_time;
use crate::telemetry::metrics as names;

/// A file that has grown to this is put aside.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Files put aside that are kept: `audit.1.jsonl` is the newest.
const KEPT_FILES: u32 = 9;

/// Lines on their way to the disk. A call that is allowed waits for a place; one that was refused does not, and is counted as lost.
const QUEUE_LINES: usize = 1_024;

/// Lines that are synced together.
const SYNC_LINES: usize = 64;

/// Characters of what a handler says about a call.
const NOTE_CHARS_MAX: usize = 512;

/// What the answering part says about a call besides its name, for example which model was promoted. Put among a request's
/// extensions by the layer.
#[derive(Debug, Clone, Default)]
pub struct Note {
    said: Arc<OnceLock<String>>,
    who: Option<Arc<Identity>>,
}

impl Note {
    /// Says what is done; only the first word counts.
    pub fn say(&self, what: impl std::fmt::Display) {
        let text: String = what.to_string().chars().take(NOTE_CHARS_MAX).collect();
        // An error says that something was said already.
        let _ = self.said.set(text);
    }

    /// The name of who calls, if it showed who it is.
    #[must_use]
    pub fn who(&self) -> Option<&str> {
        self.who.as_deref().filter(|who| who.proof != Proof::None).map(|who| who.name.as_str())
    }

    /// Says it about the request with these extensions, if it is one that is written down.
    pub fn about(extensions: &Extensions, what: impl std::fmt::Display) {
        if let Some(note) = extensions.get::<Self>() {
            note.say(what);
        }
    }

    fn text(&self) -> Option<&str> {
        self.said.get().map(String::as_str)
    }
}

struct Line {
    text: String,
    written: Option<oneshot::Sender<()>>,
}

/// Where calls are written down. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Audit {
    lines: mpsc::Sender<Line>,
}

impl std::fmt::Debug for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl Audit {
    /// Opens the file in a folder and starts the thread that writes. The thread ends when the last clone is dropped.
    ///
    /// # Errors
    /// A file that cannot be opened, a system without threads.
    pub fn open(home: &Path) -> io::Result<Self> {
        let mut file = AuditFile::open(home)?;
        let (lines, mut queue) = mpsc::channel::<Line>(QUEUE_LINES);
        std::thread::Builder::new().name("audit".to_owned()).spawn(move || {
            let mut batch = Vec::new();
            while let Some(line) = queue.blocking_recv() {
                batch.push(line);
                while batch.len() < SYNC_LINES {
                    let Ok(line) = queue.try_recv() else { break };
                    batch.push(line);
                }
                let kept = file.append(batch.iter().map(|line| line.text.as_str()));
                match &kept {
                    Ok(()) => names::count_audit("written", batch.len()),
                    Err(error) => {
                        names::count_audit("lost", batch.len());
                        tracing::error!(%error, lines = batch.len(), "the audit file takes nothing");
                    }
                }
                for line in batch.drain(..) {
                    if let Some(written) = line.written {
                        // An error says that the call's other end has gone.
                        let _ = written.send(());
                    }
                }
            }
        })?;
        Ok(Self { lines })
    }

    /// Begins to watch a call.
    pub(super) fn begin(&self, caller: Caller, what: String) -> AuditedCall {
        let note = Note { who: Some(caller.identity.clone()), ..Note::default() };
        AuditedCall { audit: self.clone(), caller, what, note, ended: false }
    }

    /// Writes down a call that was refused; if too many are on their way, it is only counted.
    pub(super) fn refused(&self, caller: &Caller, what: &str, reason: &str) {
        let text = line(caller, what, reason, None);
        if self.lines.try_send(Line { text, written: None }).is_err() {
            names::count_audit("lost", 1);
        }
    }
}

fn line(caller: &Caller, what: &str, outcome: &str, note: Option<&str>) -> String {
    let identity = &caller.identity;
    let address = caller.address.map(|address| address.ip().to_string());
    tracing::info!(
        target: "klinecast::audit",
        who = identity.name, proof = identity.proof.name(), address, what, note, outcome,
    );
    json!({
        "time_ms": wall_time(),
        "who": identity.name,
        "proof": identity.proof.name(),
        "role": identity.role.map(super::Role::name),
        "address": address,
        "what": what,
        "note": note,
        "outcome": outcome,
    })
    .to_string()
}

/// A call that is watched to its end. Dropped before, its caller went away: that is written down too.
#[derive(Debug)]
pub(super) struct AuditedCall {
    audit: Audit,
    caller: Caller,
    what: String,
    note: Note,
    ended: bool,
}

impl AuditedCall {
    /// Where the answering part may say more.
    pub(super) fn note(&self) -> Note {
        self.note.clone()
    }

    /// The call has been answered so; comes back when that is on the disk.
    pub(super) async fn end(mut self, outcome: &str) {
        self.ended = true;
        let text = line(&self.caller, &self.what, outcome, self.note.text());
        let (written, on_disk) = oneshot::channel();
        if self.audit.lines.send(Line { text, written: Some(written) }).await.is_ok() {
            let _ = on_disk.await;
        }
    }
}

impl Drop for AuditedCall {
    fn drop(&mut self) {
        if !self.ended {
            let text = line(&self.caller, &self.what, "cancelled", self.note.text());
            if self.audit.lines.try_send(Line { text, written: None }).is_err() {
                names::count_audit("lost", 1);
            }
        }
    }
}

#[derive(Debug)]
struct AuditFile {
    home: PathBuf,
    file: File,
    bytes: u64,
}

impl AuditFile {
    fn open(home: &Path) -> io::Result<Self> {
        std::fs::create_dir_all(home)?;
        let mut file =
            OpenOptions::new().create(true).append(true).read(true).open(home.join("audit.jsonl"))?;
        let mut bytes = file.metadata()?.len();
        if bytes > 0 && !ends_with_a_line(&mut file)? {
            // A kill tore the last line: it stays as it is, and the next one begins a new line.
            file.write_all(b"\n")?;
            bytes += 1;
        }
        Ok(Self { home: home.to_owned(), file, bytes })
    }

    fn append<'a>(&mut self, lines: impl Iterator<Item = &'a str>) -> io::Result<()> {
        let mut text = String::new();
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        if self.bytes > 0 && self.bytes + text.len() as u64 > FILE_BYTES_MAX {
            self.put_aside()?;
        }
        self.file.write_all(text.as_bytes())?;
        self.bytes += text.len() as u64;
        self.file.sync_data()
    }

    fn put_aside(&mut self) -> io::Result<()> {
        let aside = |number: u32| self.home.join(format!("audit.{number}.jsonl"));
        for number in (1..KEPT_FILES).rev() {
            if aside(number).exists() {
                std::fs::rename(aside(number), aside(number + 1))?;
            }
        }
        std::fs::rename(self.home.join("audit.jsonl"), aside(1))?;
        *self = Self::open(&self.home)?;
        // The folder's entries are what was changed.
        File::open(&self.home)?.sync_all()
    }
}

fn ends_with_a_line(file: &mut File) -> io::Result<bool> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
