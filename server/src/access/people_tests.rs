//! Tests of the access file.

use super::*;

fn identity(found: &FoundKey) -> Option<(String, Option<Role>)> {
    match found {
        FoundKey::Valid(identity) => Some((identity.name.clone(), identity.role)),
        _ => None,
    }
}

fn problem(text: &str) -> String {
    People::read(text).map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn a_new_key_opens_its_door_and_no_other() {
    let made = new_key("dash \"board\"", Role::Operator, None).expect("a key");
    let other = new_key("other", Role::Admin, None).expect("a key");
    assert_ne!(made.key, other.key);
    assert!(!made.lines.contains(&made.key[4..]), "the file does not hold the key");
    let people = People::read(&made.lines).expect("its lines are an access file");
    let found = people.find_key(made.key.as_bytes(), 0);
    assert_eq!(identity(&found), Some(("dash \"board\"".to_owned(), Some(Role::Operator))));
    for wrong in [other.key.as_str(), "", "klk_", &made.key[..made.key.len() - 1], &made.key.to_uppercase()] {
        assert_eq!(people.find_key(wrong.as_bytes(), 0), FoundKey::Unknown, "{wrong}");
    }
    // The digest is no key.
    let digest = made.lines.split('"').find(|part| part.len() == 64).expect("a digest");
    assert_eq!(people.find_key(digest.as_bytes(), 0), FoundKey::Unknown);
}

#[test]
fn digests_that_agree_where_they_are_looked_for_are_compared_to_the_end() {
    let digest: [u8; 32] = Sha256::digest("klk_a").into();
    let mut near = digest;
    near[31] ^= 1;
    let text = format!("[[key]]\nname = 'a'\nroles = ['admin']\nsha256 = '{}'\n", hex::encode(near));
    let people = People::read(&text).expect("a file");
    assert_eq!(people.find_key(b"klk_a", 0), FoundKey::Unknown);
}

#[test]
fn a_key_ends_at_its_expiry() {
    let made = new_key("a", Role::Reader, Some("1970-01-01T00:00:01Z")).expect("a key");
    let people = People::read(&made.lines).expect("a file");
    assert!(identity(&people.find_key(made.key.as_bytes(), 999)).is_some());
    assert_eq!(people.find_key(made.key.as_bytes(), 1_000), FoundKey::Expired);
    assert!(new_key("a", Role::Reader, Some("tomorrow")).is_err());
    assert!(new_key("a", Role::Reader, Some("1970-01-01")).is_err());
}

#[test]
fn certificates_are_found_by_subject_or_name() {
    let text = "[[certificate]]\nname = 'trainer'\nsubject = 'CN=trainer, O=desk'\nroles = ['operator']\n\
                [[certificate]]\nname = 'edge'\nsan = 'spiffe://desk/edge'\nroles = ['reader', 'admin']\n";
    let people = People::read(text).expect("a file");
    let certificate = |subject: &str, names: &[&str]| ClientCertificate {
        subject: subject.to_owned(),
        names: names.iter().map(|&name| name.to_owned()).collect(),
    };
    let name = |certificate: &ClientCertificate| {
        people.find_certificate(certificate).map(|identity| (identity.name.as_str(), identity.role))
    };
    assert_eq!(name(&certificate("CN=trainer, O=desk", &[])), Some(("trainer", Some(Role::Operator))));
    let edge = certificate("CN=x", &["edge.local", "spiffe://desk/edge"]);
    assert_eq!(name(&edge), Some(("edge", Some(Role::Admin))));
    assert_eq!(name(&certificate("CN=trainer", &["trainer"])), None);
}

#[test]
fn what_is_wrong_is_named_and_no_secret_told() {
    let digest = "ab".repeat(32);
    let key = |rest: &str| format!("[[key]]\nname = 'a'\nsha256 = '{digest}'\n{rest}");
    for (text, part) in [
        (key("roles = ['root']"), "role \"root\" is not known"),
        (key("roles = []"), "no roles"),
        (key("roles = ['reader']\nrequests_per_second = -1.0"), "0 or more"),
        (key("roles = ['reader']\nrequests_per_second = nan"), "0 or more"),
        (key("roles = ['reader']\nexpires = 2027-01-31"), "is not a moment"),
        (format!("{0}\n{0}", key("roles = ['reader']")), "stands twice"),
        ("[[key]]\nname = ''\nsha256 = 'ab'\nroles = ['reader']".to_owned(), "64 hexadecimal"),
        ("[[certificate]]\nname = 'a'\nroles = ['reader']".to_owned(), "either its subject"),
        ("key = 1".to_owned(), "not an access file"),
        (key("roles = ['reader']\nkey = 'klk_s3cret'"), "unknown field"),
    ] {
        let told = problem(&text);
        assert!(told.contains(part), "{told}");
        assert!(!told.contains("s3cret") && !told.contains(&digest), "{told}");
    }
}

#[test]
fn comparing_takes_the_same_time_wherever_the_first_difference_is() {
    let digest: [u8; 32] = Sha256::digest("klk_a").into();
    // Nanoseconds of many comparisons; the least of several rounds, which is what the machine's noise leaves alone.
    let least = |other: [u8; 32]| {
        let round = || {
            let began = std::time::Instant::now();
            for _ in 0..20_000 {
                std::hint::black_box(std::hint::black_box(&digest).ct_eq(std::hint::black_box(&other)));
            }
            began.elapsed().as_nanos()
        };
        (0..15).map(|_| round()).min().unwrap_or_default()
    };
    let differing = |at: usize| {
        let mut other = digest;
        other[at] ^= 0xff;
        other
    };
    let (first, last) = (least(differing(0)), least(differing(31)));
    assert!(last < first * 2 && first < last * 2, "first byte {first} ns, last byte {last} ns");
}
