//! What was explained before: in memory, and over Redis where several servers share it. An explanation depends on its key
//! alone, so that none is ever out of date, whatever is swapped.

use std::sync::Arc;
use std::time::Duration;

use features::{Catalogue, RowHash};
use forecast::{BoosterExplanation, BundleDigest, Task};
use moka::sync::Cache;
use redis::{AsyncCommands as _, SetExpiry, SetOptions};

use crate::redis_line::RedisLine;
use crate::telemetry::metrics as names;

/// How many explanations of one task are kept in memory: some 2 kB each.
const KEPT: u64 = 8_192;

/// How long Redis keeps one: the rows of a day are asked about again and again, older ones seldom.
const KEPT_AFAR: Duration = Duration::from_secs(86_400);

/// A row and what is asked about it.
pub(super) type Key = (BundleDigest, RowHash, Task, usize);

/// LightGBM's and XGBoost's.
pub(super) type Explained = Arc<[BoosterExplanation; 2]>;

/// The explanations that are kept.
#[derive(Debug)]
pub(super) struct Kept {
    near: Cache<Key, Explained>,
    far: Option<Arc<RedisLine>>,
}

impl Kept {
    pub(super) fn new(redis: Option<&str>) -> Self {
        let far = redis.and_then(|url| match RedisLine::new(url, "redis_explanations", tell) {
            Ok(line) => Some(Arc::new(line)),
            Err(error) => {
                tell(Err(error.category()));
                None
            }
        });
        Self { near: Cache::new(KEPT), far }
    }

    /// The explanations of all of these, if all are kept somewhere.
    pub(super) async fn get(&self, keys: &[Key]) -> Option<Vec<Explained>> {
        let near: Vec<Option<Explained>> = keys.iter().map(|key| self.near.get(key)).collect();
        let missing: Vec<Key> =
            keys.iter().zip(&near).filter(|(_, kept)| kept.is_none()).map(|(key, _)| *key).collect();
        names::count_explanations("memory", missing.is_empty());
        if missing.is_empty() {
            return near.into_iter().collect();
        }
        let far = self.far.as_ref()?;
        let wanted: Vec<String> = missing.iter().map(name).collect();
        let read: Option<Vec<Option<Vec<u8>>>> = far.ask(async |redis| redis.mget(&wanted).await).await;
        let mut read = read.unwrap_or_default().into_iter();
        for key in missing {
            if let Some(explained) = read.next().flatten().and_then(|bytes| decode(&bytes, key.3)) {
                self.near.insert(key, Arc::new(explained));
            }
        }
        let all: Option<Vec<Explained>> = keys.iter().map(|key| self.near.get(key)).collect();
        names::count_explanations("redis", all.is_some());
        all
    }

    /// Keeps one.
    pub(super) fn put(&self, key: Key, explained: Explained) {
        if let Some(far) = self.far.clone()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let bytes = encode(&explained);
            runtime.spawn(async move {
                let options = SetOptions::default().with_expiration(SetExpiry::EX(KEPT_AFAR.as_secs()));
                // Without it the next server explains by itself.
                let _: Option<()> =
                    far.ask(async |redis| redis.set_options(name(&key), bytes, options).await).await;
            });
        }
        self.near.insert(key, explained);
    }
}

fn tell(state: Result<(), &str>) {
    match state {
        Ok(()) => tracing::info!("explanations are shared over Redis"),
        Err(problem) => {
            tracing::error!(
                problem,
                "Redis does not answer, this server keeps explanations by itself until it does"
            );
        }
    }
}

fn name((bundle, row, task, class): &Key) -> String {
    format!("klinecast:explanation:1:{bundle}:{}:{}:{class}", hex::encode(row.0), task.name())
}

/// Numbers as they are in memory, little-endian; contributions in catalogue order.
fn encode(explained: &[BoosterExplanation; 2]) -> Vec<u8> {
    let numbers =
        |of: &BoosterExplanation| [of.raw_score, of.expected].into_iter().chain(of.contributions.clone());
    explained.iter().flat_map(numbers).flat_map(f64::to_le_bytes).collect()
}

/// `None` for anything that was not written by [`encode`] for a row of this catalogue.
fn decode(bytes: &[u8], class: usize) -> Option<[BoosterExplanation; 2]> {
    let (numbers, rest) = bytes.as_chunks::<8>();
    let width = Catalogue::standard().len();
    if !rest.is_empty() || numbers.len() != 2 * (width + 2) {
        return None;
    }
    let of = |numbers: &[[u8; 8]]| BoosterExplanation {
        class,
        raw_score: f64::from_le_bytes(numbers[0]),
        expected: f64::from_le_bytes(numbers[1]),
        contributions: numbers[2..].iter().map(|number| f64::from_le_bytes(*number)).collect(),
    };
    let (lightgbm, xgboost) = numbers.split_at(width + 2);
    Some([of(lightgbm), of(xgboost)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back_to_the_bit_and_nothing_else_does() {
        let width = Catalogue::standard().len();
        let of = |first: f64| BoosterExplanation {
            class: 2,
            raw_score: first,
            expected: -0.0,
            contributions: (0..width).map(|at| first / (at as f64 + 3.0)).collect(),
        };
        let explained = [of(0.1), of(f64::MIN_POSITIVE)];
        let bytes = encode(&explained);
        let read = decode(&bytes, 2).expect("readable");
        assert_eq!(read, explained);
        assert!(read[0].expected.is_sign_negative());
        for damaged in [&bytes[1..], &bytes[..bytes.len() - 8], &[][..]] {
            assert_eq!(decode(damaged, 2), None);
        }
    }
}
