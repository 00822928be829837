use std::path::Path;

use forecast::JournalRecord;
use kline::Interval;
use store::Home;

use super::*;
use crate::testing::{encoded, prediction};

/// A journal with `count` bars of pair `A`, numbers from 1 on.
fn journal(folder: &Path, count: i64) -> Home {
    let home = Home::open(folder).expect("opens");
    for bar in 1..=count {
        write(&home, "A", bar, 1);
    }
    home
}

/// Journals a prediction and answers it as the journal's thread publishes it.
fn write(home: &Home, symbol: &str, bar: i64, revision: u32) -> Arc<Published> {
    let encoded = encoded(symbol, bar, revision);
    let record = JournalRecord::Prediction(encoded.prediction.clone());
    let kept = home.journal().keep(&[record]).expect("kept");
    Arc::new(Published::journalled(encoded, kept[0].place.expect("a place")))
}

fn subscription(folder: &Path, shared: &Arc<Shared>) -> Subscription {
    Subscription {
        selection: Selection::ALL,
        wanted: None,
        shared: Arc::clone(shared),
        stores: Stores::open(folder, &store::Places::default()).expect("opens"),
        turns: Arc::new(Semaphore::new(1)),
        interval: Interval::M15,
        listener: shared.subscribers.subscribe(),
        nowcasts: None,
        delivery: Delivery::Bounded,
        position: None,
        after: None,
        oldest: None,
        caught_up_to: 0,
        first: VecDeque::new(),
        sent: HashSet::new(),
        newest: None,
        pulse: Pulse::new(Duration::from_secs(60)),
        lease: Lease::default(),
    }
}

fn shared(queue: usize) -> Arc<Shared> {
    Arc::new(Shared::new(&["A".parse().expect("a name"), "B".parse().expect("a name")], queue))
}

/// Bars are told by their number, so that expectations are short.
fn bar_number(prediction: &Prediction) -> i64 {
    (prediction.bar_time.milliseconds() + 1) / 900_000 - 1
}

#[derive(Debug, PartialEq, Eq)]
enum Told {
    Prediction(String, i64, u32, u64),
    Lagged(u64),
}

/// The next things that are told, so many and then nothing for a moment.
async fn told(subscription: &mut Subscription, count: usize) -> Vec<Told> {
    let mut told = Vec::new();
    while told.len() < count {
        let next = tokio::time::timeout(Duration::from_secs(60), subscription.next()).await;
        let event = next.expect("something is told in time").expect("the server does not stop");
        told.push(match event.announcement {
            Announcement::Prediction(published, _) => {
                let made = published.prediction();
                Told::Prediction(
                    made.symbol.to_string(),
                    bar_number(made),
                    made.revision,
                    published.sequence(),
                )
            }
            Announcement::Lagged(count) => Told::Lagged(count),
            other => panic!("{other:?}"),
        });
    }
    let more = tokio::time::timeout(Duration::from_millis(20), subscription.next()).await;
    assert!(more.is_err(), "{more:?} is told too");
    told
}

fn a(bar: i64, number: u64) -> Told {
    Told::Prediction("A".to_owned(), bar, 1, number)
}

#[tokio::test]
async fn what_was_read_first_does_not_come_again_however_late_the_ring_hears_of_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = journal(folder.path(), 0);
    let shared = shared(8);
    let mut subscription = subscription(folder.path(), &shared);
    let table = |bar| Arc::new(Published { encoded: encoded("A", bar, 1), place: None, token: "".into() });
    subscription.first = [table(1), table(2)].into();
    subscription.sent = [1, 2].map(|bar| key(&prediction("A", bar, 1))).into();
    subscription.newest = Some(prediction("A", 2, 1).bar_time);
    // Nothing of it is in the ring yet when the subscription begins.
    for (bar, revision) in [(1, 1), (2, 1), (1, 2), (3, 1)] {
        shared.subscribers.publish(write(&home, "A", bar, revision));
    }
    let heard = told(&mut subscription, 4).await;
    assert_eq!(heard, [a(1, 0), a(2, 0), Told::Prediction("A".to_owned(), 1, 2, 3), a(3, 4)]);
}

