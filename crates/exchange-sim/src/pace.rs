//! The clock's hand: lets the exchange's time pass, and hands over what leaves.

use std::time::Duration;

use kline::Milliseconds;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::ExchangeConfig;
use crate::shared::{Shared, stopped};
use crate::venue::{LATENCY, Parcel, What};

/// Forming klines are not sent more often than this in the wall's time.
const FORMING_PAUSE: Duration = Duration::from_millis(250);

/// How often a running exchange sends forming klines; a replay sends them when it is told to.
pub(crate) fn forming_every(config: &ExchangeConfig) -> Option<Milliseconds> {
    #[expect(clippy::cast_possible_truncation, reason = "the speed is bounded")]
    let pause = (FORMING_PAUSE.as_secs_f64() * 1_000.0 * config.speed) as Milliseconds;
    config.forming_every.map(|every| every.max(pause)).filter(|_| config.speed > 0.0)
}

/// Runs until stopped or, with recorded klines, until the last one has been sent.
pub(crate) async fn run(shared: &Shared, config: &ExchangeConfig, mut stop: watch::Receiver<bool>) {
    let work = async {
        if config.speed > 0.0 {
            live(shared, config.interval.milliseconds()).await;
        } else {
            replay(shared, config).await;
        }
    };
    tokio::select! {
        () = work => tracing::info!(time = shared.clock.now(), "the last recorded kline has been sent"),
        () = stopped(&mut stop) => (),
    }
}

async fn live(shared: &Shared, bar: Milliseconds) {
    loop {
        let (next, ended) = {
            let hub = shared.hub();
            (hub.venue.next_at(), hub.venue.ended())
        };
        if ended {
            return;
        }
        tokio::time::sleep(shared.clock.wait_until(next)).await;
        // A clock that runs far ahead is followed bar by bar.
        let until = shared.clock.now().min(next.saturating_add(bar));
        let mut parcels = Vec::new();
        shared.with_hub(|hub| hub.venue.advance(until, &mut parcels));
        hand_over(shared, parcels, Delivery::Live).await;
    }
}

async fn replay(shared: &Shared, config: &ExchangeConfig) {
    let third = config.interval.milliseconds() / 3;
    let mut forming_sent = Instant::now();
    loop {
        let (now, next, close) = {
            let hub = shared.hub();
            if hub.venue.ended() {
                return;
            }
            (hub.venue.now(), hub.venue.next_at(), hub.venue.next_close())
        };
        // Behind the last kline only what faults have delayed is still to come.
        let Some(close_time) = close else {
            step(shared, next).await;
            continue;
        };
        all_followed(shared).await;
        if config.forming_every.is_some() && forming_sent.elapsed() >= FORMING_PAUSE {
            let middle = close_time - third;
            if middle > now {
                step(shared, middle).await;
                shared.with_hub(|hub| hub.venue.send_forming());
                step(shared, middle).await;
            }
            forming_sent = Instant::now();
        }
        step(shared, close_time + LATENCY).await;
    }
}

/// Moves the clock on and hands over what leaves until then.
async fn step(shared: &Shared, time: Milliseconds) {
    shared.clock.step_to(time);
    let mut parcels = Vec::new();
    shared.with_hub(|hub| hub.venue.advance(time, &mut parcels));
    hand_over(shared, parcels, Delivery::Lossless).await;
}

/// Waits until every listed pair's stream is followed by someone.
async fn all_followed(shared: &Shared) {
    loop {
        let changed = shared.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if shared.hub().venue.all_followed() {
            return;
        }
        changed.await;
    }
}

/// What happens when a subscriber does not keep up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delivery {
    /// It is disconnected, as the real exchange does.
    Live,
    /// The exchange waits for it.
    Lossless,
}

/// Hands over what leaves, in order.
async fn hand_over(shared: &Shared, parcels: Vec<Parcel>, delivery: Delivery) {
    for Parcel { line, what, .. } in parcels {
        let Some(queue) = shared.hub().queue(line) else {
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
            shared.hub().end_queue(line);
            shared.changed.notify_waiters();
        }
    }
}
