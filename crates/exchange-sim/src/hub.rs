//! How what leaves the exchange reaches the websockets.

use std::collections::BTreeMap;

use tokio::sync::mpsc;

use crate::shared::Shared;
use crate::venue::{Parcel, Venue, What};
use crate::{Answer, LineId};

/// Frames that wait for one subscriber.
const QUEUE: usize = 2_048;

/// What happens when a subscriber does not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is disconnected, as the real exchange does.
    Live,
    /// The exchange waits for it.
    Lossless,
}

/// The exchange and the queues of its connections.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) venue: Venue,
    queues: BTreeMap<LineId, mpsc::Sender<What>>,
}

impl Hub {
    pub(crate) const fn new(venue: Venue) -> Self {
        Self { venue, queues: BTreeMap::new() }
    }

    /// A new connection; what leaves on it arrives in the returned queue.
    ///
    /// # Errors
    /// What the handshake is answered in place of a websocket; `None` if it is not answered.
    pub(crate) fn connect(
        &mut self,
        path_and_query: &str,
        shared: &Shared,
    ) -> Result<(LineId, mpsc::Receiver<What>), Option<Answer>> {
        let line = self.venue.connect(path_and_query, shared.clock.now())?;
        let (queue, parcels) = mpsc::channel(QUEUE);
        self.queues.insert(line, queue);
        Ok((line, parcels))
    }

    /// Forgets a connection.
    pub(crate) fn disconnect(&mut self, line: LineId) {
        self.venue.disconnect(line);
        self.queues.remove(&line);
    }
}

/// Hands over what leaves, in order.
pub(crate) async fn hand_over(shared: &Shared, parcels: Vec<Parcel>, delivery: Delivery) {
    for Parcel { line, what, .. } in parcels {
        let Some(queue) = shared.hub().queues.get(&line).cloned() else {
            continue;
        };
        let last = !matches!(what, What::Text(..));
        let sent = match delivery {
            Delivery::Live => queue.try_send(what).is_ok(),
            Delivery::Lossless => queue.send(what).await.is_ok(),
        };
        if !sent {
            tracing::warn!(connection = %line, "subscriber does not keep up or has gone; disconnected");
            shared.with_hub(|hub| hub.disconnect(line));
            shared.changed.notify_waiters();
        } else if last {
            shared.hub().queues.remove(&line);
            shared.changed.notify_waiters();
        }
    }
}
