//! Tests of the decision.

use std::path::PathBuf;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderName, HeaderValue};

use super::super::{Limits, people};
use super::*;
use crate::listen::ClientCertificate;
use crate::settings::{Settings, Sources, resolve};

const READER: Need = Need::Role(Role::Reader);
const ADMIN: Need = Need::Role(Role::Admin);

struct Door {
    access: Access,
    keys: Vec<String>,
    home: tempfile::TempDir,
}

/// A door with a key for each role; `more` goes into the access file, `set` changes the settings.
fn door(more: &str, set: impl FnOnce(&mut AccessSettings)) -> Door {
    let home = tempfile::tempdir().expect("a folder");
    let made: Vec<_> =
        Role::ALL.map(|role| people::new_key(role.name(), role, None).expect("a key")).into_iter().collect();
    let file = home.path().join("keys.toml");
    let lines: String = made.iter().map(|made| made.lines.clone()).collect();
    std::fs::write(&file, lines + more).expect("written");
    let mut settings = settings();
    settings.keys_file = Some(file);
    set(&mut settings);
    let access = Access::open(&settings, home.path()).expect("opens");
    Door { access, keys: made.into_iter().map(|made| made.key).collect(), home }
}

fn x() -> String {
    "x".to_owned()
}

fn settings() -> AccessSettings {
    let resolved = resolve(&Sources::default()).expect("defaults");
    Settings::from_resolved(&resolved).expect("defaults").access
}

fn header(name: HeaderName, value: &str) -> HeaderMap {
    HeaderMap::from_iter([(name, HeaderValue::from_str(value).expect("a value"))])
}

fn key(value: &str) -> HeaderMap {
    header(HeaderName::from_static("x-api-key"), value)
}

fn peer(address: &str) -> Peer {
    Peer { address: address.parse().expect("an address"), certificate: None }
}

fn reason(admission: &Admission) -> Option<Reason> {
    match admission {
        Admission::Refused(refusal) => Some(refusal.reason),
        _ => None,
    }
}

#[tokio::test]
async fn each_role_may_do_what_it_may_and_no_more() {
    let door = door("", |_| {});
    for (at, role) in Role::ALL.into_iter().enumerate() {
        let shown = [
            key(&door.keys[at]),
            header(AUTHORIZATION, &format!("Bearer {}", door.keys[at])),
            header(AUTHORIZATION, &format!("bearer  {}", door.keys[at])),
        ];
        for headers in &shown {
            for needed in Role::ALL {
                let admission = door.access.admit(Need::Role(needed), &x, headers, None);
                let expected = (needed > role).then_some(Reason::PermissionDenied);
                assert_eq!(reason(&admission), expected, "{role} asks for {needed}");
            }
            let unlisted = door.access.admit(Need::Unlisted, &x, headers, None);
            assert_eq!(reason(&unlisted), (role < Role::Admin).then_some(Reason::PermissionDenied));
        }
    }
    assert!(matches!(door.access.admit(Need::Open, &x, &HeaderMap::new(), None), Admission::Pass));
}

#[tokio::test]
async fn who_shows_nothing_or_something_wrong_is_not_known() {
    let door = door("", |settings| settings.anonymous = crate::access::Anonymous::Role(Role::Reader));
    let nothing = HeaderMap::new();
    assert_eq!(reason(&door.access.admit(READER, &x, &nothing, None)), None);
    assert_eq!(reason(&door.access.admit(ADMIN, &x, &nothing, None)), Some(Reason::Unauthenticated));
    // A wrong key does not make its bearer a nobody who may read.
    let wrong = format!("klk_{}", "0".repeat(64));
    for headers in [
        key(&wrong),
        key(""),
        header(AUTHORIZATION, &format!("Bearer {wrong}")),
        header(AUTHORIZATION, &door.keys[2]),
        header(AUTHORIZATION, "Basic YTpi"),
        header(AUTHORIZATION, "Bearer eyJhbGciOiJub25lIn0.e30."),
    ] {
        assert_eq!(reason(&door.access.admit(READER, &x, &headers, None)), Some(Reason::Unauthenticated));
    }
}

