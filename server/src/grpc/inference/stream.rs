//! `ModelStreamInfer`: one answer a request, in their order, and the answers of subscriptions between them.

use std::pin::Pin;

use futures::stream::{SelectAll, Stream, StreamExt, unfold};
use proto::inference as wire;
use proto::inference::infer_parameter::ParameterChoice;
use tokio_util::sync::CancellationToken;
use tonic::{Extensions, Status, Streaming};

use super::{decode, encode, infer};
use crate::access::Lease;
use crate::convert;
use crate::reason::{Reason, Refusal};
use crate::service::Service;
use crate::service::inference::InferSubscription;

/// How many subscriptions one stream may hold; further ones are refused in it.
const SUBSCRIPTIONS_MAX: usize = 64;

type Answer = wire::ModelStreamInferResponse;

type Subscribed = Pin<Box<dyn Stream<Item = Answer> + Send>>;

struct Open {
    service: Service,
    draining: CancellationToken,
    requests: Streaming<wire::ModelInferRequest>,
    subscriptions: SelectAll<Subscribed>,
    /// The right to go on.
    lease: Lease,
    /// Holds the stream's place.
    _place: Extensions,
}

/// The answers to a stream's requests, until the caller's side ends (subscriptions end with it) or the server stops.
pub(super) fn answers(
    service: Service,
    requests: Streaming<wire::ModelInferRequest>,
    place: Extensions,
) -> impl Stream<Item = Result<Answer, Status>> + Send {
    let draining = service.shared().draining.clone();
    let lease = Lease::of(&place);
    let open = Open { service, draining, requests, subscriptions: SelectAll::new(), lease, _place: place };
    unfold(Some(open), |open| async move { open?.next().await })
}

enum Heard {
    Request(Result<Option<wire::ModelInferRequest>, Status>),
    Subscribed(Answer),
    Draining,
}

impl Open {
    /// The next answer, and what is open after it.
    async fn next(mut self) -> Option<(Result<Answer, Status>, Option<Self>)> {
        loop {
            let heard = tokio::select! {
                biased;
                () = self.draining.cancelled() => Heard::Draining,
                request = self.requests.message() => Heard::Request(request),
                Some(answer) = self.subscriptions.next(), if !self.subscriptions.is_empty() => {
                    Heard::Subscribed(answer)
                }
            };
            if let Err(refusal) = self.lease.check() {
                return Some((Err(convert::status(&refusal)), None));
            }
            match heard {
                Heard::Draining => {
                    let refusal = Refusal::new(Reason::Draining, "the server is stopping");
                    return Some((Err(convert::status(&refusal)), None));
                }
                Heard::Request(Ok(None)) => return None,
                Heard::Request(Err(status)) => return Some((Err(status), None)),
                Heard::Subscribed(answer) => return Some((Ok(answer), Some(self))),
                Heard::Request(Ok(Some(request))) => {
                    let (model, id) = (request.model_name.clone(), request.id.clone());
                    let answered = self.take(request).await;
                    match answered {
                        Ok(None) => {}
                        Ok(Some(answer)) => return Some((Ok(answer), Some(self))),
                        Err(refusal) => return Some((Ok(refused(&refusal, model, id)), Some(self))),
                    }
                }
            }
        }
    }

    /// Answers a request, or opens its subscription.
    async fn take(&mut self, request: wire::ModelInferRequest) -> Result<Option<Answer>, Refusal> {
        if !decode::subscribes(&request)? {
            return Ok(Some(answered(infer(&self.service, request).await?)));
        }
        if self.subscriptions.len() >= SUBSCRIPTIONS_MAX {
            let message = format!("the stream has {SUBSCRIPTIONS_MAX} subscriptions, no more are allowed");
            return Err(Refusal::new(Reason::Busy, message).with("parameter", decode::SUBSCRIBE));
        }
        self.subscriptions.push(subscribe(&self.service, request).await?);
        Ok(None)
    }
}

async fn subscribe(service: &Service, mut request: wire::ModelInferRequest) -> Result<Subscribed, Refusal> {
    let served = service.infer_model(&request.model_name, &request.model_version)?;
    let model = served.model;
    let is_raw = !request.raw_input_contents.is_empty();
    let wanted = decode::wanted(std::mem::take(&mut request.outputs))?;
    let inputs = decode::inputs(model, &mut request)?;
    let subscription = service.infer_subscribe(served, inputs, &wanted).await?;
    let id = request.id;
    let answers = unfold(subscription, move |mut subscription: InferSubscription| {
        let id = id.clone();
        async move {
            let answer = match subscription.next().await? {
                Ok(answer) => {
                    let mut response = encode::answer(answer, id, is_raw);
                    let more = encode::parameter(ParameterChoice::BoolParam(false));
                    response.parameters.insert("triton_final_response".to_owned(), more);
                    answered(response)
                }
                Err(refusal) => refused(&refusal, model.name().to_owned(), id),
            };
            Some((answer, subscription))
        }
    });
    Ok(Box::pin(answers))
}

fn answered(response: wire::ModelInferResponse) -> Answer {
    Answer { error_message: String::new(), infer_response: Some(response) }
}

fn refused(refusal: &Refusal, model_name: String, id: String) -> Answer {
    let remedy = refusal.reason.entry().remedy;
    Answer {
        error_message: format!("{}: {}; {remedy}", refusal.reason.entry().name, refusal.message),
        infer_response: Some(wire::ModelInferResponse { model_name, id, ..Default::default() }),
    }
}
