//! A journalled prediction made again: the stored klines and the stored bundle through the machine that serves, and every bit compared.

mod compare;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use forecast::{
    Bundle, BundleDigest, Effect, Event, Forecaster, ForecasterSettings, Prediction, Renewed, Role, Task,
    renewal_block,
};
use kline::{BarTime, Interval, Kline, Milliseconds, Symbol};

pub use compare::Difference;
pub(crate) use compare::compare;

use crate::prediction_id::PredictionId;
use crate::reason::{Reason, Refusal};
use crate::renewal::making::from_store;
use crate::stores::Stores;
use crate::unhurried::{Haste, unhurried};

/// The first millisecond of the year 10000: no bar is that late, and no arithmetic overflows before.
const TIME_MAX: Milliseconds = 253_402_300_800_000;

/// How a prediction that was made again compares with the journalled one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every bit is the same.
    Same,
    /// A later revision came out the same.
    Superseded,
    /// What is stored gives something else.
    Differs,
    /// What is stored gives no prediction.
    NotMade,
}

/// One market's klines that went in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayHistory {
    /// The market.
    pub symbol: Symbol,
    /// How many of the bars needed are stored.
    pub stored_bars: usize,
    /// The first of them.
    pub first_bar: Option<BarTime>,
}

/// A prediction that was made again, beside what was journalled.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The prediction.
    pub id: PredictionId,
    /// Its bundle.
    pub bundle: BundleDigest,
    /// How they compare.
    pub verdict: Verdict,
    /// The verdict in a sentence, with what it may come from.
    pub explanation: String,
    /// The last revision in the journal.
    pub last_revision: u32,
    /// How many numbers were compared.
    pub compared: usize,
    /// What differs.
    pub differences: Vec<Difference>,
    /// The markets that went in.
    pub histories: Vec<ReplayHistory>,
}

/// What the journal has about one bar, pair and bundle.
struct Journalled {
    asked: Arc<Prediction>,
    last: Arc<Prediction>,
    /// The pairs about which the bundle has said something at the bar.
    answered: BTreeSet<Symbol>,
}

/// Makes a prediction again, with these symbols followed. Takes seconds; blocks.
///
/// # Errors
/// [`Reason::UnknownPrediction`], [`Reason::AmbiguousPrediction`], [`Reason::BundleRefused`] or [`Reason::StoreFailed`].
pub fn replay(
    stores: &Stores,
    followed: &[Symbol],
    interval: Interval,
    id: &PredictionId,
) -> Result<Replay, Refusal> {
    let Journalled { asked, last, answered } = find(stores, interval, id)?;
    let bundle = Arc::new(stores.bundle(asked.bundle, Haste::Unhurried)?);
    let all: BTreeSet<Symbol> = followed.iter().chain(&answered).copied().collect();
    let history = read(stores, &all, interval, asked.bar_time)?;
    let renewed = served_with(stores, &bundle, interval, &last)?;
    let mut made = unhurried(|| make(&bundle, interval, &asked, &history, &renewed))?;
    let is_same = |made: &Option<Arc<Prediction>>| made.as_ref().is_some_and(|made| last.same_bits(made));
    let mut used = history;
    if !is_same(&made) && answered != all {
        // Other pairs may have been followed then, and the features across pairs look at all that are.
        let fewer: BTreeMap<_, _> = used
            .iter()
            .filter(|(symbol, _)| answered.contains(symbol))
            .map(|(s, k)| (*s, k.clone()))
            .collect();
        let other = unhurried(|| make(&bundle, interval, &asked, &fewer, &renewed))?;
        if is_same(&other) {
            (made, used) = (other, fewer);
        }
    }
    let histories: Vec<ReplayHistory> = used
        .iter()
        .map(|(&symbol, klines)| ReplayHistory {
            symbol,
            stored_bars: klines.len(),
            first_bar: klines.first().map(|kline| kline.bar_time(interval)),
        })
        .collect();
    Ok(judge(&asked, &last, made.as_deref(), histories))
}