#[tokio::test]
async fn a_certificate_is_whom_the_access_file_says() {
    let more = "[[certificate]]\nname = 'trainer'\nsubject = 'CN=trainer'\nroles = ['admin']\n";
    let door = door(more, |_| {});
    let shows = |subject: &str| {
        let certificate = ClientCertificate { subject: subject.to_owned(), names: Vec::new() };
        let peer = Peer { certificate: Some(Arc::new(certificate)), ..peer("10.0.0.1:1") };
        reason(&door.access.admit(ADMIN, &x, &HeaderMap::new(), Some(&peer)))
    };
    assert_eq!(shows("CN=trainer"), None);
    assert_eq!(shows("CN=stranger"), Some(Reason::PermissionDenied));
}

#[tokio::test]
async fn limits_are_each_clients_own() {
    let limits = Limits { per_second: 0.001, burst: 2.0, per_day: 0 };
    let door = door("", |settings| settings.limits = limits);
    let (one, two) = (peer("10.0.0.1:1"), peer("10.0.0.2:1"));
    let asks = |headers: &HeaderMap, peer: &Peer| reason(&door.access.admit(READER, &x, headers, Some(peer)));
    let reader = key(&door.keys[0]);
    assert_eq!([asks(&reader, &one), asks(&reader, &two)], [None, None]);
    assert_eq!(asks(&reader, &one), Some(Reason::RateLimited));
    assert_eq!(asks(&key(&door.keys[1]), &one), None);
    // Trying keys is limited by address, and so is asking without one.
    let wrong = key("klk_wrong");
    assert_eq!([asks(&wrong, &one), asks(&HeaderMap::new(), &one)], [Some(Reason::Unauthenticated); 2]);
    assert_eq!(asks(&wrong, &one), Some(Reason::RateLimited));
    assert_eq!(asks(&wrong, &two), Some(Reason::Unauthenticated));
    // Health answers whoever asks, as often as they like.
    for _ in 0..10 {
        assert!(matches!(door.access.admit(Need::Open, &x, &wrong, Some(&one)), Admission::Pass));
    }
}

#[tokio::test]
async fn a_key_may_have_limits_of_its_own() {
    let own = people::new_key("own", Role::Reader, None).expect("a key");
    let door = door(&format!("{}requests_per_day = 1\n", own.lines), |_| {});
    let asks = || door.access.admit(READER, &x, &key(&own.key), None);
    assert_eq!(reason(&asks()), None);
    let Admission::Refused(refusal) = asks() else { panic!("the quota holds") };
    assert_eq!(refusal.reason, Reason::QuotaExceeded);
    assert!(refusal.retry_after.is_some_and(|wait| wait.as_secs() <= 86_400));
    assert_eq!(reason(&door.access.admit(READER, &x, &key(&door.keys[0]), None)), None);
}

#[tokio::test]
async fn where_nothing_is_configured_everyone_may_do_everything_and_is_written_down() {
    let home = tempfile::tempdir().expect("a folder");
    let access = Access::open(&settings(), home.path()).expect("opens");
    let gateways = header(AUTHORIZATION, "Bearer somebody-elses");
    for need in [Need::Open, READER, Need::Unlisted] {
        assert!(matches!(access.admit(need, &x, &gateways, None), Admission::Pass), "{need:?}");
    }
    let Admission::Consider(caller) = access.admit(ADMIN, &x, &gateways, None) else {
        panic!("it is watched")
    };
    let watched = access.consider(caller, ADMIN, "POST /symbols").await.expect("no limits");
    watched.expect("it is watched").end("200").await;
    let audit = std::fs::read_to_string(home.path().join("audit.jsonl")).expect("written");
    assert!(audit.contains("POST /symbols") && audit.contains("anonymous"), "{audit}");
}

#[tokio::test]
async fn no_secret_is_told_by_refusals_audits_or_debug() {
    let door = door("", |_| {});
    let wrong = "klk_5ecre75ecre7";
    let mut told = format!("{:?} {:?}", door.access, door.access.admit(READER, &x, &key(wrong), None));
    told += &format!("{:?}", door.access.admit(ADMIN, &x, &key(&door.keys[0]), None));
    let Admission::Consider(caller) = door.access.admit(ADMIN, &x, &key(&door.keys[2]), None) else {
        panic!("it is watched")
    };
    told += &format!("{caller:?}");
    door.access
        .consider(caller, ADMIN, "x")
        .await
        .expect("no limits")
        .expect("it is watched")
        .end("OK")
        .await;
    told += &std::fs::read_to_string(door.home.path().join("audit.jsonl")).expect("written");
    assert!(told.contains("PERMISSION_DENIED"), "{told}");
    for secret in door.keys.iter().map(String::as_str).chain([wrong]) {
        assert!(!told.contains(secret) && !told.contains(&secret[4..]), "{told}");
    }
}

