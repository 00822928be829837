//! Who follows which streams.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kline::Symbol;

use crate::LineId;
use crate::stream::{KlineStream, trade_stream};

/// All connections.
#[derive(Debug, Default)]
pub(super) struct Lines {
    next: u64,
    open: BTreeMap<LineId, Line>,
    /// Made when it is asked for after a change.
    routes: Option<Arc<Vec<Route>>>,
    trade_routes: Option<Arc<Vec<TradeRoute>>>,
    /// How many streams of trades are followed.
    trades_followed: usize,
}

#[derive(Debug)]
struct Line {
    combined: bool,
    mute: bool,
    streams: BTreeSet<String>,
}

/// A kline stream and who follows it.
#[derive(Debug)]
pub(super) struct Route {
    pub(super) name: String,
    pub(super) stream: KlineStream,
    pub(super) followers: Vec<Follower>,
}

/// A stream of trades and who follows it.
#[derive(Debug)]
pub(super) struct TradeRoute {
    pub(super) name: String,
    pub(super) symbol: Symbol,
    pub(super) followers: Vec<Follower>,
}

/// A connection that follows a stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Follower {
    pub(super) line: LineId,
    pub(super) combined: bool,
}

impl Lines {
    pub(super) fn connect(&mut self, combined: bool, streams: BTreeSet<String>) -> LineId {
        let line = LineId(self.next);
        self.next += 1;
        self.open.insert(line, Line { combined, mute: false, streams });
        self.changed();
        line
    }

    pub(super) fn disconnect(&mut self, line: LineId) {
        if self.open.remove(&line).is_some() {
            self.changed();
        }
    }

    /// From now on nothing leaves on the connection.
    pub(super) fn mute(&mut self, line: LineId) {
        if let Some(line) = self.open.get_mut(&line) {
            line.mute = true;
        }
        self.changed();
    }

    /// Whether frames leave on the connection.
    pub(super) fn speaks(&self, line: LineId) -> bool {
        self.open.get(&line).is_some_and(|line| !line.mute)
    }

    /// The connections on which frames leave.
    pub(super) fn speaking(&self) -> Vec<LineId> {
        self.open.iter().filter(|(_, line)| !line.mute).map(|(line, _)| *line).collect()
    }

    pub(super) fn combined(&self, line: LineId) -> Option<bool> {
        self.open.get(&line).map(|line| line.combined)
    }

    /// Changes a connection's streams and says which it follows then.
    pub(super) fn update(&mut self, line: LineId, change: impl FnOnce(&mut BTreeSet<String>)) -> Vec<String> {
        let streams = self.open.get_mut(&line).map_or_else(Vec::new, |line| {
            change(&mut line.streams);
            line.streams.iter().cloned().collect()
        });
        self.changed();
        streams
    }

    /// Whether every one of `streams` is followed by someone.
    pub(super) fn follow_all(&self, streams: &BTreeSet<String>) -> bool {
        let followed = |stream| self.open.values().any(|line| !line.mute && line.streams.contains(stream));
        streams.iter().all(followed)
    }

    /// Who follows what has changed.
    fn changed(&mut self) {
        (self.routes, self.trade_routes) = (None, None);
        let names = self.open.values().filter(|line| !line.mute).flat_map(|line| &line.streams);
        self.trades_followed = names.filter(|name| trade_stream(name).is_some()).count();
    }

    /// Whether anyone follows trades.
    pub(super) const fn follow_trades(&self) -> bool {
        self.trades_followed > 0
    }

    /// Every stream of trades that someone follows, in order of name.
    pub(super) fn trade_routes(&mut self) -> Arc<Vec<TradeRoute>> {
        let open = &self.open;
        Arc::clone(self.trade_routes.get_or_insert_with(|| {
            let mut routes: BTreeMap<&str, TradeRoute> = BTreeMap::new();
            for (line, Line { combined, streams, .. }) in open.iter().filter(|(_, line)| !line.mute) {
                for name in streams {
                    let Some(symbol) = trade_stream(name) else {
                        continue;
                    };
                    let route = routes.entry(name).or_insert_with(|| TradeRoute {
                        name: name.clone(),
                        symbol,
                        followers: Vec::new(),
                    });
                    route.followers.push(Follower { line: *line, combined: *combined });
                }
            }
            Arc::new(routes.into_values().collect())
        }))
    }

    /// Every kline stream that someone follows, in order of name.
    pub(super) fn routes(&mut self) -> Arc<Vec<Route>> {
        let open = &self.open;
        Arc::clone(self.routes.get_or_insert_with(|| {
            let mut routes: BTreeMap<&str, Route> = BTreeMap::new();
            for (line, Line { combined, streams, .. }) in open.iter().filter(|(_, line)| !line.mute) {
                for name in streams {
                    let Some(stream) = KlineStream::parse(name) else {
                        continue;
                    };
                    let route = routes.entry(name).or_insert_with(|| Route {
                        name: name.clone(),
                        stream,
                        followers: Vec::new(),
                    });
                    route.followers.push(Follower { line: *line, combined: *combined });
                }
            }
            Arc::new(routes.into_values().collect())
        }))
    }
}
