//! The market's hand: moves the clock on and sends what happens. All closes of one bar leave before any frame
//! with a later bar.

use std::collections::BTreeSet;
use std::time::Duration;

use kline::{Interval, Milliseconds};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::frame;
use crate::hub::Delivery;
use crate::path::scramble;
use crate::shared::{Shared, stopped};
use crate::stream::KlineStream;

/// Forming klines are sent this often in the exchange's time...
const FORMING_EVERY: Milliseconds = 2_000;
/// ...but not more often than this in the wall's.
const FORMING_PAUSE: Duration = Duration::from_millis(250);
/// After this much of the exchange's time following a bar's end its closed klines have been sent.
const LATENCY: Milliseconds = 60;

/// Runs until stopped or, with recorded klines, until the last one has been sent.
pub(crate) async fn run(shared: &Shared, speed: f64, mut stop: watch::Receiver<bool>) {
    let work = async {
        if speed > 0.0 {
            live(shared, speed).await;
        } else {
            replay(shared).await;
        }
    };
    tokio::select! {
        () = work => tracing::info!(time = shared.clock.now(), "the last recorded kline has been sent"),
        () = stopped(&mut stop) => (),
    }
}

async fn live(shared: &Shared, speed: f64) {
    let interval = shared.interval;
    #[expect(clippy::cast_possible_truncation, reason = "the speed is bounded")]
    let pause = FORMING_EVERY.max((FORMING_PAUSE.as_secs_f64() * 1_000.0 * speed) as i64);
    let now = shared.clock.now();
    let mut boundary = interval.floor(now) + interval.milliseconds();
    let mut forming = now + pause;
    loop {
        extend(shared, boundary);
        if shared.tape().next_close(boundary - 1).is_none() {
            return;
        }
        tokio::time::sleep(shared.clock.wait_until(forming.min(boundary + LATENCY))).await;
        let now = shared.clock.now();
        while boundary + LATENCY <= now && shared.tape().next_close(boundary - 1).is_some() {
            send_closed(shared, boundary, Delivery::Live).await;
            boundary += interval.milliseconds();
            extend(shared, boundary);
        }
        if now >= forming {
            if now < boundary {
                send_forming(shared, now, Delivery::Live).await;
            }
            forming = now + pause;
        }
    }
}

async fn replay(shared: &Shared) {
    let every: BTreeSet<String> = {
        let tape = shared.tape();
        let name = |symbol| KlineStream { symbol, interval: shared.interval }.name();
        tape.symbols().map(|(symbol, _)| name(symbol)).collect()
    };
    let mut forming_sent = Instant::now();
    loop {
        let now = shared.clock.now();
        extend(shared, now);
        let Some(close_time) = shared.tape().next_close(now) else {
            return;
        };
        shared.hub.wait_for(&every).await;
        if forming_sent.elapsed() >= FORMING_PAUSE {
            let middle = close_time - shared.interval.milliseconds() / 3;
            if middle > now {
                shared.clock.step_to(middle);
                send_forming(shared, middle, Delivery::Lossless).await;
            }
            forming_sent = Instant::now();
        }
        shared.clock.step_to(close_time + LATENCY);
        send_closed(shared, close_time + 1, Delivery::Lossless).await;
    }
}

/// Makes a synthetic market further if its end is near.
fn extend(shared: &Shared, time: Milliseconds) {
    if shared.tape().must_extend(time) {
        shared.tape_mut().extend_to(time);
    }
}

/// Sends the closed klines of every interval that ends just before `boundary`.
async fn send_closed(shared: &Shared, boundary: Milliseconds, delivery: Delivery) {
    let delay = i64::try_from(scramble(boundary.cast_unsigned()) % 30).unwrap_or(0) + 5;
    for (at, (name, stream)) in (0_i64..).zip(wanted(shared)) {
        let length = stream.interval.milliseconds();
        if !divides(shared.interval, stream.interval) || boundary % length != 0 {
            continue;
        }
        let candle = shared.tape().candle(stream.symbol, stream.interval, boundary - length, boundary);
        if let Some(candle) = candle {
            let event_time = boundary + delay + at.min(20);
            shared
                .hub
                .send(&name, frame::event(stream.symbol, stream.interval, &candle, event_time), delivery)
                .await;
        }
    }
}

/// Sends the klines that are being traded at `now`.
async fn send_forming(shared: &Shared, now: Milliseconds, delivery: Delivery) {
    for (name, stream) in wanted(shared) {
        if !divides(shared.interval, stream.interval) {
            continue;
        }
        let candle = shared.tape().candle(stream.symbol, stream.interval, stream.interval.floor(now), now);
        if let Some(candle) = candle.filter(|candle| !candle.closed) {
            shared
                .hub
                .send(&name, frame::event(stream.symbol, stream.interval, &candle, now), delivery)
                .await;
        }
    }
}

fn wanted(shared: &Shared) -> Vec<(String, KlineStream)> {
    let parse = |name: String| KlineStream::parse(&name).map(|stream| (name, stream));
    shared.hub.wanted().into_iter().filter_map(parse).collect()
}

/// Whether bars of `long` are made of whole bars of `base`.
pub(crate) const fn divides(base: Interval, long: Interval) -> bool {
    long.milliseconds() % base.milliseconds() == 0
}