#[tokio::test]
async fn files_are_read_again_and_a_bad_one_changes_nothing() {
    let door = door("", |_| {});
    let file: PathBuf = door.home.path().join("keys.toml");
    let asks = |key_text: &str| reason(&door.access.admit(READER, &x, &key(key_text), None));
    std::fs::write(&file, "nonsense").expect("written");
    assert!(door.access.credentials().reload().is_err());
    assert_eq!(asks(&door.keys[0]), None);
    let fresh = people::new_key("fresh", Role::Reader, None).expect("a key");
    std::fs::write(&file, &fresh.lines).expect("written");
    door.access.credentials().reload().expect("taken up");
    assert_eq!([asks(&fresh.key), asks(&door.keys[0])], [None, Some(Reason::Unauthenticated)]);
}

#[tokio::test]
async fn where_nothing_is_configured_a_request_costs_no_allocation_and_a_key_few() {
    let home = tempfile::tempdir().expect("a folder");
    let access = Access::open(&settings(), home.path()).expect("opens");
    let (headers, peer) = (key("klk_x"), peer("10.0.0.1:1"));
    let ask = |access: &Access, headers: &HeaderMap| {
        let need = super::super::table::method_need("/klinecast.v1.PredictionService/Predict");
        let admission = access.admit(need, &x, headers, Some(&peer));
        assert!(matches!(admission, Admission::Pass));
    };
    ask(&access, &headers);
    let counted = allocation_counter::measure(|| ask(&access, &headers));
    assert_eq!(counted.count_total, 0);

    let door =
        door("", |settings| settings.limits = Limits { per_second: 1e6, burst: 1e6, per_day: 1 << 40 });
    let known = key(&door.keys[0]);
    ask(&door.access, &known);
    let counted = allocation_counter::measure(|| ask(&door.access, &known));
    assert_eq!(counted.count_total, 0, "a known key, a role and limits");
}

/// The time of one decision, least of several rounds: far below what a call costs otherwise. The bound is generous for busy
/// machines; `cargo test -p klinecast-server decisions_are_quick -- --nocapture` shows the figures.
#[tokio::test]
async fn decisions_are_quick() {
    let home = tempfile::tempdir().expect("a folder");
    let open = Access::open(&settings(), home.path()).expect("opens");
    let door =
        door("", |settings| settings.limits = Limits { per_second: 1e9, burst: 1e9, per_day: 1 << 40 });
    let (known, peer) = (key(&door.keys[0]), peer("10.0.0.1:1"));
    let least = |access: &Access, headers: &HeaderMap| {
        let round = || {
            let began = std::time::Instant::now();
            for _ in 0..1_000 {
                let need = super::super::table::method_need(std::hint::black_box(PREDICT));
                std::hint::black_box(access.admit(need, &x, headers, Some(&peer)));
            }
            began.elapsed().as_nanos() / 1_000
        };
        (0..50).map(|_| round()).min().unwrap_or_default()
    };
    let (nothing, key) = (least(&open, &known), least(&door.access, &known));
    println!("nothing configured {nothing} ns, a key with limits {key} ns");
    assert!(nothing < 500 && key < 20_000, "nothing configured {nothing} ns, a key with limits {key} ns");
}

const PREDICT: &str = "/klinecast.v1.PredictionService/Predict";

#[tokio::test]
async fn a_stream_ends_when_its_key_is_taken_away() {
    let door = door("", |_| {});
    let access = Arc::new(door.access);
    let reader = Need::Role(Role::Reader);
    let mut lease = access.lease(reader, &key(&door.keys[0]), None).expect("somebody is asked");
    let mut admin =
        access.lease(Need::Role(Role::Admin), &key(&door.keys[0]), None).expect("somebody is asked");
    admin.come_due();
    assert_eq!(admin.check().map_err(|refusal| refusal.reason), Err(Reason::PermissionDenied));
    assert!(!format!("{lease:?}").contains(&door.keys[0]), "a key is never shown");
    lease.come_due();
    assert_eq!(lease.check(), Ok(()));
    std::fs::write(door.home.path().join("keys.toml"), "").expect("written");
    access.credentials().reload().expect("an empty file names nobody");
    assert_eq!(lease.check(), Ok(()), "it was looked at just now");
    lease.come_due();
    assert_eq!(lease.check().map_err(|refusal| refusal.reason), Err(Reason::Unauthenticated));
    assert_eq!(Lease::default().check(), Ok(()));
}
