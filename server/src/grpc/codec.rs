//! The wire of calls that answer predictions: what is encoded already is copied, the rest is encoded as ever.

use std::marker::PhantomData;
use std::sync::Arc;

use bytes::BufMut;
use kline::{Interval, Milliseconds};
use prost::Message;
use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint, key_len, uint64};
use proto::v1;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, EncodeBuf, Encoder};
use tonic_prost::ProstDecoder;

use crate::convert;
use crate::encoded::Encoded;
use crate::selection::Selection;
use crate::service::Answered;
use crate::subscribers::Published;

/// `PredictResponse.prediction` and `SubscribeResponse.prediction`.
const PREDICTION_FIELD: u32 = 1;

/// `SubscribeResponse.sequence`.
const SEQUENCE_FIELD: u32 = 4;

/// `SubscribeResponse.resume_token`.
const TOKEN_FIELD: u32 = 5;

/// Room for a prediction of all tasks.
const ANSWER_BYTES: usize = 4 * 1024;

/// At how many bytes the predictions of one bar leave together.
pub(super) const LEAVE_BYTES: usize = 32 * 1024;

/// A message, or a prediction that stands for one.
pub(super) enum Reply<M> {
    /// Encoded now.
    Message(M),
    /// A message whose first field is the prediction.
    Prediction(PredictionReply),
}

/// A prediction, and its place if it is an event of a subscription.
#[derive(Debug)]
pub(super) struct PredictionReply {
    encoded: Arc<Encoded>,
    selection: Selection,
    staleness_ms: Milliseconds,
    /// The event's sequence number and resume token.
    place: Option<(u64, Arc<str>)>,
}

impl<M> Reply<M> {
    /// The answer of a unary call; `message` wraps a prediction that has to be encoded anew, for what was added to it.
    pub(super) fn answered(
        answered: &Answered,
        interval: Interval,
        message: impl FnOnce(v1::Prediction) -> M,
    ) -> Self {
        if answered.explanations.is_some() {
            return Self::Message(message(convert::answered(answered, interval)));
        }
        Self::Prediction(PredictionReply {
            encoded: answered.encoded.clone(),
            selection: answered.selection,
            staleness_ms: answered.staleness_ms,
            place: None,
        })
    }

    /// An event of a subscription.
    pub(super) fn published(
        published: &Published,
        selection: Selection,
        staleness_ms: Milliseconds,
        token: Arc<str>,
    ) -> Self {
        let encoded = published.encoded.clone();
        let place = Some((published.sequence(), token));
        Self::Prediction(PredictionReply { encoded, selection, staleness_ms, place })
    }
}

impl<M: Message> Reply<M> {
    /// How many bytes [`Reply::put`] puts.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Message(message) => message.encoded_len(),
            Self::Prediction(prediction) => prediction.len(),
        }
    }

    /// Puts the message; the buffer grows as it has to.
    pub(super) fn put(&self, buffer: &mut impl BufMut) {
        match self {
            Self::Message(message) => message.encode_raw(buffer),
            Self::Prediction(prediction) => prediction.put(buffer),
        }
    }
}

impl PartialEq for PredictionReply {
    /// Whether it is the same one: its bytes are the same then.
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.encoded, &other.encoded)
            && (self.selection, self.staleness_ms) == (other.selection, other.staleness_ms)
            && self.place == other.place
    }
}

impl PredictionReply {
    /// How many bytes [`PredictionReply::put`] puts.
    pub(super) fn len(&self) -> usize {
        let prediction =
            self.encoded.wire(convert::whole).put_len(PREDICTION_FIELD, self.selection, self.staleness_ms);
        let Some((sequence, token)) = &self.place else { return prediction };
        let sequence = if *sequence == 0 { 0 } else { uint64::encoded_len(SEQUENCE_FIELD, sequence) };
        let token = if token.is_empty() {
            0
        } else {
            key_len(TOKEN_FIELD) + encoded_len_varint(token.len() as u64) + token.len()
        };
        prediction + sequence + token
    }

    pub(super) fn put(&self, buffer: &mut impl BufMut) {
        self.encoded.wire(convert::whole).put(PREDICTION_FIELD, self.selection, self.staleness_ms, buffer);
        let Some((sequence, token)) = &self.place else { return };
        if *sequence != 0 {
            uint64::encode(SEQUENCE_FIELD, sequence, buffer);
        }
        if !token.is_empty() {
            encode_key(TOKEN_FIELD, WireType::LengthDelimited, buffer);
            encode_varint(token.len() as u64, buffer);
            buffer.put_slice(token.as_bytes());
        }
    }
}

/// Reads `R`, writes [`Reply`] of `M`.
#[derive(Debug)]
pub(super) struct AnswerCodec<M, R>(PhantomData<(M, R)>);

impl<M, R> Default for AnswerCodec<M, R> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M, R> Codec for AnswerCodec<M, R>
where
    M: Message + Send + 'static,
    R: Message + Default + Send + 'static,
{
    type Encode = Reply<M>;
    type Decode = R;
    type Encoder = AnswerEncoder<M>;
    type Decoder = ProstDecoder<R>;

    fn encoder(&mut self) -> Self::Encoder {
        AnswerEncoder(PhantomData)
    }

    fn decoder(&mut self) -> Self::Decoder {
        ProstDecoder::new(BufferSettings::default())
    }
}

#[derive(Debug)]
pub(super) struct AnswerEncoder<M>(PhantomData<M>);

impl<M: Message> Encoder for AnswerEncoder<M> {
    type Item = Reply<M>;
    type Error = Status;

    fn encode(&mut self, reply: Reply<M>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        reply.put(buffer);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(ANSWER_BYTES, LEAVE_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing;

    #[test]
    fn an_event_reads_as_the_message_that_it_stands_for() {
        let made = Arc::new(testing::prediction("BTCUSDT", 5, 2));
        let encoded = Arc::new(Encoded::new(made.clone(), Interval::M15));
        for (sequence, token) in [(7, "1.7.ab.0"), (0, "")] {
            let reply = PredictionReply {
                encoded: encoded.clone(),
                selection: Selection::ALL,
                staleness_ms: 12,
                place: Some((sequence, token.into())),
            };
            let mut bytes = Vec::new();
            reply.put(&mut bytes);
            assert_eq!(bytes.len(), reply.len());
            let prediction = convert::prediction(&made, Selection::ALL, Interval::M15, 12);
            let expected = v1::SubscribeResponse {
                sequence,
                resume_token: token.to_owned(),
                event: Some(v1::subscribe_response::Event::Prediction(prediction)),
            };
            assert_eq!(v1::SubscribeResponse::decode(bytes.as_slice()), Ok(expected));
        }
    }
}
