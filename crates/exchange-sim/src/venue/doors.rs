//! What comes in: connections, commands and requests.

use std::collections::BTreeSet;

use kline::{Milliseconds, Symbol};
use url::form_urlencoded;

use super::command::{self, Command};
use super::{Item, Venue};
use crate::faults::Blocked;
use crate::rest;
use crate::stream::{MOST_STREAMS, is_name};
use crate::view::View;
use crate::{Answer, LineId};

/// When a request comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The exchange's true time.
    pub(crate) at: Milliseconds,
    /// The client's time, by which the weight of a minute is counted.
    pub(crate) client_time: Milliseconds,
}

impl Venue {
    /// A websocket's handshake at `/ws`, `/ws/STREAM/STREAM` or `/stream?streams=STREAM/STREAM`.
    ///
    /// # Errors
    /// What the handshake is answered in place of a websocket; `None` if it is not answered.
    pub(crate) fn connect(
        &mut self,
        path_and_query: &str,
        at: Milliseconds,
    ) -> Result<LineId, Option<Answer>> {
        let (path, query) = path_and_query.split_once('?').unwrap_or((path_and_query, ""));
        // In a path a plus is a plus.
        let decoded = |text: &str| {
            let text = text.replace('+', "%2B");
            form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned())
        };
        let (list, combined): (String, bool) = if path == "/stream" {
            let streams = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "streams");
            (streams.map(|(_, streams)| streams.into_owned()).unwrap_or_default(), true)
        } else if let Some(list) = path.strip_prefix("/ws/") {
            (decoded(list).unwrap_or_default(), false)
        } else if path == "/ws" {
            (String::new(), false)
        } else {
            let text =
                format!("{path} is no websocket; connect to /ws, /ws/STREAM or /stream?streams=STREAM");
            return Err(Some(Answer::text(404, text)));
        };
        match self.faults.blocked(at) {
            Some(Blocked::Answer(answer)) => return Err(Some(answer)),
            Some(Blocked::Hangs) => return Err(None),
            None => (),
        }
        let streams: BTreeSet<String> =
            list.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        if streams.len() > MOST_STREAMS || !streams.iter().all(|name| is_name(name)) {
            let text = format!(
                "stream names are invalid or more than {MOST_STREAMS}; write them as btcusdt@kline_15m/ethusdt@kline_15m"
            );
            return Err(Some(Answer::text(400, text)));
        }
        Ok(self.lines.connect(combined, streams))
    }

    /// Forgets a connection.
    pub(crate) fn disconnect(&mut self, line: LineId) {
        self.lines.disconnect(line);
        self.faults.forget(line);
    }

    /// Whether the connection is open and not mute.
    pub(crate) fn speaks(&self, line: LineId) -> bool {
        self.lines.speaks(line)
    }

    /// Whether the connection's frames name their stream.
    pub(crate) fn combined(&self, line: LineId) -> bool {
        self.lines.combined(line).unwrap_or(false)
    }

    /// Whether every pair that is listed now has a follower of its stream of the source's interval.
    pub(crate) fn all_followed(&self) -> bool {
        let name = |symbol| crate::stream::KlineStream { symbol, interval: self.interval }.name();
        let traded =
            self.tape.listed(self.now).filter(|(_, _, status)| *status != crate::listing::Status::Break);
        self.lines.follow_all(&traded.map(|(symbol, ..)| name(symbol)).collect())
    }

    /// Carries a command out; `None` if the connection does not answer. What is followed changes before the
    /// answer is written, so that no frame is lost after it.
    pub(crate) fn command(&mut self, line: LineId, text: &str) -> Option<String> {
        if !self.lines.speaks(line) {
            return None;
        }
        let (command, id) = match Command::parse(text) {
            Ok(parsed) => parsed,
            Err(refusal) => return Some(refusal.answer()),
        };
        Some(match command {
            Command::Subscribe(names) => {
                let mut refused = false;
                self.lines.update(line, |streams| {
                    let joined: BTreeSet<String> = streams.iter().cloned().chain(names).collect();
                    refused = joined.len() > MOST_STREAMS;
                    if !refused {
                        *streams = joined;
                    }
                });
                if refused { command::too_many(&id) } else { command::done(&id) }
            }
            Command::Unsubscribe(names) => {
                self.lines.update(line, |streams| streams.retain(|name| !names.contains(name)));
                command::done(&id)
            }
            Command::List => command::list(&id, &self.lines.update(line, |_| ())),
        })
    }

    /// Lets an answer to a command leave at a time.
    pub(crate) fn reply_at(&mut self, line: LineId, text: String, at: Milliseconds) {
        self.outbox.push(at, Item::Reply(line, text));
    }

    /// A REST request; `None` if it is not answered.
    pub(crate) fn request(&mut self, path_and_query: &str, asked: Asked) -> Option<Answer> {
        match self.faults.blocked(asked.at) {
            Some(Blocked::Answer(answer)) => return Some(answer),
            Some(Blocked::Hangs) => return None,
            None => (),
        }
        // Only what tells a time shows the jump and the unit.
        let path = path_and_query.split('?').next().unwrap_or_default();
        let offset = match path {
            "/api/v3/time" | "/api/v3/exchangeInfo" => self.faults.clock_offset(asked.at),
            _ => 0,
        };
        let microseconds =
            matches!(path, "/api/v3/klines" | "/api/v3/aggTrades") && self.faults.microseconds(asked.at);
        let silent = match path {
            "/api/v3/klines" => self.faults.klines_silent(asked_symbol(path_and_query), asked.at),
            _ => None,
        };
        let view = View {
            tape: &self.tape,
            interval: self.interval,
            now: asked.at,
            clock: asked.at + offset,
            stamps: if microseconds {
                crate::stamps::Stamps::Microseconds
            } else {
                crate::stamps::Stamps::Milliseconds
            },
            silent,
        };
        Some(rest::answer(&view, &mut self.weights, asked.client_time, path_and_query))
    }
}

/// The pair that a request is about.
fn asked_symbol(path_and_query: &str) -> Option<Symbol> {
    let query = path_and_query.split_once('?')?.1;
    let mut parameters = form_urlencoded::parse(query.as_bytes());
    parameters.find(|(name, _)| name == "symbol").and_then(|(_, name)| name.parse().ok())
}
