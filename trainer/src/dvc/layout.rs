//! What DVC 3 writes: names of objects, the list of a folder's files, the file that git holds, the configuration.

use std::fmt::Write as _;

use md5::{Digest, Md5};

/// Bytes under the name that DVC gives them.
#[derive(Debug)]
pub(super) struct Object {
    /// MD5 in hexadecimal digits; of a list with `.dir` behind it.
    pub(super) md5: String,
    /// The path in a cache or a remote.
    pub(super) key: String,
    pub(super) bytes: Vec<u8>,
}

/// A file of the folder.
#[derive(Debug)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) md5: String,
    pub(super) size: u64,
}

impl Object {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self::named(bytes, "")
    }

    fn named(bytes: Vec<u8>, ending: &str) -> Self {
        let md5 = format!("{}{ending}", hex::encode(Md5::digest(&bytes)));
        let key = format!("files/md5/{}/{}", &md5[..2], &md5[2..]);
        Self { md5, key, bytes }
    }
}

/// The list of a folder's files, as Python's `json.dumps(..., sort_keys=True)` writes it: its bytes are what is hashed. The files
/// are in the order of their names; a name is letters, digits, `-` and `.`.
pub(super) fn list(files: &[Listed]) -> Object {
    let entries: Vec<String> = files
        .iter()
        .map(|file| format!("{{\"md5\": \"{}\", \"relpath\": \"{}\"}}", file.md5, file.name))
        .collect();
    Object::named(format!("[{}]", entries.join(", ")).into_bytes(), ".dir")
}

/// `data.dvc`.
pub(super) fn stage_file(list: &str, files: &[Listed], path: &str) -> String {
    let size: u64 = files.iter().map(|file| file.size).sum();
    let mut text = String::from("outs:\n");
    // Writing to a string cannot fail.
    let _ = write!(
        text,
        "- md5: {list}\n  size: {size}\n  nfiles: {}\n  hash: md5\n  path: {path}\n",
        files.len()
    );
    text
}

/// `.dvc/config` with one remote.
pub(super) fn config(url: &str) -> String {
    format!("[core]\n    remote = klinecast\n['remote \"klinecast\"']\n    url = {url}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What DVC 3.67 wrote for a folder with two files, `hi\n` and `ho\n`.
    #[test]
    fn names_and_lists_are_those_of_dvc() {
        let file = |name: &str, bytes: &[u8]| {
            let object = Object::new(bytes.to_vec());
            Listed { name: name.to_owned(), md5: object.md5, size: bytes.len() as u64 }
        };
        let files = [file("a.parquet", b"hi\n"), file("b.parquet", b"ho\n")];
        let list = list(&files);
        assert_eq!(list.key, "files/md5/4f/f2b0b966462c30eb8a9c81e1a8cb28.dir");
        let expected = "outs:\n- md5: 4ff2b0b966462c30eb8a9c81e1a8cb28.dir\n  size: 6\n  nfiles: 2\n  hash: md5\n  \
                        path: data\n";
        assert_eq!(stage_file(&list.md5, &files, "data"), expected);
    }
}
