//! Tests of files of JSON lines.

use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Deserialize;
use serde_json::{Value, json};

use super::*;

fn lines() -> (tempfile::TempDir, JsonLines) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("nested/lines.jsonl");
    (folder, JsonLines::at(path))
}

fn all(lines: &JsonLines) -> Result<Vec<Value>, JsonLinesError> {
    let mut found = Vec::new();
    lines.read(|record| found.push(record))?;
    Ok(found)
}

fn append(lines: &JsonLines, record: Value) {
    lines.hold().and_then(|mut held| held.append(&record)).expect("appended");
}

fn raw(lines: &JsonLines) -> String {
    std::fs::read_to_string(&lines.path).expect("the file")
}

/// A file with this content.
fn holding(text: &[u8]) -> (tempfile::TempDir, JsonLines) {
    let (folder, lines) = lines();
    drop(lines.hold().expect("made"));
    std::fs::write(&lines.path, text).expect("written");
    (folder, lines)
}

#[test]
fn records_come_back_in_their_order_and_no_file_has_none() {
    let (_folder, lines) = lines();
    assert_eq!(all(&lines).expect("nothing"), Vec::<Value>::new());
    assert!(!lines.path.exists(), "who reads makes no file");
    append(&lines, json!({ "a": 1 }));
    append(&lines, json!({ "a": "two\nlines" }));
    assert_eq!(all(&lines).expect("two"), [json!({ "a": 1 }), json!({ "a": "two\nlines" })]);
    assert_eq!(raw(&lines).lines().count(), 2);
    let mut held = lines.hold().expect("held");
    let mut count = 0;
    held.read(|_: Value| count += 1).expect("read");
    held.append(&json!({ "a": 3 })).expect("appended after it was read");
    held.read(|_: Value| count += 10).expect("read");
    assert_eq!(count, 32);
}

#[test]
fn what_a_kill_cut_off_is_passed_over_and_taken_away() {
    let whole = "{\"a\":1}\n{\"a\":2}\n";
    let next = "{\"a\":3,\"text\":\"é\"}";
    for cut in 1..next.len() {
        let mut text = whole.as_bytes().to_vec();
        text.extend(&next.as_bytes()[..cut]);
        let (_folder, lines) = holding(&text);
        assert_eq!(all(&lines).expect("two").len(), 2, "cut at {cut}");
        append(&lines, json!({ "a": 4 }));
        assert_eq!(raw(&lines), format!("{whole}{{\"a\":4}}\n"), "cut at {cut}");
    }
    // Nothing but the line's end is missing: that is a record.
    let (_folder, lines) = holding(format!("{whole}{next}").as_bytes());
    assert_eq!(all(&lines).expect("three").len(), 3);
    append(&lines, json!({ "a": 4 }));
    assert_eq!(raw(&lines), format!("{whole}{next}\n{{\"a\":4}}\n"));
    // A machine that failed may leave zeros.
    let (_folder, lines) = holding(b"{\"a\":1}\n\0\0\0\0");
    assert_eq!(all(&lines).expect("one").len(), 1);
    append(&lines, json!({ "a": 2 }));
    assert_eq!(raw(&lines), whole);
    // As earlier programs went on after a cut line: in the middle, with empty lines between.
    let (_folder, lines) = holding(b"\n{\"a\":1}\n\n{\"a\": 2, \"b\n\n{\"a\":3}\n");
    assert_eq!(all(&lines).expect("two"), [json!({ "a": 1 }), json!({ "a": 3 })]);
}

#[test]
fn damage_in_the_middle_names_the_file_and_the_line() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "its shape is what is looked at")]
    struct Record {
        a: u32,
    }
    for (damaged, problem) in [
        ("{\"a\":1}x", "trailing characters"),
        ("{\"a\":\"b\"}", "invalid type"),
        ("\u{0}", "expected value"),
    ] {
        let (_folder, lines) = holding(format!("{{\"a\":1}}\n\n{damaged}\n{{\"a\":4}}\n").as_bytes());
        let mut count = 0;
        let error = lines.read(|_: Record| count += 1).expect_err("damage");
        let told = error.to_string();
        assert!(matches!(error, JsonLinesError::Damaged { line: 3, .. }), "{told}");
        let begins = format!("line 3 of {} is damaged: {problem}", lines.path.display());
        assert!(told.starts_with(&begins) && told.contains("take it out"), "{told}");
        assert_eq!(count, 1, "what stands before it was handed out");
        // A writer does not touch it.
        append(&lines, json!({ "a": 5 }));
        assert!(raw(&lines).contains(damaged));
    }
}

