//! The position against a model of servers with journals.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const SYMBOLS: [&str; 3] = ["ADAUSDT", "BTCUSDT", "ETHUSDT"];
const STEP: i64 = 900;

fn prediction(symbol: &str, bar_time_ms: i64, revision: u32) -> wire::Prediction {
    wire::Prediction { symbol: symbol.to_owned(), bar_time_ms, revision, ..Default::default() }
}

#[test]
fn the_latest_bar_is_asked_for_whole_and_nothing_is_told_twice() {
    let mut position = Position::default();
    assert_eq!(position.start(), Start::Latest);
    assert!(position.tell(&prediction("BTCUSDT", 900, 1)));
    assert!(position.tell(&prediction("ETHUSDT", 900, 1)));
    assert!(position.tell(&prediction("BTCUSDT", 1_800, 1)));
    assert_eq!(position.start(), Start::AfterBar(1_799));
    assert!(!position.tell(&prediction("BTCUSDT", 1_800, 1)));
    assert!(position.tell(&prediction("ETHUSDT", 1_800, 1)));
    assert!(position.tell(&prediction("BTCUSDT", 1_800, 2)));
    assert!(position.tell(&prediction("BTCUSDT", 900, 2)), "an amended bar is news");
    assert!(!position.tell(&prediction("BTCUSDT", 900, 1)), "an earlier bar is remembered too");
}

#[test]
fn a_token_outranks_the_bar_and_one_that_is_lost_leaves_the_bar() {
    let mut position = Position::after(Some("kept".to_owned()));
    assert_eq!(position.start(), Start::AfterToken("kept"));
    assert_eq!(position.lose_token(), 0);
    assert_eq!(position.start(), Start::AfterBar(1), "all that is left");
    assert!(position.tell(&prediction("BTCUSDT", 900, 1)));
    position.reach("next".to_owned());
    position.reach(String::new());
    assert_eq!(position.start(), Start::AfterToken("next"));
    assert_eq!(position.lose_token(), 900);
    assert_eq!(position.start(), Start::AfterBar(899));
}

#[test]
fn nowcasts_are_always_new_and_push_nothing_out() {
    let mut position = Position::default();
    assert!(position.tell(&prediction("BTCUSDT", 900, 1)));
    let nowcast = wire::Prediction { provisional: true, ..prediction("BTCUSDT", 1_800, 1) };
    for _ in 0..=REMEMBERED {
        assert!(position.tell(&nowcast));
    }
    assert!(!position.tell(&prediction("BTCUSDT", 900, 1)));
    assert_eq!(position.start(), Start::AfterBar(899));
}

#[test]
fn so_many_are_remembered_and_the_oldest_is_forgotten_first() {
    let mut position = Position::default();
    for bar in 1..=REMEMBERED as i64 {
        assert!(position.tell(&prediction("BTCUSDT", bar, 1)));
    }
    assert!(!position.tell(&prediction("BTCUSDT", 1, 1)));
    assert!(position.tell(&prediction("BTCUSDT", REMEMBERED as i64 + 1, 1)));
    assert!(position.tell(&prediction("BTCUSDT", 1, 1)), "forgotten");
    assert_eq!(position.told.known.len(), REMEMBERED);
    assert_eq!(position.told.in_order.len(), REMEMBERED);
}

/// What happens to a reader and its servers.
#[derive(Debug, Clone)]
enum Step {
    /// The next predictions are made.
    Publish(usize),
    /// The reader connects, reads so many events and the line tears.
    Read(usize),
    /// Another replica answers from now on.
    Switch,
    /// The server sends some of its last events again.
    Repeat(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (1_usize..9).prop_map(Step::Publish),
        4 => (0_usize..12).prop_map(Step::Read),
        1 => Just(Step::Switch),
        1 => (1_usize..6).prop_map(Step::Repeat),
    ]
}

/// Two replicas that say the same, each with a journal of its own: the second's has other numbers.
#[derive(Debug, Default)]
struct Servers {
    published: Vec<wire::Prediction>,
    at_second: bool,
}

impl Servers {
    /// Each symbol of a bar in turn, then an amended one of the same bar.
    fn publish(&mut self) {
        let number = self.published.len();
        let bar = STEP * (1 + (number / (SYMBOLS.len() + 1)) as i64);
        let (symbol, revision) = match number % (SYMBOLS.len() + 1) {
            place if place < SYMBOLS.len() => (SYMBOLS[place], 1),
            _ => (SYMBOLS[1], 2),
        };
        self.published.push(prediction(symbol, bar, revision));
    }

