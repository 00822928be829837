//! `klinecast.v1.PredictionService`. Its calls are dispatched here and not by generated code, because answers leave as bytes
//! that were encoded when they were made.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http;
use futures::future::BoxFuture;
use pin_project_lite::pin_project;
use prost::Message;
use proto::v1;
use proto::v1::prediction_service_server::SERVICE_NAME;
use tonic::body::Body;
use tonic::server::Grpc;
use tonic::{Request, Response, Status};
use tower::Layer;

use super::answers;
use super::codec::{AnswerCodec, Reply};
use super::direct;
use super::events::{self, Opened};
use super::joined::{EventBody, Joined};
use crate::access::Lease;
use crate::convert;
use crate::headers;
use crate::reason::Refusal;
use crate::service::Service;

/// The service as the transport calls it.
#[derive(Debug, Clone)]
pub(super) struct Prediction {
    pub(super) service: Arc<Service>,
    /// The longest request in bytes.
    pub(super) request_bytes_max: usize,
    /// What subscribers are told together.
    pub(super) joined: Joined,
}

impl Prediction {
    fn grpc<M, R>(&self) -> Grpc<AnswerCodec<M, R>>
    where
        M: Message + Send + 'static,
        R: Message + Default + Send + 'static,
    {
        let mut grpc = Grpc::new(AnswerCodec::default()).max_decoding_message_size(self.request_bytes_max);
        for encoding in super::ENCODINGS {
            grpc = grpc.accept_compressed(encoding).send_compressed(encoding);
        }
        grpc
    }

    /// Answers a unary call by a function of the service and the request.
    fn unary<M, R, F, Fut>(&self, request: http::Request<Body>, answer: F) -> Answer
    where
        M: Message + Send + 'static,
        R: Message + Default + Send + 'static,
        F: Fn(Arc<Service>, Request<R>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Reply<M>, Refusal>> + Send + 'static,
    {
        let this = self.clone();
        Box::pin(async move {
            let request = match direct::read::<R>(request, this.request_bytes_max).await {
                Ok(request) => {
                    let answered = answer(this.service, request).await;
                    return Ok(match answered {
                        Ok(reply) => direct::answer(&reply),
                        Err(refusal) => convert::status(&refusal).into_http(),
                    });
                }
                Err(request) => request,
            };
            let (mut grpc, service) = (this.grpc::<M, R>(), this.service);
            let call = tower::service_fn(move |request: Request<R>| {
                let answered = answer(service.clone(), request);
                async move { answered.await.map(Response::new).map_err(|refusal| convert::status(&refusal)) }
            });
            Ok(grpc.unary(call, request).await)
        })
    }

    fn subscribe(&self, request: http::Request<Body>) -> Answer {
        let mut grpc = self.grpc::<v1::SubscribeResponse, v1::SubscribeRequest>();
        let (service, joined) = (self.service.clone(), self.joined.clone());
        Box::pin(async move {
            let opened = Opened::default();
            let place = opened.clone();
            let call = tower::service_fn(move |request: Request<v1::SubscribeRequest>| {
                let (service, place) = (service.clone(), place.clone());
                async move {
                    let lease = Lease::of(request.extensions());
                    let opened = events::open(&service, request.into_inner(), lease).await;
                    place.put(opened.map_err(|refusal| convert::status(&refusal))?);
                    Ok::<_, Status>(Response::new(place))
                }
            });
            let response = grpc.server_streaming(call, request).await;
            if response.headers().contains_key(&headers::GRPC_ENCODING) {
                // Packed for each by itself.
                return Ok(response);
            }
            Ok(match opened.take() {
                Some(events) => response.map(|_| Body::new(EventBody::new(events, joined))),
                None => response,
            })
        })
    }
}

type Answer = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

/// How calls of the method of this name are answered.
fn method(name: &str) -> fn(&Prediction, http::Request<Body>) -> Answer {
    match name {
        "Predict" => |this, request| this.unary(request, answers::predict),
        "PredictBatch" => |this, request| this.unary(request, answers::predict_batch),
        "PredictAsOf" => |this, request| this.unary(request, answers::predict_as_of),
        "ListPredictions" => |this, request| this.unary(request, answers::list_predictions),
        "GetFeatures" => |this, request| this.unary(request, answers::features),
        "Subscribe" => |this, request| this.subscribe(request),
        _ => |_, _| Box::pin(async { Ok(Status::unimplemented("no such method").into_http()) }),
    }
}

/// Answers the calls of this service before the router of all others, which costs more than the answer.
#[derive(Debug, Clone)]
pub(super) struct PredictionLayer(pub(super) Prediction);

impl<S> Layer<S> for PredictionLayer {
    type Service = Predictions<S>;

    fn layer(&self, others: S) -> Predictions<S> {
        Predictions { prediction: self.0.clone(), others }
    }
}

/// This service and the others.
#[derive(Debug, Clone)]
pub(super) struct Predictions<S> {
    prediction: Prediction,
    others: S,
}

impl<S> tower::Service<http::Request<Body>> for Predictions<S>
where
    S: tower::Service<http::Request<Body>, Response = http::Response<Body>>,
{
    type Response = http::Response<Body>;
    type Error = S::Error;
    type Future = Called<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.others.poll_ready(context)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let path = request.uri().path();
        let name = path.strip_prefix('/').and_then(|path| path.strip_prefix(SERVICE_NAME)?.strip_prefix('/'));
        match name.map(method) {
            Some(answer) => Called::Here { answer: answer(&self.prediction, request) },
            None => Called::There { answer: self.others.call(request) },
        }
    }
}

pin_project! {
    /// A call of this service or another.
    #[project = CalledProjection]
    pub(super) enum Called<F> {
        Here { answer: Answer },
        There { #[pin] answer: F },
    }
}

impl<F, E> Future for Called<F>
where
    F: Future<Output = Result<http::Response<Body>, E>>,
{
    type Output = Result<http::Response<Body>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            CalledProjection::Here { answer } => {
                answer.as_mut().poll(context).map_err(|never| match never {})
            }
            CalledProjection::There { answer } => answer.poll(context),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_method_of_the_contract_is_dispatched() {
        let this = include_str!("prediction.rs");
        let proto = include_str!("../../../proto/klinecast/v1/prediction.proto");
        let calls: Vec<&str> =
            proto.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next()).collect();
        assert!(calls.len() >= 4);
        for call in calls {
            assert!(this.contains(&format!("\"{call}\" => |this, request| this.")), "{call}");
        }
    }
}
