//! Who follows which streams, and how a frame reaches them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{Notify, mpsc};

use crate::frame;

/// Frames that wait for one subscriber.
const QUEUE: usize = 1_024;

/// A connection's number.
pub(crate) type ConnectionId = u64;

/// What happens when a subscriber does not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is disconnected, as the real exchange does.
    Live,
    /// The exchange waits for it.
    Lossless,
}

/// All connections.
#[derive(Debug, Default)]
pub(crate) struct Hub {
    connections: Mutex<Connections>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Connections {
    next: ConnectionId,
    open: BTreeMap<ConnectionId, Connection>,
}

#[derive(Debug)]
struct Connection {
    queue: mpsc::Sender<Utf8Bytes>,
    combined: bool,
    streams: BTreeSet<String>,
}

impl Hub {
    fn lock(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new connection that follows `streams`; frames arrive in the returned queue.
    pub(crate) fn connect(
        &self,
        combined: bool,
        streams: BTreeSet<String>,
    ) -> (ConnectionId, mpsc::Receiver<Utf8Bytes>) {
        let (queue, frames) = mpsc::channel(QUEUE);
        let id = {
            let mut connections = self.lock();
            let id = connections.next;
            connections.next += 1;
            connections.open.insert(id, Connection { queue, combined, streams });
            id
        };
        self.changed.notify_waiters();
        (id, frames)
    }

    /// Forgets a connection.
    pub(crate) fn disconnect(&self, id: ConnectionId) {
        self.lock().open.remove(&id);
        self.changed.notify_waiters();
    }

    /// Changes a connection's streams and says which it follows then.
    pub(crate) fn update(&self, id: ConnectionId, change: impl FnOnce(&mut BTreeSet<String>)) -> Vec<String> {
        let streams = self.lock().open.get_mut(&id).map_or_else(Vec::new, |connection| {
            change(&mut connection.streams);
            connection.streams.iter().cloned().collect()
        });
        self.changed.notify_waiters();
        streams
    }

    /// Every stream that someone follows, in order of name.
    pub(crate) fn wanted(&self) -> BTreeSet<String> {
        self.lock().open.values().flat_map(|connection| connection.streams.iter().cloned()).collect()
    }

    /// Waits until every one of `streams` is followed by someone.
    pub(crate) async fn wait_for(&self, streams: &BTreeSet<String>) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if streams.is_subset(&self.wanted()) {
                return;
            }
            changed.await;
        }
    }

    /// Sends one event to all that follow the stream. Every kline frame that leaves the exchange passes here, in
    /// the order in which it leaves: whatever delays, repeats, drops or tears frames belongs at this point.
    pub(crate) async fn send(&self, stream: &str, event: String, delivery: Delivery) {
        let wrapped = frame::combined(stream, &event);
        let (raw, wrapped) = (Utf8Bytes::from(event), Utf8Bytes::from(wrapped));
        let followers: Vec<(ConnectionId, mpsc::Sender<Utf8Bytes>, bool)> = self
            .lock()
            .open
            .iter()
            .filter(|(_, connection)| connection.streams.contains(stream))
            .map(|(id, connection)| (*id, connection.queue.clone(), connection.combined))
            .collect();
        for (id, queue, combined) in followers {
            let text = if combined { wrapped.clone() } else { raw.clone() };
            let sent = match delivery {
                Delivery::Live => queue.try_send(text).is_ok(),
                Delivery::Lossless => queue.send(text).await.is_ok(),
            };
            if !sent {
                tracing::warn!(connection = id, "subscriber does not keep up or has gone; disconnected");
                self.disconnect(id);
            }
        }
    }
}
