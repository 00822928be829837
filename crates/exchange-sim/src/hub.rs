//! How what leaves the exchange reaches the websockets.

use std::collections::BTreeMap;

use kline::Milliseconds;
use tokio::sync::mpsc;

use crate::venue::{Venue, What};
use crate::{Answer, LineId};

/// Frames that wait for one subscriber.
const QUEUE: usize = 2_048;

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
        now: Milliseconds,
    ) -> Result<(LineId, mpsc::Receiver<What>), Option<Answer>> {
        let line = self.venue.connect(path_and_query, now)?;
        let (queue, parcels) = mpsc::channel(QUEUE);
        self.queues.insert(line, queue);
        Ok((line, parcels))
    }

    /// The queue of a connection.
    pub(crate) fn queue(&self, line: LineId) -> Option<mpsc::Sender<What>> {
        self.queues.get(&line).cloned()
    }

    /// Nothing more comes on a connection.
    pub(crate) fn end_queue(&mut self, line: LineId) {
        self.queues.remove(&line);
    }

    /// Forgets a connection.
    pub(crate) fn disconnect(&mut self, line: LineId) {
        self.venue.disconnect(line);
        self.queues.remove(&line);
    }
}
