//! `klinecast.v1.StatusService`.

use features::Catalogue;
use kline::BarTime;
use proto::v1;
use tonic::{Request, Response, Status};

use crate::convert;
use crate::listings::Listing;
use crate::service::{Service, Status as ServerStatus};

#[derive(Debug)]
pub(super) struct Statuses(pub(super) Service);

#[tonic::async_trait]
impl v1::status_service_server::StatusService for Statuses {
    async fn get_status(
        &self,
        _: Request<v1::GetStatusRequest>,
    ) -> Result<Response<v1::GetStatusResponse>, Status> {
        Ok(Response::new(status(&self.0)))
    }

    async fn get_scorecard(
        &self,
        _: Request<v1::GetScorecardRequest>,
    ) -> Result<Response<v1::GetScorecardResponse>, Status> {
        let engine = self.0.shared().engine.load();
        Ok(Response::new(v1::GetScorecardResponse {
            scores: engine.skill.iter().map(convert::score).collect(),
        }))
    }
}

fn status(service: &Service) -> v1::GetStatusResponse {
    let status = service.status();
    let milliseconds = |bar: Option<BarTime>| bar.map(BarTime::milliseconds).unwrap_or_default();
    let bundle = status.champion.bundle.as_ref();
    v1::GetStatusResponse {
        state: convert::serving_state(status.state).into(),
        waiting_for: status.waiting_for.clone(),
        server_version: env!("CARGO_PKG_VERSION").to_owned(),
        interval: service.interval.to_string(),
        uptime_seconds: status.uptime.as_secs_f64(),
        exchange_state: convert::exchange_state(status.exchange.state).into(),
        exchange_problem: status.exchange.problem.clone().unwrap_or_default(),
        exchange_time_ms: status.exchange_time_ms,
        watermark_ms: milliseconds(status.engine.watermark),
        bundle_digest: bundle.map(|bundle| bundle.digest().to_string()).unwrap_or_default(),
        bundle_problem: status.champion.problem.clone().unwrap_or_default(),
        catalogue_hash: Catalogue::standard().hash().to_string(),
        symbols: symbols(service, &status),
        scores: status.engine.skill.iter().map(convert::score).collect(),
        subscriber_count: status.subscribers as u64,
        journal_lost_count: status.journal_lost,
    }
}

fn symbols(service: &Service, status: &ServerStatus) -> Vec<v1::SymbolStatus> {
    let engine = &status.engine;
    let listings = service.shared().listings.load();
    let symbol = |(readiness, ready): (&forecast::SymbolReadiness, &bool)| v1::SymbolStatus {
        symbol: readiness.symbol.to_string(),
        ready: *ready,
        last_bar_time_ms: readiness.last_bar.map(BarTime::milliseconds).unwrap_or_default(),
        warm_features: readiness.warm_features.into(),
        total_features: readiness.total_features.into(),
        missing_bars: readiness.bars_missing as u64,
        staleness_ms: readiness.last_bar.map(|bar| service.shared().staleness(bar)).unwrap_or_default(),
        listing: listings.of(readiness.symbol).map(Listing::as_str).unwrap_or_default().to_owned(),
        successor: listings
            .successor(readiness.symbol)
            .map(|successor| successor.to_string())
            .unwrap_or_default(),
    };
    engine.readiness.iter().zip(&engine.ready).map(symbol).collect()
}