    fn event(&self, index: usize) -> (wire::Prediction, u64, String) {
        let prediction = self.published[index].clone();
        let replica = u8::from(self.at_second);
        let token = format!("{replica}.{index}.{}", prediction.bar_time_ms);
        (prediction, index as u64 + 1, token)
    }

    /// What a subscription is sent, up to now.
    fn answer(&self, start: Start<'_>) -> Vec<(wire::Prediction, u64, String)> {
        let all = 0..self.published.len();
        let unnumbered = |index: usize| (self.published[index].clone(), 0, String::new());
        let after_bar = |bar: i64| {
            all.clone().filter(move |index| self.published[*index].bar_time_ms > bar).map(unnumbered)
        };
        match start {
            Start::AfterBar(bar) => after_bar(bar).collect(),
            Start::AfterToken(token) => {
                let parts: Vec<i64> = token.split('.').map(|part| part.parse().expect("a number")).collect();
                match parts[0] == i64::from(self.at_second) {
                    true => all.skip(parts[1] as usize + 1).map(|index| self.event(index)).collect(),
                    false => after_bar(parts[2] - 1).collect(),
                }
            }
            Start::Latest => {
                // The token of all of them is that of the journal's end.
                let end = all.clone().last().map(|index| self.event(index).2).unwrap_or_default();
                let latest =
                    |symbol: &&str| all.clone().rev().find(|&index| self.published[index].symbol == **symbol);
                let latest = SYMBOLS.iter().filter_map(latest);
                latest.map(|index| (self.published[index].clone(), 0, end.clone())).collect()
            }
        }
    }
}

type Name = (i64, String, u32);

fn name(prediction: &wire::Prediction) -> Name {
    (prediction.bar_time_ms, prediction.symbol.clone(), prediction.revision)
}

/// A reader as `Watch` is one.
#[derive(Debug, Default)]
struct Reader {
    position: Position,
    told: Vec<Name>,
}

impl Reader {
    fn read(&mut self, events: impl IntoIterator<Item = (wire::Prediction, u64, String)>) {
        for (prediction, sequence, token) in events {
            if self.position.tell(&prediction) {
                self.told.push(name(&prediction));
            }
            if sequence > 0 {
                self.position.reach(token);
            }
        }
    }
}

proptest! {
    #[test]
    fn everything_is_told_once_however_lines_tear_and_replicas_change(steps in prop::collection::vec(step(), 1..60)) {
        let (mut servers, mut reader) = (Servers::default(), Reader::default());
        // When the reader first heard anything, and of which bar at most.
        let mut begun: Option<(usize, i64)> = None;
        for step in steps.into_iter().chain([Step::Read(usize::MAX), Step::Publish(9), Step::Read(usize::MAX)]) {
            match step {
                Step::Publish(count) => (0..count).for_each(|_| servers.publish()),
                Step::Switch => servers.at_second = !servers.at_second,
                Step::Read(count) => {
                    let events = servers.answer(reader.position.start());
                    if let Some(bar) = events.iter().take(count).map(|(first, ..)| first.bar_time_ms).max() {
                        begun.get_or_insert((servers.published.len(), bar));
                    }
                    reader.read(events.into_iter().take(count));
                }
                Step::Repeat(count) => {
                    // Only what it has been sent on this line can come again.
                    if matches!(reader.position.start(), Start::AfterToken(_)) {
                        let told: BTreeSet<Name> = reader.told.iter().cloned().collect();
                        let sent = (0..servers.published.len()).filter(|&index| told.contains(&name(&servers.published[index])));
                        let again: Vec<usize> = sent.collect();
                        let again = again.iter().rev().take(count).rev();
                        let again: Vec<_> = again.map(|&index| (servers.published[index].clone(), 0, String::new())).collect();
                        reader.read(again);
                    }
                }
            }
        }
        let told: BTreeSet<Name> = reader.told.iter().cloned().collect();
        prop_assert_eq!(told.len(), reader.told.len(), "something was told twice");
        let (begun_at, begun_bar) = begun.expect("the last step reads");
        for (index, published) in servers.published.iter().enumerate() {
            // Of what was there before, the latest of a symbol has to be told, if it is of that bar.
            let before = &servers.published[..begun_at];
            let is_replaced = |later: &wire::Prediction| later.symbol == published.symbol && later.bar_time_ms == published.bar_time_ms;
            let is_old = index < begun_at && (published.bar_time_ms < begun_bar || before.iter().skip(index + 1).any(is_replaced));
            prop_assert!(is_old || told.contains(&name(published)), "{:?} is missing", name(published));
        }
    }
}
