//! `klinecast.v1.JournalService`.

use std::pin::Pin;

use futures::Stream;
use kline::BarTime;
use proto::v1;
use proto::v1::verify_journal_response::Step;
use store::Verification;
use tonic::{Request, Response, Status};

use crate::access::audit::Note;
use crate::convert;
use crate::reason::Refusal;
use crate::replay::{Difference, NEEDED_BARS, Replay, ReplayHistory, Verdict};
use crate::service::{Service, VerificationStep, read_id};

#[derive(Debug)]
pub(super) struct Journal(pub(super) Service);

#[tonic::async_trait]
impl v1::journal_service_server::JournalService for Journal {
    type VerifyJournalStream = Pin<Box<dyn Stream<Item = Result<v1::VerifyJournalResponse, Status>> + Send>>;

    async fn verify_journal(
        &self,
        _: Request<v1::VerifyJournalRequest>,
    ) -> Result<Response<Self::VerifyJournalStream>, Status> {
        let steps = self.0.verify_journal().map_err(|refusal| convert::status(&refusal))?;
        let stream = futures::stream::unfold(steps, |mut steps| async {
            let step = steps.recv().await?;
            Some((response(step), steps))
        });
        Ok(Response::new(Box::pin(stream)))
    }

    async fn replay_prediction(
        &self,
        request: Request<v1::ReplayPredictionRequest>,
    ) -> Result<Response<v1::ReplayPredictionResponse>, Status> {
        let refused = |refusal| convert::status(&refusal);
        let id = read_id(&request.get_ref().id).map_err(refused)?;
        Note::about(request.extensions(), &id);
        Ok(Response::new(replayed(self.0.replay(id).await.map_err(refused)?)))
    }
}

fn replayed(replay: Replay) -> v1::ReplayPredictionResponse {
    let difference = |difference: Difference| v1::ReplayDifference {
        part: difference.part.to_owned(),
        name: difference.name,
        journalled: difference.journalled,
        replayed: difference.replayed,
    };
    let history = |history: ReplayHistory| v1::ReplayHistory {
        symbol: history.symbol.to_string(),
        stored_bars: u32::try_from(history.stored_bars).unwrap_or(u32::MAX),
        needed_bars: u32::try_from(NEEDED_BARS).unwrap_or(u32::MAX),
        first_bar_time_ms: history.first_bar.map(BarTime::milliseconds).unwrap_or_default(),
    };
    let verdict = match replay.verdict {
        Verdict::Same => v1::ReplayVerdict::Same,
        Verdict::Superseded => v1::ReplayVerdict::Superseded,
        Verdict::Differs => v1::ReplayVerdict::Differs,
        Verdict::NotMade => v1::ReplayVerdict::NotMade,
    };
    v1::ReplayPredictionResponse {
        id: replay.id.to_string(),
        verdict: verdict.into(),
        explanation: replay.explanation,
        last_revision: replay.last_revision,
        bundle_digest: replay.bundle.to_string(),
        compared_count: replay.compared as u64,
        differences: replay.differences.into_iter().map(difference).collect(),
        histories: replay.histories.into_iter().map(history).collect(),
    }
}

fn response(step: Result<VerificationStep, Refusal>) -> Result<v1::VerifyJournalResponse, Status> {
    let step = match step.map_err(|refusal| convert::status(&refusal))? {
        VerificationStep::Progress(done_count, total_count) => {
            Step::Progress(v1::VerificationProgress { done_count, total_count })
        }
        VerificationStep::Done(found) => Step::Verification(verification(&found)),
    };
    Ok(v1::VerifyJournalResponse { step: Some(step) })
}

fn verification(found: &Verification) -> v1::Verification {
    let fault = |fault: &store::ChainFault| v1::JournalFault {
        number: fault.number,
        record: fault.key.clone(),
        problem: fault.kind.to_string(),
    };
    v1::Verification {
        record_count: found.records,
        head: found.head.to_string(),
        fault_count: found.fault_count,
        faults: found.faults.iter().map(fault).collect(),
        dropped: found.dropped.map(|dropped| v1::DroppedRecords {
            record_count: dropped.last.number,
            hash: dropped.last.hash.to_string(),
            before_ms: dropped.before_ms,
        }),
    }
}