/// Says `a` for ever.
struct Endless(usize);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(b'a');
        self.0 += buffer.len();
        Ok(buffer.len())
    }
}

#[test]
fn a_line_without_an_end_is_read_no_further_than_the_longest_line() {
    let mut endless = Endless(0);
    let path = Path::new("endless.jsonl");
    let error = records(path, &mut endless, |_: Value| {}).expect_err("too long");
    assert!(matches!(error, JsonLinesError::TooLong { line: 1, .. }), "{error}");
    assert!(endless.0 < LINE_BYTES_MAX + 64 * 1024, "{} bytes were read", endless.0);

    let (_folder, lines) = lines();
    let longest = "x".repeat(LINE_BYTES_MAX - 2);
    append(&lines, json!(longest));
    let mut held = lines.hold().expect("held");
    let error = held.append(&json!(format!("{longest}x"))).expect_err("longer");
    assert!(matches!(error, JsonLinesError::Record { .. }), "{error}");
    drop(held);
    assert_eq!(all(&lines).expect("the longest is read").len(), 1);

    let (_folder, lines) = holding(&vec![b'x'; LINE_BYTES_MAX + 9]);
    let error = all(&lines).expect_err("too long");
    assert!(error.to_string().contains("line 1 of ") && error.to_string().contains("longer"), "{error}");
    let error = lines.hold().and_then(|mut held| held.append(&json!(1))).expect_err("no end is found");
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn a_file_of_hundreds_of_thousands_of_lines_is_read_in_moments() {
    const LINES: u64 = 300_000;
    let (_folder, lines) = lines();
    drop(lines.hold().expect("made"));
    let mut text = String::new();
    for number in 0..LINES {
        text.push_str(&format!("{{\"number\":{number},\"model\":\"{number:064}\"}}\n"));
    }
    std::fs::write(&lines.path, &text).expect("written");
    let began = Instant::now();
    let (mut count, mut sum) = (0, 0);
    lines
        .read(|record: Value| {
            count += 1;
            sum += record["number"].as_u64().unwrap_or_default();
        })
        .expect("read");
    assert_eq!((count, sum), (LINES, LINES * (LINES - 1) / 2));
    append(&lines, json!({ "number": LINES }));
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[test]
fn eight_writers_at_once_lose_and_tear_no_line() {
    let (_folder, lines) = lines();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let lines = lines.clone();
            scope.spawn(move || {
                for number in 0..25 {
                    let mut held = lines.hold().expect("held");
                    let mut before = 0_u32;
                    held.read(|_: Value| before += 1).expect("read");
                    held.append(&json!({ "writer": writer, "number": number, "before": before }))
                        .expect("appended");
                }
            });
        }
    });
    let found = all(&lines).expect("whole lines");
    assert_eq!(found.len(), 200);
    for (place, record) in found.iter().enumerate() {
        assert_eq!(record["before"], place, "nobody writes between another's reading and its writing");
    }
}

/// The other process is `flock` of util-linux, which holds the file as this program does.
#[test]
fn a_writer_waits_for_another_process() {
    let (_folder, lines) = lines();
    append(&lines, json!("first"));
    let script = r#"echo held; read -r line; printf '"second"\n' >> "$1""#;
    let mut other = Command::new("flock")
        .arg(&lines.path)
        .args(["sh", "-c", script, "sh"])
        .arg(&lines.path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock starts");
    let mut said = String::new();
    BufReader::new(other.stdout.take().expect("a pipe")).read_line(&mut said).expect("a line");
    assert_eq!(said, "held\n");
    let (done, waiting) = channel();
    let writer = std::thread::spawn({
        let lines = lines.clone();
        move || {
            append(&lines, json!("third"));
            done.send(())
        }
    });
    assert_eq!(waiting.recv_timeout(Duration::from_millis(300)), Err(RecvTimeoutError::Timeout), "it waits");
    assert_eq!(all(&lines).expect("who reads does not wait"), ["first"]);
    other.stdin.take().expect("a pipe").write_all(b"go on\n").expect("told");
    assert!(other.wait().expect("it ends").success());
    writer.join().expect("no panic").expect("heard");
    assert_eq!(all(&lines).expect("three"), ["first", "second", "third"]);
}
