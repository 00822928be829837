//! The limits of one process: what each client has used, in a table of bounded size.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::recent::Recent;
use super::{ClientId, Limits, Moment, Usage, Verdict};
use crate::clock::wall_time;

/// Parts of the table, each with a lock of its own that is held for some hundred nanoseconds.
const PARTS: usize = 16;

/// What every client has used. Known callers and addresses have tables apart, so that a flood of addresses makes no known caller
/// forgotten.
#[derive(Debug)]
pub(super) struct Local {
    known: Table,
    addresses: Table,
    began: Instant,
}

type Table = Vec<Mutex<Recent<ClientId, Usage>>>;

fn table(clients_max: usize) -> Table {
    (0..PARTS).map(|_| Mutex::new(Recent::new((clients_max / PARTS).max(2)))).collect()
}

impl Local {
    /// Tables of so many clients each; who was not seen for longest is forgotten first.
    pub(super) fn new(clients_max: usize) -> Self {
        Self { known: table(clients_max), addresses: table(clients_max), began: Instant::now() }
    }

    /// Takes one call of a client.
    pub(super) fn take(&self, client: ClientId, limits: &Limits) -> Verdict {
        let now = Moment { running: self.began.elapsed(), wall_ms: wall_time() };
        let parts = if client.known { &self.known } else { &self.addresses };
        let spread = client.bytes.iter().fold(0_u8, |mixed, byte| mixed.rotate_left(3) ^ byte);
        let Some(part) = parts.get(usize::from(spread) % PARTS) else { return Verdict::Taken };
        let mut part = part.lock().unwrap_or_else(PoisonError::into_inner);
        match part.get(client) {
            Some(usage) => usage.take(limits, now),
            None => part.put(client, Usage::new(limits, now)).take(limits, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(known: bool, number: u32) -> ClientId {
        let mut bytes = [0; 16];
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        ClientId { known, bytes }
    }

    #[test]
    fn clients_do_not_take_from_one_another() {
        let local = Local::new(1_000);
        let limits = Limits { per_second: 0.001, burst: 2.0, per_day: 0 };
        for number in 0..50 {
            assert_eq!(local.take(client(true, number), &limits), Verdict::Taken);
            assert_eq!(local.take(client(true, number), &limits), Verdict::Taken);
            assert!(matches!(local.take(client(true, number), &limits), Verdict::TooFast { .. }));
            assert_eq!(local.take(client(false, number), &limits), Verdict::Taken);
        }
    }

    #[test]
    fn a_flood_of_addresses_makes_no_known_caller_forgotten() {
        let local = Local::new(64);
        let limits = Limits { per_second: 0.0, burst: 0.0, per_day: 1 };
        assert_eq!(local.take(client(true, 1), &limits), Verdict::Taken);
        for number in 0..10_000 {
            local.take(client(false, number), &limits);
        }
        assert!(matches!(local.take(client(true, 1), &limits), Verdict::QuotaSpent { .. }));
    }
}