/// What the journal has of an id.
fn find(stores: &Stores, interval: Interval, id: &PredictionId) -> Result<Journalled, Refusal> {
    let unknown = |message: String| Refusal::new(Reason::UnknownPrediction, message).with("id", id);
    let bar = (0..TIME_MAX)
        .contains(&id.bar_time_ms)
        .then(|| BarTime::from_close(id.bar_time_ms, interval))
        .flatten()
        .ok_or_else(|| {
            unknown(format!("{} is not the last millisecond of a bar of {interval}", id.bar_time_ms))
        })?;
    let journalled = stores.predictions_at(bar)?;
    let of_symbol = journalled.iter().filter(|made| made.symbol == id.symbol);
    let fitting: Vec<_> = of_symbol.filter(|made| id.bundle.fits(made.bundle)).collect();
    let bundles: BTreeSet<BundleDigest> = fitting.iter().map(|made| made.bundle).collect();
    if bundles.len() > 1 {
        let known = bundles.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let message = format!(
            "{} bundles of predictions begin with {:?}: {known}",
            bundles.len(),
            id.bundle.to_string()
        );
        return Err(Refusal::new(Reason::AmbiguousPrediction, message).with("id", id).with("known", known));
    }
    let last = fitting.iter().max_by_key(|made| made.revision);
    let asked = match id.revision {
        None => last,
        Some(revision) => fitting.iter().find(|made| made.revision == revision),
    };
    let Some((asked, last)) = asked.zip(last) else {
        let known: Vec<String> = journalled
            .iter()
            .filter(|made| made.symbol == id.symbol)
            .map(|made| PredictionId::of(made).to_string())
            .collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        return Err(unknown(format!(
            "prediction {id} is not in the journal; of this pair and bar it has {known}"
        )));
    };
    let same_bundle = journalled.iter().filter(|made| made.bundle == asked.bundle);
    Ok(Journalled {
        asked: Arc::clone(asked),
        last: Arc::clone(last),
        answered: same_bundle.map(|made| made.symbol).collect(),
    })
}

/// The stored klines of the bars that an answer at `bar` depends on.
fn read(
    stores: &Stores,
    symbols: &BTreeSet<Symbol>,
    interval: Interval,
    bar: BarTime,
) -> Result<BTreeMap<Symbol, Vec<Kline>>, Refusal> {
    let from = bar.plus(1 - NEEDED_BARS, interval);
    symbols.iter().map(|&symbol| Ok((symbol, stores.klines(symbol, interval, from, bar)?))).collect()
}

/// So many bars make an answer independent of where the history begins.
pub const NEEDED_BARS: i64 = Forecaster::HISTORY_BARS as i64;

/// What was renewed for a prediction: what is kept, or comes out of the stored klines if the block's is not kept any more and its
/// bands are not what the bundle ships.
fn served_with(
    stores: &Stores,
    bundle: &Bundle,
    interval: Interval,
    said: &Prediction,
) -> Result<Renewed, Refusal> {
    let block = renewal_block(said.bar_time, interval);
    // Of what can't be read the part that is asked about is made anew.
    let kept = stores.kept_renewed(bundle.digest(), interval).ok().flatten().unwrap_or_default();
    if kept.has(block) || has_shipped_bands(bundle, said) {
        return Ok(kept);
    }
    let made = from_store(stores, bundle, block..=block, Haste::Unhurried)?;
    Ok(made.unwrap_or_default())
}

/// Whether a prediction's bands are those that its bundle ships.
fn has_shipped_bands(bundle: &Bundle, said: &Prediction) -> bool {
    let shipped = bundle.bands().of(said.symbol);
    let volatility = said.task(Task::Volatility4Step).and_then(|task| task.ensemble.value());
    said.tasks.iter().all(|task| {
        let bands = shipped.around(task.task, &task.ensemble, volatility.unwrap_or(f64::NAN));
        bands.len() == task.bands.len() && bands.iter().zip(&task.bands).all(|(a, b)| a.same_bits(b))
    })
}

/// What the bundle says about the prediction's pair and bar from this history, with what was renewed.
fn make(
    bundle: &Arc<Bundle>,
    interval: Interval,
    asked: &Prediction,
    history: &BTreeMap<Symbol, Vec<Kline>>,
    renewed: &Renewed,
) -> Option<Arc<Prediction>> {
    let symbols = history.keys().copied().collect();
    let mut forecaster = Forecaster::new(ForecasterSettings { symbols, interval, max_lateness_ms: 0 });
    let mut effects = Vec::new();
    let renewed = Event::Renew { bundle: bundle.digest(), renewed: renewed.clone() };
    forecaster.apply(renewed, &mut effects);
    let event = Event::TakeUp { role: Role::Champion, bundle: Arc::clone(bundle) };
    forecaster.apply(event, &mut effects);
    forecaster.warm_up(history, &mut effects);
    effects.into_iter().find_map(|effect| match effect {
        Effect::Publish(made) if made.symbol == asked.symbol && made.bar_time == asked.bar_time => Some(made),
        _ => None,
    })
}

