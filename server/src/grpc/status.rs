//! `klinecast.v1.StatusService`.

use std::sync::atomic::Ordering;

use features::Catalogue;
use forecast::score::{CardDay, CardLine, DAY_MS};
use kline::BarTime;
use proto::v1;
use tonic::{Request, Response, Status};

use crate::convert;
use crate::listings::Listing;
use crate::service::{Scorecard, ScorecardRequest, Service, Status as ServerStatus};

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
        request: Request<v1::GetScorecardRequest>,
    ) -> Result<Response<v1::GetScorecardResponse>, Status> {
        let request = request.into_inner();
        let by = |group| request.by().any(|by| by == group);
        let time = |time: i64| (time != 0).then_some(time);
        let asked = ScorecardRequest {
            window_days: request.window_days,
            from_ms: time(request.from_ms),
            until_ms: time(request.until_ms),
            by_pair: by(v1::ScoreGroup::Pair),
            by_bundle: by(v1::ScoreGroup::Bundle),
            symbols: request.symbols,
            tasks: request.tasks,
            bundle: request.bundle,
        };
        let card = self.0.scorecard(&asked).await.map_err(|refusal| convert::status(&refusal))?;
        let (from_ms, until_ms) = card.span_ms.unwrap_or_default();
        let engine = self.0.shared().engine.load();
        Ok(Response::new(v1::GetScorecardResponse {
            scores: engine.skill.iter().map(convert::score).collect(),
            lines: card.lines.iter().map(|line| score_line(&card, line, request.with_days)).collect(),
            from_ms,
            until_ms,
            complete: card.is_complete,
            dropped_before_ms: card.dropped_before_ms.unwrap_or_default(),
        }))
    }
}

fn score_line(card: &Scorecard, line: &CardLine, with_days: bool) -> v1::ScoreLine {
    let day = |day: &CardDay| v1::ScoreDay {
        day_ms: day.day.saturating_mul(DAY_MS),
        outcome_count: day.count,
        loss: day.loss / day.count as f64,
        baseline_loss: day.baseline_loss / day.count as f64,
    };
    v1::ScoreLine {
        task: line.task.name().to_owned(),
        horizon_steps: line.task.horizon_steps(),
        symbol: line.symbol.map(String::from).unwrap_or_default(),
        bundle_digest: line.bundle.map(String::from).unwrap_or_default(),
        outcome_count: line.count,
        day_count: u32::try_from(line.days.len()).unwrap_or(u32::MAX),
        loss: line.loss,
        baseline_loss: line.baseline_loss,
        baselines: line.baselines.iter().map(|name| name.name().to_owned()).collect(),
        skill: line.skill.value,
        skill_low: line.skill.low,
        skill_high: line.skill.high,
        too_few_days: line.has_too_few_days(),
        hit_rate: line.hit_rate,
        rank_correlation: line.rank_correlation,
        calibration_error: line.calibration_error,
        days: if with_days { card.days(line).iter().map(day).collect() } else { Vec::new() },
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
        parity_audit_count: service.shared().parity_audits.load(Ordering::Relaxed),
        parity_mismatch_count: service.shared().parity_mismatches.load(Ordering::Relaxed),
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
