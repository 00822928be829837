//! Tests of the audit file.

use serde_json::Value;

use super::super::{Identity, Proof, Role};
use super::*;

fn caller(name: &str) -> Caller {
    let identity = Arc::new(Identity::new(Proof::Key, "", name, Some(Role::Admin), None));
    Caller { client: identity.client, identity, address: "10.0.0.7:5".parse().ok() }
}

fn lines(home: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(home.join("audit.jsonl")).expect("readable");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or(Value::Null)).collect()
}

#[tokio::test]
async fn a_call_is_on_the_disk_when_it_has_ended() {
    let home = tempfile::tempdir().expect("a folder");
    let audit = Audit::open(home.path()).expect("opens");
    let call = audit.begin(caller("ada"), "/a.B/C".to_owned());
    call.note().say("version 3");
    call.note().say("a second word");
    assert_eq!((call.note().who(), Note::default().who()), (Some("ada"), None));
    call.end("OK").await;
    let lines = lines(home.path());
    assert_eq!(lines.len(), 1);
    let expected =
        [("who", "ada"), ("what", "/a.B/C"), ("note", "version 3"), ("outcome", "OK"), ("role", "admin")];
    for (name, value) in expected {
        assert_eq!(lines[0][name], value, "{lines:?}");
    }
    assert_eq!(lines[0]["address"], "10.0.0.7");
}

#[tokio::test]
async fn who_goes_away_or_is_refused_is_written_down_too() {
    let home = tempfile::tempdir().expect("a folder");
    let audit = Audit::open(home.path()).expect("opens");
    drop(audit.begin(caller("ada"), "/a".to_owned()));
    audit.refused(&caller("bob"), "/b", "PERMISSION_DENIED");
    // Lines keep their order, so that the last one's end is that of all.
    audit.begin(caller("eve"), "/c".to_owned()).end("OK").await;
    let told: Vec<_> = lines(home.path()).iter().map(|line| line["outcome"].to_string()).collect();
    assert_eq!(told, ["\"cancelled\"", "\"PERMISSION_DENIED\"", "\"OK\""]);
}

#[tokio::test]
async fn a_torn_line_spoils_no_other() {
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("audit.jsonl"), "{\"who\":\"a\"}\n{\"who\":\"to").expect("written");
    let audit = Audit::open(home.path()).expect("opens");
    audit.begin(caller("ada"), "/a".to_owned()).end("OK").await;
    let lines = lines(home.path());
    assert_eq!((lines.len(), &lines[1]), (3, &Value::Null));
    assert_eq!(lines[2]["who"], "ada");
}

#[test]
fn a_full_file_is_put_aside_and_old_ones_go() {
    let home = tempfile::tempdir().expect("a folder");
    let mut file = AuditFile::open(home.path()).expect("opens");
    for round in 0..KEPT_FILES + 3 {
        file.append([format!("{round}").as_str()].into_iter()).expect("appended");
        // As if it had grown: the bound is on what the file says of itself.
        file.bytes += FILE_BYTES_MAX;
    }
    let kept = |name: String| std::fs::read_to_string(home.path().join(name)).unwrap_or_default();
    assert_eq!(kept("audit.jsonl".to_owned()), format!("{}\n", KEPT_FILES + 2));
    assert_eq!(kept("audit.1.jsonl".to_owned()), format!("{}\n", KEPT_FILES + 1));
    assert_eq!(kept(format!("audit.{KEPT_FILES}.jsonl")), "2\n");
    assert!(!home.path().join(format!("audit.{}.jsonl", KEPT_FILES + 1)).exists());
}