fn judge(
    asked: &Prediction,
    last: &Prediction,
    made: Option<&Prediction>,
    histories: Vec<ReplayHistory>,
) -> Replay {
    let comparison = made.map(|made| compare::compare(asked, made)).unwrap_or_default();
    let verdict = match made {
        None => Verdict::NotMade,
        Some(made) if asked.same_bits(made) => Verdict::Same,
        Some(made) if last.same_bits(made) => Verdict::Superseded,
        Some(_) => Verdict::Differs,
    };
    Replay {
        explanation: explain(verdict, asked, last, comparison.compared, &histories),
        id: PredictionId::of(asked),
        bundle: asked.bundle,
        verdict,
        last_revision: last.revision,
        compared: comparison.compared,
        differences: comparison.differences,
        histories,
    }
}

fn explain(
    verdict: Verdict,
    asked: &Prediction,
    last: &Prediction,
    compared: usize,
    histories: &[ReplayHistory],
) -> String {
    let (revision, last) = (asked.revision, last.revision);
    let mut text = match verdict {
        Verdict::Same => format!("all {compared} numbers are the same, to the last bit"),
        Verdict::Superseded => {
            return format!(
                "revision {revision} was made from klines that were corrected or came late since, and those of then are not kept; \
                 revision {last}, made from the klines as they are stored, is the same to the last bit"
            );
        }
        Verdict::Differs => "the stored klines give another answer: one of them was changed after the last revision \
             (the exchange's corrections of bars that are too old to be replayed are stored too), or other pairs were followed then"
            .to_owned(),
        Verdict::NotMade => {
            format!("the stored klines give no answer, the one of {} at this bar is not stored", asked.symbol)
        }
    };
    let short: Vec<String> = histories
        .iter()
        .filter(|history| (history.stored_bars as i64) < NEEDED_BARS)
        .map(|history| format!("{} {}", history.symbol, history.stored_bars))
        .collect();
    if verdict != Verdict::Same && !short.is_empty() {
        // A string takes every text.
        let _ = write!(text, "; of the {NEEDED_BARS} bars needed, too few are stored: {}", short.join(", "));
    }
    if verdict == Verdict::Same && revision < last {
        let _ = write!(text, "; revision {last} came later from other klines");
    }
    text
}

#[cfg(test)]
mod tests {
    use forecast::JournalRecord;
    use store::Home;

    use super::*;
    use crate::testing::prediction;

    #[test]
    fn an_id_finds_its_prediction_and_what_is_ambiguous_names_the_bundles() {
        let folder = tempfile::tempdir().expect("a folder");
        let made = |first_byte: u8, revision: u32| {
            let mut bundle = BundleDigest([7; 32]);
            bundle.0[0] = first_byte;
            JournalRecord::Prediction(Arc::new(Prediction { bundle, ..prediction("BTCUSDT", 5, revision) }))
        };
        let home = Home::open(folder.path()).expect("opens");
        home.journal().append(&[made(0x07, 1), made(0x07, 2), made(0x0a, 1)]).expect("kept");
        let stores = Stores::open(folder.path(), &store::Places::default()).expect("opens");
        let find = |text: &str| find(&stores, Interval::M15, &text.parse().expect("readable"));
        let found =
            |text: &str| find(text).map(|found| (found.asked.revision, found.last.revision)).expect("found");
        assert_eq!(found("BTCUSDT:5399999:07"), (2, 2));
        assert_eq!(found("BTCUSDT:5399999:070707070707:1"), (1, 2));
        assert_eq!(found("BTCUSDT:5399999:0A"), (1, 1));
        let refused = find("BTCUSDT:5399999:0").err().expect("two bundles");
        assert!(
            refused.reason == Reason::AmbiguousPrediction && refused.message.contains("0a0707"),
            "{refused}"
        );
        let refused = find("BTCUSDT:5399999:07:3").err().expect("no such revision");
        assert!(
            refused.reason == Reason::UnknownPrediction && refused.message.contains(":0a0707070707:1"),
            "{refused}"
        );
    }
}
