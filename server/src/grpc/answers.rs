//! The unary calls of `klinecast.v1.PredictionService`.

use std::sync::Arc;
use std::time::Duration;

use forecast::Resolution;
use proto::v1;
use tokio::time::Instant;
use tonic::Request;
use tonic::metadata::MetadataMap;

use super::codec::Reply;
use super::deadline;
use crate::convert;
use crate::reason::Refusal;
use crate::service::{
    Answered, AsOfRequest, FeatureAnswer, FeatureValue, HistoryPage, HistoryRequest, Service, Wants,
};

/// What a request wants beyond the latest answer.
fn wants(freshness: Option<&v1::Freshness>, nowcast: bool, explain_top: u32) -> Wants {
    let given = |value: i64| Some(value).filter(|value| *value != 0);
    Wants {
        min_bar_time_ms: freshness.and_then(|freshness| given(freshness.min_bar_time_ms)),
        max_staleness_ms: freshness.and_then(|freshness| given(freshness.max_staleness_ms)),
        wait: Duration::from_millis(freshness.map_or(0, |freshness| freshness.wait_ms).into()),
        nowcast,
        explain_top,
    }
}

/// When the caller stops waiting.
fn until(metadata: &MetadataMap) -> Option<Instant> {
    Instant::now().checked_add(deadline::timeout(metadata.as_ref())?)
}

pub(super) async fn predict(
    service: Arc<Service>,
    request: Request<v1::PredictRequest>,
) -> Result<Reply<v1::PredictResponse>, Refusal> {
    let v1::PredictRequest { symbol, tasks, interval, freshness, nowcast, explain_top } = request.get_ref();
    let wants = wants(freshness.as_ref(), *nowcast, *explain_top);
    let answered = if wants.is_plain() {
        service.predict(symbol, tasks, interval)?
    } else {
        service.predict_fresh(symbol, tasks, interval, wants, until(request.metadata())).await?
    };
    let message = |prediction| v1::PredictResponse { prediction: Some(prediction) };
    Ok(Reply::answered(&answered, service.interval, message))
}

pub(super) async fn predict_batch(
    service: Arc<Service>,
    request: Request<v1::PredictBatchRequest>,
) -> Result<Reply<v1::PredictBatchResponse>, Refusal> {
    let v1::PredictBatchRequest { symbols, tasks, interval, freshness, nowcast, explain_top } =
        request.get_ref();
    let wants = wants(freshness.as_ref(), *nowcast, *explain_top);
    let answers = if wants.is_plain() {
        service.predict_batch(symbols, tasks, interval)?
    } else {
        service.predict_batch_fresh(symbols, tasks, interval, wants, until(request.metadata())).await?
    };
    let item = |(symbol, outcome)| v1::PredictBatchItem {
        symbol,
        outcome: Some(match outcome {
            Ok(answered) => {
                v1::predict_batch_item::Outcome::Prediction(convert::answered(&answered, service.interval))
            }
            Err(refusal) => v1::predict_batch_item::Outcome::Problem(convert::problem(&refusal)),
        }),
    };
    Ok(Reply::Message(v1::PredictBatchResponse { items: answers.into_iter().map(item).collect() }))
}

pub(super) async fn predict_as_of(
    service: Arc<Service>,
    request: Request<v1::PredictAsOfRequest>,
) -> Result<Reply<v1::PredictAsOfResponse>, Refusal> {
    let request = request.into_inner();
    let request = AsOfRequest {
        symbol: request.symbol,
        tasks: request.tasks,
        interval: request.interval,
        at_ms: request.at_ms,
        first_revision: request.first_revision,
        explain_top: request.explain_top,
    };
    let answered = service.predict_as_of(&request).await?;
    let message = |prediction| v1::PredictAsOfResponse { prediction: Some(prediction) };
    Ok(Reply::answered(&answered, service.interval, message))
}

pub(super) async fn list_predictions(
    service: Arc<Service>,
    request: Request<v1::ListPredictionsRequest>,
) -> Result<Reply<v1::ListPredictionsResponse>, Refusal> {
    let request = request.into_inner();
    let given = |time: i64| Some(time).filter(|time| *time != 0);
    let request = HistoryRequest {
        symbols: request.symbols,
        tasks: request.tasks,
        interval: request.interval,
        from_ms: given(request.from_ms),
        until_ms: given(request.until_ms),
        all_revisions: request.all_revisions,
        bundle: request.bundle,
        with_outcomes: request.with_outcomes,
        page_size: request.page_size,
        page_token: request.page_token,
    };
    let HistoryPage { predictions, next_page_token } = service.history(&request).await?;
    let item = |(answered, outcomes): (Answered, Vec<Resolution>)| v1::JournalledPrediction {
        prediction: Some(convert::answered(&answered, service.interval)),
        outcomes: outcomes.iter().map(convert::outcome).collect(),
    };
    Ok(Reply::Message(v1::ListPredictionsResponse {
        predictions: predictions.into_iter().map(item).collect(),
        next_page_token: next_page_token.unwrap_or_default(),
    }))
}

pub(super) async fn features(
    service: Arc<Service>,
    request: Request<v1::GetFeaturesRequest>,
) -> Result<Reply<v1::GetFeaturesResponse>, Refusal> {
    let v1::GetFeaturesRequest { symbol, names, interval } = request.get_ref();
    let answer = service.features(symbol, names, interval)?;
    Ok(Reply::Message(feature_row(answer, service.interval)))
}

fn feature_row(answer: FeatureAnswer, interval: kline::Interval) -> v1::GetFeaturesResponse {
    let feature = |value: FeatureValue| v1::Feature {
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
