//! `klinecast.v1.PredictionService`. Its calls are dispatched here and not by generated code, because answers leave as bytes
//! that were encoded when they were made.

use std::convert::Infallible;
use std::task::{Context, Poll};

use axum::http;
use futures::future::BoxFuture;
use prost::Message;
use proto::v1;
use proto::v1::prediction_service_server::SERVICE_NAME;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::{Request, Response, Status};

use super::answers;
use super::codec::{AnswerCodec, Reply};
use super::events::{self, Events};
use crate::access::Lease;
use crate::convert;
use crate::reason::Refusal;
use crate::service::Service;

/// The service as the transport calls it.
#[derive(Debug, Clone)]
pub(super) struct Prediction {
    pub(super) service: Service,
    /// The longest request in bytes.
    pub(super) request_bytes_max: usize,
}

impl NamedService for Prediction {
    const NAME: &'static str = SERVICE_NAME;
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
        F: Fn(Service, Request<R>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Reply<M>, Refusal>> + Send + 'static,
    {
        let (mut grpc, service) = (self.grpc::<M, R>(), self.service.clone());
        Box::pin(async move {
            let call = tower::service_fn(move |request: Request<R>| {
                let answered = answer(service.clone(), request);
                async move { answered.await.map(Response::new).map_err(|refusal| convert::status(&refusal)) }
            });
            Ok(grpc.unary(call, request).await)
        })
    }

    fn subscribe(&self, request: http::Request<Body>) -> Answer {
        let mut grpc = self.grpc::<v1::SubscribeResponse, v1::SubscribeRequest>();
        let service = self.service.clone();
        Box::pin(async move {
            let call = tower::service_fn(move |request: Request<v1::SubscribeRequest>| {
                let service = service.clone();
                async move {
                    let lease = Lease::of(request.extensions());
                    let opened = events::open(&service, request.into_inner(), lease).await;
                    let events: Events = opened.map_err(|refusal| convert::status(&refusal))?;
                    Ok::<_, Status>(Response::new(events))
                }
            });
            Ok(grpc.server_streaming(call, request).await)
        })
    }
}

type Answer = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

impl tower::Service<http::Request<Body>> for Prediction {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Answer {
        let method = request.uri().path().rsplit('/').next().unwrap_or_default();
        match method {
            "Predict" => self.unary(request, answers::predict),
            "PredictBatch" => self.unary(request, answers::predict_batch),
            "PredictAsOf" => self.unary(request, answers::predict_as_of),
            "ListPredictions" => self.unary(request, answers::list_predictions),
            "GetFeatures" => self.unary(request, answers::features),
            "Subscribe" => self.subscribe(request),
            _ => Box::pin(async { Ok(Status::unimplemented("no such method").into_http()) }),
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
            assert!(this.contains(&format!("\"{call}\" => self.")), "{call}");
        }
    }
}
