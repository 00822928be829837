//! The limits that several servers share over Redis. One script looks and takes at once, by Redis's own clock.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, RedisError, Script};

use super::{ClientId, Limits, Verdict};
use crate::telemetry::metrics as names;

/// Longest wait for an answer; then the call is counted by this process alone.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(150);

/// Longest wait for a connection. It goes on after the call that asked for it was answered otherwise.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The first and the longest pause after Redis did not answer; pauses double.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// Milliseconds that what a client has used is kept at least.
const KEPT_MS_MIN: i64 = 60_000;

/// The same rules as [`super::Usage::take`]. Answers what became of the call (0 taken, 1 too fast, 2 quota spent) and the wait in
/// milliseconds. What is kept of a client expires when it says nothing more than "nothing used".
const TAKE: &str = r"
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local per_second, at_once, per_day = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local kept = redis.call('HMGET', KEYS[1], 'free', 'seen', 'day', 'today')
local free = tonumber(kept[1] or at_once)
local seen = tonumber(kept[2] or now)
local day = math.floor(now / 86400000)
local today = 0
if tonumber(kept[3] or -1) == day then today = tonumber(kept[4] or 0) end
if per_second > 0 then free = math.min(at_once, free + math.max(0, now - seen) / 1000 * per_second) end
local midnight = 86400000 - now % 86400000
local verdict, wait = 0, 0
if per_day > 0 and today >= per_day then
  verdict, wait = 2, midnight
elseif per_second > 0 and free < 1 then
  verdict, wait = 1, math.min(86400000, math.ceil((1 - free) / per_second * 1000))
else
  today = today + 1
  if per_second > 0 then free = free - 1 end
end
redis.call('HSET', KEYS[1], 'free', string.format('%.9f', free), 'seen', string.format('%d', math.max(seen, now)),
  'day', string.format('%d', day), 'today', string.format('%d', today))
local keep = tonumber(ARGV[4])
if per_second > 0 then keep = math.max(keep, math.ceil(math.min(at_once / per_second, 86400) * 1000)) end
if per_day > 0 then keep = math.max(keep, midnight) end
redis.call('PEXPIRE', KEYS[1], keep)
return {verdict, wait}
";

/// Limits shared over Redis.
pub(super) struct Shared {
    manager: ConnectionManager,
    take: Script,
    line: Mutex<Line>,
}

/// How the line to Redis is.
#[derive(Debug)]
struct Line {
    /// `None` before the first answer.
    answers: Option<bool>,
    ask_at: Instant,
    pause: Duration,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    /// Takes the address; connects at the first call. Needs a tokio runtime.
    pub(super) fn new(url: &str) -> Result<Self, RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_connection_timeout(Some(CONNECT_TIMEOUT))
            .set_response_timeout(Some(ANSWER_TIMEOUT));
        let manager = ConnectionManager::new_lazy_with_config(Client::open(url)?, config)?;
        let line = Mutex::new(Line { answers: None, ask_at: Instant::now(), pause: PAUSES.0 });
        Ok(Self { manager, take: Script::new(TAKE), line })
    }

    /// Takes one call of a client; `None` when Redis does not answer now.
    pub(super) async fn take(&self, client: ClientId, limits: &Limits) -> Option<Verdict> {
        if !self.may_ask() {
            names::count_limits_fallback();
            return None;
        }
        let kind = if client.known { "caller" } else { "address" };
        let mut call = self.take.key(format!("klinecast:limit:{kind}:{}", hex::encode(client.bytes)));
        call.arg(limits.per_second).arg(limits.at_once()).arg(limits.per_day).arg(KEPT_MS_MIN);
        let mut manager = self.manager.clone();
        let asked = call.invoke_async::<(u8, i64)>(&mut manager);
        let problem = match tokio::time::timeout(ANSWER_TIMEOUT, asked).await {
            Ok(Ok((verdict, wait))) => {
                self.answered();
                let wait = Duration::from_millis(wait.unsigned_abs());
                return Some(match verdict {
                    0 => Verdict::Taken,
                    1 => Verdict::TooFast { wait },
                    _ => Verdict::QuotaSpent { wait },
                });
            }
            Ok(Err(error)) => error.category().to_owned(),
            Err(_) => "no answer in time".to_owned(),
        };
        self.failed(&problem);
        names::count_limits_fallback();
        None
    }

    fn line(&self) -> std::sync::MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether Redis may be asked now. While it does not answer, one call after each pause tries.
    fn may_ask(&self) -> bool {
        let mut line = self.line();
        if line.answers != Some(false) {
            return true;
        }
        let now = Instant::now();
        let due = now >= line.ask_at;
        if due {
            line.ask_at = now + line.pause;
        }
        due
    }

    fn answered(&self) {
        let mut line = self.line();
        if line.answers != Some(true) {
            names::show_limits_shared(true);
            tracing::info!("limits are shared over Redis");
        }
        line.answers = Some(true);
        line.pause = PAUSES.0;
    }

    fn failed(&self, problem: &str) {
        let mut line = self.line();
        if line.answers != Some(false) {
            names::show_limits_shared(false);
            tracing::error!(problem, "Redis does not answer, this server limits by itself until it does");
        } else {
            line.pause = (line.pause * 2).min(PAUSES.1);
        }
        line.answers = Some(false);
        line.ask_at = Instant::now() + line.pause;
    }
}
