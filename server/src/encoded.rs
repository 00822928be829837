//! A prediction and its bytes for the wire, made once for all who read it.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::{BufMut, Bytes};
use forecast::{Prediction, Task};
use kline::{Interval, Milliseconds};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, int64, key_len, message};

use crate::selection::Selection;

/// `klinecast.v1.Prediction.staleness_ms`.
const STALENESS_FIELD: u32 = 11;

/// `klinecast.v1.Prediction.tasks`.
const TASKS_FIELD: u32 = 12;

/// A prediction that is encoded by whoever needs its bytes first.
#[derive(Debug)]
pub struct Encoded {
    /// The prediction.
    pub prediction: Arc<Prediction>,
    interval: Interval,
    wire: OnceLock<Wire>,
    json: OnceLock<Box<str>>,
}

/// The fields of `klinecast.v1.Prediction` but for the staleness, which grows while the prediction stands.
#[derive(Debug)]
pub struct Wire {
    bytes: Bytes,
    head: usize,
    /// Where each task's field stands; empty if the prediction does not have it.
    tasks: [Range<usize>; Task::COUNT],
}

impl Encoded {
    /// A prediction of which nothing is encoded yet.
    #[must_use]
    pub const fn new(prediction: Arc<Prediction>, interval: Interval) -> Self {
        Self { prediction, interval, wire: OnceLock::new(), json: OnceLock::new() }
    }

    /// The prediction's bytes; `make` answers the message of all its tasks, without the staleness.
    pub fn wire(&self, make: impl FnOnce(&Prediction, Interval) -> proto::v1::Prediction) -> &Wire {
        self.wire.get_or_init(|| Wire::of(&self.prediction, make(&self.prediction, self.interval)))
    }

    /// The prediction as a JSON object with its staleness as the last member; `make` answers the object without it.
    pub fn json(&self, staleness_ms: Milliseconds, make: impl FnOnce(&Prediction) -> String) -> String {
        let object = self.json.get_or_init(|| {
            let mut object = make(&self.prediction);
            // The closing brace.
            object.pop();
            object.into_boxed_str()
        });
        format!("{object},\"staleness_ms\":{staleness_ms}}}")
    }
}

impl Wire {
    fn of(prediction: &Prediction, whole: proto::v1::Prediction) -> Self {
        let tasks = prediction.tasks.iter().map(|answer| answer.task).zip(&whole.tasks);
        let mut bytes = Vec::with_capacity(whole.encoded_len());
        let mut places: [Range<usize>; Task::COUNT] = std::array::from_fn(|_| 0..0);
        let mut fields = Vec::new();
        for (task, answer) in tasks {
            let from = fields.len();
            message::encode(TASKS_FIELD, answer, &mut fields);
            places[task.index()] = from..fields.len();
        }
        let head = proto::v1::Prediction { tasks: Vec::new(), ..whole };
        head.encode_raw(&mut bytes);
        let head = bytes.len();
        bytes.extend_from_slice(&fields);
        let tasks = places.map(|place| match place.is_empty() {
            true => place,
            false => place.start + head..place.end + head,
        });
        Self { bytes: bytes.into(), head, tasks }
    }

    /// Puts the prediction with the selected tasks as a field of the message that is being written.
    pub fn put(
        &self,
        field: u32,
        selection: Selection,
        staleness_ms: Milliseconds,
        buffer: &mut impl BufMut,
    ) {
        encode_key(field, WireType::LengthDelimited, buffer);
        encode_varint(self.body_len(selection, staleness_ms) as u64, buffer);
        if selection == Selection::ALL {
            buffer.put_slice(&self.bytes);
        } else {
            buffer.put_slice(&self.bytes[..self.head]);
            for task in selection.tasks() {
                buffer.put_slice(&self.bytes[self.tasks[task.index()].clone()]);
            }
        }
        if staleness_ms != 0 {
            int64::encode(STALENESS_FIELD, &staleness_ms, buffer);
        }
    }

    /// How many bytes [`Wire::put`] puts.
    #[must_use]
    pub fn put_len(&self, field: u32, selection: Selection, staleness_ms: Milliseconds) -> usize {
        let body = self.body_len(selection, staleness_ms);
        key_len(field) + encoded_len_varint(body as u64) + body
    }

    fn body_len(&self, selection: Selection, staleness_ms: Milliseconds) -> usize {
        let fixed = if selection == Selection::ALL {
            self.bytes.len()
        } else {
            self.head + selection.tasks().map(|task| self.tasks[task.index()].len()).sum::<usize>()
        };
        let staleness =
            if staleness_ms == 0 { 0 } else { int64::encoded_len(STALENESS_FIELD, &staleness_ms) };
        fixed + staleness
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert;
    use crate::testing;
    use proto::v1;

    #[test]
    fn the_bytes_say_what_the_message_says_whatever_is_selected() {
        let prediction = Arc::new(testing::prediction("BTCUSDT", 5, 2));
        let mut fewer = testing::prediction("BTCUSDT", 5, 2);
        fewer.tasks.remove(2);
        for prediction in [prediction, Arc::new(fewer)] {
            let encoded = Encoded::new(prediction.clone(), Interval::M15);
            let wire = encoded.wire(convert::whole);
            for set in 0_u8..128 {
                let selection =
                    Selection::of(Task::ALL.into_iter().filter(|task| set & (1 << task.index()) != 0));
                for staleness_ms in [0, 1, 300, i64::MAX] {
                    let mut bytes = Vec::new();
                    wire.put(1, selection, staleness_ms, &mut bytes);
                    assert_eq!(bytes.len(), wire.put_len(1, selection, staleness_ms));
                    let read = v1::PredictResponse::decode(bytes.as_slice()).expect("a message");
                    let slow = convert::prediction(&prediction, selection, Interval::M15, staleness_ms);
                    assert_eq!(read.prediction, Some(slow));
                }
            }
        }
    }
}
