//! `klinecast.v1.PredictionService`.

use std::pin::Pin;

use futures::Stream;
use proto::v1;
use tonic::{Request, Response, Status};

use crate::convert;
use crate::reason::{Reason, Refusal};
use crate::service::{Announcement, FeatureAnswer, Service, Subscription, SubscriptionRequest};
use crate::telemetry::metrics as names;

#[derive(Debug)]
pub(super) struct Prediction(pub(super) Service);

#[tonic::async_trait]
impl v1::prediction_service_server::PredictionService for Prediction {
    async fn predict(
        &self,
        request: Request<v1::PredictRequest>,
    ) -> Result<Response<v1::PredictResponse>, Status> {
        let v1::PredictRequest { symbol, tasks, interval } = request.get_ref();
        let answered =
            self.0.predict(symbol, tasks, interval).map_err(|refusal| convert::status(&refusal))?;
        let prediction = Some(convert::answered(&answered, self.0.interval));
        Ok(Response::new(v1::PredictResponse { prediction }))
    }

    async fn predict_batch(
        &self,
        request: Request<v1::PredictBatchRequest>,
    ) -> Result<Response<v1::PredictBatchResponse>, Status> {
        let v1::PredictBatchRequest { symbols, tasks, interval } = request.get_ref();
        let answers =
            self.0.predict_batch(symbols, tasks, interval).map_err(|refusal| convert::status(&refusal))?;
        let item = |(symbol, outcome)| v1::PredictBatchItem {
            symbol,
            outcome: Some(match outcome {
                Ok(answered) => {
                    v1::predict_batch_item::Outcome::Prediction(convert::answered(&answered, self.0.interval))
                }
                Err(refusal) => v1::predict_batch_item::Outcome::Problem(convert::problem(&refusal)),
            }),
        };
        Ok(Response::new(v1::PredictBatchResponse { items: answers.into_iter().map(item).collect() }))
    }

    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<v1::SubscribeResponse, Status>> + Send>>;

    async fn subscribe(
        &self,
        request: Request<v1::SubscribeRequest>,
    ) -> Result<Response<Self::SubscribeStream>, Status> {
        let request = request.into_inner();
        let request = SubscriptionRequest {
            symbols: request.symbols,
            tasks: request.tasks,
            interval: request.interval,
            latest_first: request.latest_first,
            after_bar_time_ms: (request.after_bar_time_ms != 0).then_some(request.after_bar_time_ms),
        };
        let subscription = self.0.subscribe(&request).await.map_err(|refusal| convert::status(&refusal))?;
        let interval = self.0.interval;
        let stream =
            futures::stream::unfold(Some(subscription), move |subscription| next(subscription, interval));
        Ok(Response::new(Box::pin(stream)))
    }

    async fn get_features(
        &self,
        request: Request<v1::GetFeaturesRequest>,
    ) -> Result<Response<v1::GetFeaturesResponse>, Status> {
        let v1::GetFeaturesRequest { symbol, names, interval } = request.get_ref();
        let answer = self.0.features(symbol, names, interval).map_err(|refusal| convert::status(&refusal))?;
        Ok(Response::new(features(answer, self.0.interval)))
    }
}

/// The next event of a subscription; a stopping server ends it with a status that says so, so that the caller
/// subscribes again elsewhere.
async fn next(
    subscription: Option<Subscription>,
    interval: kline::Interval,
) -> Option<(Result<v1::SubscribeResponse, Status>, Option<Subscription>)> {
    let mut subscription = subscription?;
    let event = match subscription.next().await {
        Some(Announcement::Prediction(prediction, staleness_ms)) => {
            v1::subscribe_response::Event::Prediction(convert::prediction(
                &prediction,
                subscription.selection,
                interval,
                staleness_ms,
            ))
        }
        Some(Announcement::Lagged(dropped_count)) => {
            names::count_lagged(dropped_count);
            v1::subscribe_response::Event::Lagged(v1::Lagged { dropped_count })
        }
        Some(Announcement::Heartbeat(watermark)) => v1::subscribe_response::Event::Heartbeat(v1::Heartbeat {
            watermark_ms: watermark.map(kline::BarTime::milliseconds).unwrap_or_default(),
        }),
        Some(Announcement::Ended(refusal)) => return Some((Err(convert::status(&refusal)), None)),
        None => {
            let refusal = Refusal::new(Reason::Draining, "the server is stopping");
            return Some((Err(convert::status(&refusal)), None));
        }
    };
    Some((Ok(v1::SubscribeResponse { event: Some(event) }), Some(subscription)))
}

fn features(answer: FeatureAnswer, interval: kline::Interval) -> v1::GetFeaturesResponse {
    let feature = |value: crate::service::FeatureValue| v1::Feature {
        name: value.name.to_owned(),
        group: value.group.to_owned(),
        unit: value.unit.to_owned(),
        value: value.value,
    };
    v1::GetFeaturesResponse {
        symbol: answer.symbol.to_string(),
        interval: interval.to_string(),
        bar_time_ms: answer.bar.milliseconds(),
        catalogue_hash: answer.catalogue_hash,
        row_hash: answer.row_hash.to_string(),
        quality: Some(convert::quality(answer.quality)),
        features: answer.features.into_iter().map(feature).collect(),
        regime_cuts: answer.regime_cuts.into_iter().flatten().collect(),
    }
}
