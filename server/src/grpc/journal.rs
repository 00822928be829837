//! `klinecast.v1.JournalService`.

use std::pin::Pin;

use futures::Stream;
use proto::v1;
use proto::v1::verify_journal_response::Step;
use store::Verification;
use tonic::{Request, Response, Status};

use crate::convert;
use crate::reason::Refusal;
use crate::service::{Service, VerificationStep};

#[derive(Debug)]
pub(super) struct Journal(pub(super) Service);

#[tonic::async_trait]
impl v1::journal_service_server::JournalService for Journal {
    type VerifyJournalStream = Pin<Box<dyn Stream<Item = Result<v1::VerifyJournalResponse, Status>> + Send>>;

    async fn verify_journal(
        &self,
        _: Request<v1::VerifyJournalRequest>,
    ) -> Result<Response<Self::VerifyJournalStream>, Status> {
        let steps = self.0.verify_journal();
        let stream = futures::stream::unfold(steps, |mut steps| async {
            let step = steps.recv().await?;
            Some((response(step), steps))
        });
        Ok(Response::new(Box::pin(stream)))
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
    }
}
