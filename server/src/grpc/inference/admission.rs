//! A bound on the requests and streams of inference, before their bodies are read: they are longer than all others.

use std::convert::Infallible;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::http;
use futures::future::{Either, Ready, ready};
use tonic::body::Body;
use tonic::server::NamedService;

use crate::convert;
use crate::reason::Refusal;
use crate::service::Service;
use crate::service::inference::Place;

const INFER: &str = "/inference.GRPCInferenceService/ModelInfer";
const STREAM: &str = "/inference.GRPCInferenceService/ModelStreamInfer";

/// A service whose requests for inference hold a place, which goes with their extensions.
#[derive(Debug, Clone)]
pub(in crate::grpc) struct Admitted<S> {
    service: Service,
    inner: S,
}

impl<S> Admitted<S> {
    pub(super) const fn new(service: Service, inner: S) -> Self {
        Self { service, inner }
    }

    /// The place that a path needs.
    fn place(&self, path: &str) -> Result<Option<Place>, Refusal> {
        match path {
            INFER => self.service.infer_place().map(Some),
            STREAM => self.service.infer_stream_place().map(Some),
            _ => Ok(None),
        }
    }
}

impl<S: NamedService> NamedService for Admitted<S> {
    const NAME: &'static str = S::NAME;
}

impl<S> tower::Service<http::Request<Body>> for Admitted<S>
where
    S: tower::Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Either<Ready<Result<http::Response<Body>, Infallible>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        match self.place(request.uri().path()) {
            Ok(place) => {
                if let Some(place) = place {
                    request.extensions_mut().insert(Arc::new(place));
                }
                Either::Right(self.inner.call(request))
            }
            Err(refusal) => Either::Left(ready(Ok(convert::status(&refusal).into_http()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use tower::{Service as _, service_fn};

    use super::*;
    use crate::service::inference::{REQUESTS_MAX, STREAMS_MAX};

    fn request(path: &str) -> http::Request<Body> {
        http::Request::builder().uri(path).body(Body::empty()).expect("a request")
    }

    #[tokio::test]
    async fn at_the_bound_a_request_is_refused_before_its_body_is_read_and_health_is_not() {
        let home = tempfile::tempdir().expect("a folder");
        let service = crate::testing::service(home.path());
        let inner = service_fn(|request: http::Request<Body>| async move {
            let holds = request.extensions().get::<Arc<Place>>().is_some();
            Ok::<_, Infallible>(
                http::Response::builder()
                    .header("holds", holds.to_string())
                    .body(Body::empty())
                    .expect("built"),
            )
        });
        let mut admitted = Admitted::new(service.clone(), inner);
        let mut call = async |path: &str| {
            let answer = admitted.call(request(path)).await.unwrap_or_else(|never| match never {});
            let header = |name: &str| {
                answer.headers().get(name).map(|value| value.to_str().unwrap_or_default().to_owned())
            };
            (header("holds"), header("grpc-status"))
        };
        let held = (Some("true".to_owned()), None);
        let busy = (None, Some("8".to_owned()));
        assert_eq!(call(INFER).await, held);
        assert_eq!(call(STREAM).await, held);
        let mut places: Vec<Place> =
            (0..REQUESTS_MAX).map(|_| service.infer_place().expect("a place")).collect();
        assert_eq!(call(INFER).await, busy);
        assert_eq!(call(STREAM).await, held);
        assert_eq!(
            call("/inference.GRPCInferenceService/ServerLive").await,
            (Some("false".to_owned()), None)
        );
        places.pop();
        assert_eq!(call(INFER).await, held);
        let streams: Vec<Place> =
            (0..STREAMS_MAX).map(|_| service.infer_stream_place().expect("a place")).collect();
        assert_eq!(call(STREAM).await, busy);
        drop(streams);
        assert_eq!(call(STREAM).await, held);
    }
}
