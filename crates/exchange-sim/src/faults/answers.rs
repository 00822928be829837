//! What a request is answered while the exchange blocks or fails.

use kline::Milliseconds;

use super::{Draw, FaultKind, Faults};
use crate::Answer;

/// Of the requests that meet failing servers so many fail.
const FAILING: f64 = 0.7;
const PAGE: &str = "<!DOCTYPE html>\n<html><head><title>Please wait</title></head>\
    <body><h1>The service is not available</h1><p>Please try again later.</p></body></html>\n";

/// What happens to a request in place of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Blocked {
    /// It is answered so.
    Answer(Answer),
    /// It is never answered.
    Hangs,
}

impl Faults {
    /// Decides about a request or handshake; `None` lets it through.
    pub(crate) fn blocked(&mut self, now: Milliseconds) -> Option<Blocked> {
        let speed = self.speed;
        for active in &mut self.active {
            if !active.at(now) {
                continue;
            }
            let left = active.episode.until - now;
            if let Some(blocked) = refusal(active.episode.kind, &mut active.draw, seconds(left, speed)) {
                if let Some(entry) = active.first(None, now) {
                    self.log.add(entry);
                }
                return Some(blocked);
            }
        }
        None
    }
}

/// What a kind answers when the fault lasts for so many more seconds; `None` if it lets the request through.
pub(crate) fn refusal(kind: FaultKind, draw: &mut Draw, retry_after: i64) -> Option<Blocked> {
    let error = |status, code: i32, text: &str| {
        Answer::json(status, serde_json::json!({ "code": code, "msg": text }).to_string())
    };
    let answer = match kind {
        FaultKind::TooManyRequests => error(
            429,
            -1003,
            "Too much request weight used; please use WebSocket Streams for live updates to avoid polling the API.",
        )
        .with("retry-after", retry_after),
        FaultKind::Banned => error(
            418,
            -1003,
            "Way too much request weight used; IP banned. Please use WebSocket Streams for live updates to avoid bans.",
        )
        .with("retry-after", retry_after),
        FaultKind::LegalBlock => error(
            451,
            0,
            "Service unavailable from a restricted location according to the terms of use.",
        ),
        FaultKind::ServerErrors => {
            if !draw.chance(FAILING) {
                return None;
            }
            match draw.below(6) {
                0 => error(500, -1000, "An unknown error occurred while processing the request."),
                1 => Answer::of(502, "text/html", "<html><h1>502 Bad Gateway</h1></html>".to_owned()),
                2 | 3 => error(503, -1008, "Server is currently overloaded; please try again later."),
                4 => Answer::text(504, "Gateway Timeout".to_owned()),
                _ => return Some(Blocked::Hangs),
            }
        }
        FaultKind::HtmlAnswers => {
            let status = if draw.chance(0.5) { 200 } else { 502 };
            Answer::of(status, "text/html; charset=utf-8", PAGE.to_owned())
        }
        _ => return None,
    };
    Some(Blocked::Answer(answer))
}

/// Whole seconds of the client's time, at least one.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "hours at most")]
fn seconds(left: Milliseconds, speed: f64) -> i64 {
    ((left as f64 / 1_000.0 / speed).ceil() as i64).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_answers_with_its_status_and_tells_when_to_come_back() {
        let mut draw = Draw::of(&[1]);
        for (kind, status, retry) in [
            (FaultKind::TooManyRequests, 429, Some("30")),
            (FaultKind::Banned, 418, Some("30")),
            (FaultKind::LegalBlock, 451, None),
        ] {
            let Some(Blocked::Answer(answer)) = refusal(kind, &mut draw, 30) else {
                panic!("{kind} lets requests through");
            };
            assert_eq!((answer.status, answer.header("retry-after")), (status, retry));
        }
        assert_eq!(refusal(FaultKind::LateFinal, &mut draw, 30), None);
        assert_eq!((seconds(1_001, 1.0), seconds(900_000, 900.0), seconds(5, 900.0)), (2, 1, 1));
    }
}
