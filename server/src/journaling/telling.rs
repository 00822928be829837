//! Which predictions subscribers are told of, in the order of the journal.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use forecast::{JournalRecord, Prediction};
use kline::Interval;
use store::{ChainPlace, Kept, PlacedPrediction, RecordKey};

use super::Sink;
use crate::encoded::Encoded;
use crate::resume::ResumeToken;
use crate::state::Shared;
use crate::subscribers::Published;

/// How many predictions are read from the journal at once.
const PAGE: u32 = 1_000;

/// How many predictions that another process wrote, and that this one has still to make, are remembered.
const AHEAD_MAX: usize = 65_536;

/// What names a prediction in the journal.
pub(super) fn key(prediction: &Arc<Prediction>) -> RecordKey {
    RecordKey::of(&JournalRecord::Prediction(Arc::clone(prediction)))
}

/// Tells subscribers. Numbers never go back, so that a number says what a subscriber has had. When another process writes
/// to the same journal, its predictions are told when this one's next are written, as a reader of the journal sees them.
pub(super) struct Teller {
    interval: Interval,
    shared: Arc<Shared>,
    /// The last record that is known to be in the journal.
    end: i64,
    /// The last prediction that was told.
    told: i64,
    /// Places of the last records, whose predictions may still be asked to be told.
    recent: HashMap<RecordKey, ChainPlace>,
    /// Told because another process wrote it, before this one made it.
    ahead: HashSet<RecordKey>,
}

impl Teller {
    pub(super) fn new(interval: Interval, shared: Arc<Shared>) -> Self {
        Self { interval, shared, end: 0, told: 0, recent: HashMap::new(), ahead: HashSet::new() }
    }

    /// Looks where the journal ends: what is in it already is not told.
    pub(super) fn begin(&mut self, sink: &mut impl Sink) {
        match sink.last_place() {
            Ok(Some(place)) => {
                (self.end, self.told) = (place.number, place.number);
                self.shared.subscribers.set_end(ResumeToken::of(place, 0));
            }
            Ok(None) => {}
            Err(problem) => tracing::error!(problem, "the journal's end is not known"),
        }
    }

    /// Tells of predictions after their records were written.
    pub(super) fn tell(
        &mut self,
        sink: &mut impl Sink,
        records: &[JournalRecord],
        kept: &[Kept],
        published: Vec<Arc<Encoded>>,
    ) {
        let placed = records.iter().zip(kept).filter_map(|(record, kept)| match record {
            JournalRecord::Prediction(prediction) => Some((key(prediction), kept.place?)),
            JournalRecord::Resolution(_) => None,
        });
        let mut places: HashMap<RecordKey, ChainPlace> = placed.collect();
        let mut new = kept.iter().filter(|kept| kept.is_new).filter_map(|kept| Some(kept.place?.number));
        let (first, last) = (new.next(), kept.iter().filter_map(|kept| Some(kept.place?.number)).max());
        let alone = first.is_none_or(|first| first == self.end + 1);
        self.end = self.end.max(last.unwrap_or_default());
        if !alone {
            self.read_on(sink, &published);
        }
        for encoded in published {
            let key = key(&encoded.prediction);
            if self.ahead.remove(&key) {
                continue;
            }
            let place = places.get(&key).or_else(|| self.recent.get(&key)).copied();
            self.publish(encoded, place);
        }
        if !records.is_empty() {
            std::mem::swap(&mut self.recent, &mut places);
        }
    }

    /// Tells what the journal has since the last prediction that was told: of others too, as far as the champion made it.
    fn read_on(&mut self, sink: &mut impl Sink, own: &[Arc<Encoded>]) {
        let mut own: HashMap<RecordKey, &Arc<Encoded>> =
            own.iter().map(|encoded| (key(&encoded.prediction), encoded)).collect();
        let champion = self.shared.champion.load().bundle.as_ref().map(|bundle| bundle.digest());
        loop {
            let page = match sink.predictions_after(self.told, PAGE) {
                Ok(page) => page,
                Err(problem) => {
                    tracing::error!(problem, "what other processes wrote to the journal is not told");
                    return;
                }
            };
            let is_last = page.len() < PAGE as usize;
            for PlacedPrediction { place, prediction } in page {
                let key = key(&prediction);
                let ours = own.remove(&key);
                if ours.is_none() && champion.is_some_and(|champion| champion != prediction.bundle) {
                    continue;
                }
                let made = ours.cloned().unwrap_or_else(|| Arc::new(Encoded::new(prediction, self.interval)));
                if self.ahead.len() >= AHEAD_MAX {
                    self.ahead.clear();
                }
                self.ahead.insert(key);
                self.publish(made, Some(place));
            }
            if is_last {
                return;
            }
        }
    }

    /// Publishes a prediction. One that was journalled before others that were told, of a challenger that became the champion,
    /// has no number of its own.
    fn publish(&mut self, encoded: Arc<Encoded>, place: Option<ChainPlace>) {
        let published = match place.filter(|place| place.number > self.told) {
            Some(place) => {
                self.told = place.number;
                Published::journalled(encoded, place)
            }
            None => Published { encoded, place: None, token: self.shared.subscribers.end_token() },
        };
        let published = Arc::new(published);
        self.shared.subscribers.publish(published);
    }
}
