//! Words that code must not have, each with what to write in its place.

use super::{Finding, rooms, source};

/// One banned word.
struct Banned {
    word: &'static str,
    remedy: &'static str,
    place: Place,
}

/// Where a word is banned.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// In every file, comments and tests too.
    Everywhere,
    /// In code that ships.
    Shipping,
    /// In code of the pure rooms that ships.
    Pure,
}

const fn banned(place: Place, word: &'static str, remedy: &'static str) -> Banned {
    Banned { word, remedy, place }
}

const BANNED: &[Banned] = &[
    banned(Place::Everywhere, concat!("TO", "DO"), "finish it, or say it in an issue"),
    banned(Place::Everywhere, concat!("FIX", "ME"), "finish it, or say it in an issue"),
    banned(Place::Everywhere, concat!("#[ig", "nore"), "a test runs or is not there"),
    banned(Place::Shipping, ".unwrap()", "return an error, or show by type that it can't fail"),
    banned(Place::Shipping, ".expect(\"", "return an error, or show by type that it can't fail"),
    banned(Place::Shipping, "panic!(", "return an error"),
    banned(Place::Shipping, "unreachable!(", "return an error, or make the state unrepresentable"),
    banned(Place::Pure, "SystemTime", "time comes in as an argument"),
    banned(Place::Pure, "Instant::now", "time comes in as an argument"),
    banned(Place::Pure, "std::fs", "a pure room does no I/O; take the bytes"),
    banned(Place::Pure, "std::net", "a pure room does no I/O"),
    banned(Place::Pure, "std::env", "settings come in as arguments"),
    banned(Place::Pure, "std::thread", "a pure room starts no threads"),
    banned(Place::Pure, "println!", "a pure room returns what it has to say"),
    banned(Place::Pure, "HashMap", "its order changes from run to run; BTreeMap or Vec"),
    banned(Place::Pure, "HashSet", "its order changes from run to run; BTreeSet or Vec"),
    banned(Place::Pure, ".mul_add(", "rounds differently from machine to machine; write a * b + c"),
    banned(Place::Pure, ".ln()", "the system's differs from machine to machine; libm::log"),
    banned(Place::Pure, ".exp()", "the system's differs from machine to machine; libm::exp"),
    banned(Place::Pure, ".powf(", "the system's differs from machine to machine; libm::pow"),
    banned(Place::Pure, ".sin()", "the system's differs from machine to machine; libm::sin"),
    banned(Place::Pure, ".cos()", "the system's differs from machine to machine; libm::cos"),
    banned(Place::Pure, ".tanh()", "the system's differs from machine to machine; libm::tanh"),
];

/// An attribute on the line before that excuses a panic; the lint makes it give a reason.
const EXCUSE: &str = "#[expect(clippy::expect_used, reason";

/// Checks one file.
#[must_use]
pub fn check(name: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let find = |places: &[Place], number: usize, code: &str, findings: &mut Vec<Finding>| {
        for banned in BANNED.iter().filter(|banned| places.contains(&banned.place)) {
            if code.contains(banned.word) {
                findings.push(Finding::at(name, number, format!("`{}`: {}", banned.word, banned.remedy)));
            }
        }
    };
    for (index, line) in text.lines().enumerate() {
        find(&[Place::Everywhere], index + 1, line, &mut findings);
    }
    if source::ships(name) {
        let pure = rooms::of(name).is_some_and(|room| room.pure);
        let places: &[Place] = if pure { &[Place::Shipping, Place::Pure] } else { &[Place::Shipping] };
        let mut excused = false;
        for line in source::shipping_lines(text) {
            if !excused {
                // A parser's own `expect` returns an error.
                find(places, line.number, &line.code.replace("self.expect(", ""), &mut findings);
            }
            excused = line.code.contains(EXCUSE);
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_that_ships_is_found_and_one_in_a_test_is_not() {
        let text = "fn f() {\n    x.unwrap();\n}\n#[cfg(test)]\nmod tests {\n    x.unwrap();\n}\n";
        let found = check("server/src/app.rs", text);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
        assert!(check("server/tests/system/main.rs", text).is_empty());
    }

    #[test]
    fn a_panic_with_a_reason_is_excused_and_a_parsers_own_expect_is_none() {
        let excused =
            "    #[expect(clippy::expect_used, reason = \"constant\")]\n    let x = y.expect(\"z\");\n";
        assert!(check("server/src/app.rs", excused).is_empty());
        assert_eq!(
            check("server/src/app.rs", &format!("{excused}{}", "    let x = y.expect(\"z\");\n")).len(),
            1
        );
        assert!(check("crates/forest/src/load.rs", "    self.expect(\"null\")?;\n").is_empty());
    }

    #[test]
    fn a_clock_in_a_pure_room_is_found() {
        let text = "fn f() {\n    Instant::now();\n}\n";
        assert_eq!(check("crates/forecast/src/forecaster.rs", text).len(), 1);
        assert!(check("crates/market/src/live.rs", text).is_empty());
    }

    #[test]
    fn words_in_comments_do_not_count_unless_they_are_promises() {
        assert!(check("server/src/app.rs", "// never .unwrap() here\n").is_empty());
        assert_eq!(check("server/src/app.rs", concat!("// TO", "DO later\n")).len(), 1);
    }
}
