//! New predictions as answers of the protocol, one after another.

use super::super::{Announcement, Answered, Service, Subscription, SubscriptionRequest};
use super::answer::{InferAnswer, Selected, Wanted, select};
use super::inputs::Inputs;
use super::malformed;
use super::model::{InferModel, ServedModel};
use super::rows::Rows;
use crate::reason::{Reason, Refusal};

/// An open subscription of one request.
#[derive(Debug)]
pub struct InferSubscription {
    service: Service,
    served: ServedModel,
    wanted: Vec<Selected>,
    subscription: Subscription,
}

impl Service {
    /// Opens a subscription to the symbols of a request: their latest predictions first, then each new one.
    ///
    /// # Errors
    /// Feature rows, which have nothing to follow; an output that is not the model's; an unknown symbol; a stopping server.
    pub async fn infer_subscribe(
        &self,
        served: ServedModel,
        inputs: Inputs,
        wanted: &[Wanted],
    ) -> Result<InferSubscription, Refusal> {
        let Inputs::Symbols(symbols) = inputs else {
            return Err(malformed("subscribe", "feature rows can't be subscribed to; give input symbol"));
        };
        let wanted = select(&served, wanted, true)?;
        let tasks = match served.model {
            InferModel::Task(task) => vec![task.name().to_owned()],
            InferModel::All => Vec::new(),
        };
        let request = SubscriptionRequest { symbols, tasks, latest_first: true, ..Default::default() };
        let subscription = self.subscribe(&request).await?;
        Ok(InferSubscription { service: self.clone(), served, wanted, subscription })
    }
}

impl InferSubscription {
    /// Waits for the next answer: one row each. `None` when the server stops. Safe to cancel between calls only: a cancelled
    /// call loses nothing, the next one goes on.
    ///
    /// # Errors
    /// How many predictions a slow reader has lost, or that no symbol of it is followed any more.
    pub async fn next(&mut self) -> Option<Result<InferAnswer, Refusal>> {
        loop {
            match self.subscription.next().await?.announcement {
                Announcement::Prediction(published, staleness_ms) => {
                    let selection = self.subscription.selection;
                    let rows = Rows::Served(vec![Answered {
                        encoded: published.encoded.clone(),
                        selection,
                        staleness_ms,
                        explanations: None,
                    }]);
                    return Some(self.service.infer_answer(&self.served, &rows, &self.wanted));
                }
                Announcement::Lagged(count) => {
                    crate::telemetry::metrics::count_lagged(count);
                    let message = format!("{count} predictions were lost, the stream is read too slowly");
                    return Some(Err(Refusal::new(Reason::Busy, message).with("lost", count)));
                }
                Announcement::Heartbeat(_) => {}
                Announcement::Ended(refusal) => return Some(Err(refusal)),
            }
        }
    }
}