#[tokio::test]
async fn resuming_reads_the_journal_and_goes_on_with_the_ring_without_a_hole_or_a_double() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = journal(folder.path(), 1_203);
    let shared = shared(8);
    let mut subscription = subscription(folder.path(), &shared);
    subscription.after = Some(2);
    // In the journal and in the ring.
    shared.subscribers.publish(write(&home, "A", 1_204, 1));
    let numbers = |heard: Vec<Told>| -> Vec<u64> {
        heard
            .into_iter()
            .map(|told| if let Told::Prediction(.., number) = told { number } else { 0 })
            .collect()
    };
    assert_eq!(numbers(told(&mut subscription, 1_202).await), (3..=1_204).collect::<Vec<_>>());
    shared.subscribers.publish(write(&home, "A", 1_205, 1));
    assert_eq!(numbers(told(&mut subscription, 1).await), [1_205]);
}

#[tokio::test]
async fn resuming_by_a_bar_leaves_out_earlier_ones_and_then_tells_everything() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = journal(folder.path(), 40);
    write(&home, "A", 3, 2);
    let shared = shared(8);
    let mut subscription = subscription(folder.path(), &shared);
    let from = prediction("A", 21, 1).bar_time;
    subscription.after = home.journal().first_number_from(from).expect("readable").map(|number| number - 1);
    subscription.oldest = Some(from);
    assert_eq!(*subscription.token(), *"");
    let heard = told(&mut subscription, 20).await;
    assert_eq!(heard, (21..=40).map(|bar| a(bar, bar.unsigned_abs())).collect::<Vec<_>>());
    // From now on corrections of earlier bars are news.
    shared.subscribers.publish(write(&home, "A", 3, 3));
    assert_eq!(told(&mut subscription, 1).await, [Told::Prediction("A".to_owned(), 3, 3, 42)]);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_or_loses_nothing_or_gets_the_latest() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = journal(folder.path(), 0);
    let shared = shared(4);
    let [mut bounded, mut lossless, mut conflating] = [(); 3].map(|()| subscription(folder.path(), &shared));
    lossless.delivery = Delivery::Lossless;
    conflating.delivery = Delivery::Conflating;
    for bar in 1..=9 {
        let published = write(&home, if bar == 2 { "B" } else { "A" }, bar, 1);
        shared.latest.load().put(published.encoded.clone());
        shared.subscribers.publish(published);
    }
    assert_eq!(told(&mut bounded, 5).await, [Told::Lagged(5), a(6, 6), a(7, 7), a(8, 8), a(9, 9)]);
    let mut all: Vec<Told> = (1..=9).map(|bar| a(bar, bar.unsigned_abs())).collect();
    all[1] = Told::Prediction("B".to_owned(), 2, 1, 2);
    assert_eq!(told(&mut lossless, 9).await, all);
    // Of B only the table still knows; its own event is not told again.
    let heard = told(&mut conflating, 3).await;
    assert_eq!(heard, [Told::Lagged(8), Told::Prediction("B".to_owned(), 2, 1, 0), a(9, 9)]);
    // Whoever keeps up hears everything, however it is delivered.
    shared.subscribers.publish(write(&home, "A", 10, 1));
    for subscription in [&mut bounded, &mut lossless, &mut conflating] {
        assert_eq!(told(subscription, 1).await, [a(10, 10)]);
    }
}

#[tokio::test]
async fn what_is_filtered_out_moves_the_token_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = journal(folder.path(), 0);
    let shared = shared(8);
    let mut subscription = subscription(folder.path(), &shared);
    subscription.wanted = Some(vec!["B".parse().expect("a name")]);
    subscription.pulse = Pulse::new(Duration::from_millis(5));
    shared.subscribers.publish(write(&home, "A", 1, 1));
    let event = subscription.next().await.expect("a heartbeat");
    assert!(matches!(event.announcement, Announcement::Heartbeat(None)), "{event:?}");
    let token: ResumeToken = event.token.parse().expect("a token");
    assert_eq!(token.number, 1);
}
