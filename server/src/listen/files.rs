//! Each connection is an open file: the system's limit of them against ours.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files that are open besides connections: stores, logs, sockets to the exchange.
const OTHERS: u64 = 256;

/// Lets the process have as many open files as so many connections need, as far as the system allows; says so if it is less.
pub fn allow_open_files(connections: usize) {
    let wanted = OTHERS.saturating_add(connections as u64);
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_none_or(|now| now >= wanted) {
        return;
    }
    let raised = limit.maximum.map_or(wanted, |most| most.min(wanted));
    let set = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum });
    let now = if set.is_ok() { raised } else { limit.current.unwrap_or_default() };
    if now < wanted {
        tracing::warn!(
            open_files = now,
            wanted,
            "the system allows fewer open files than server.connections_max needs; raise it with ulimit -n, or lower the setting"
        );
    }
}
