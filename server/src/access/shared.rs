//! The limits that several servers share over Redis. One script looks and takes at once, by Redis's own clock.

use std::time::Duration;

use redis::{RedisError, Script};

use super::{ClientId, Limits, Verdict};
use crate::redis_line::RedisLine;
use crate::telemetry::metrics as names;

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
#[derive(Debug)]
pub(super) struct Shared {
    line: RedisLine,
    take: Script,
}

impl Shared {
    /// Takes the address; connects at the first call. Needs a tokio runtime.
    pub(super) fn new(url: &str) -> Result<Self, RedisError> {
        Ok(Self { line: RedisLine::new(url, "redis_limits", tell)?, take: Script::new(TAKE) })
    }

    /// Takes one call of a client; `None` when Redis does not answer now.
    pub(super) async fn take(&self, client: ClientId, limits: &Limits) -> Option<Verdict> {
        let kind = if client.known { "caller" } else { "address" };
        let mut call = self.take.key(format!("klinecast:limit:{kind}:{}", hex::encode(client.bytes)));
        call.arg(limits.per_second).arg(limits.at_once()).arg(limits.per_day).arg(KEPT_MS_MIN);
        let asked = self.line.ask(async |redis| call.invoke_async::<(u8, i64)>(redis).await).await;
        let Some((verdict, wait)) = asked else {
            names::count_limits_fallback();
            return None;
        };
        let wait = Duration::from_millis(wait.unsigned_abs());
        Some(match verdict {
            0 => Verdict::Taken,
            1 => Verdict::TooFast { wait },
            _ => Verdict::QuotaSpent { wait },
        })
    }
}

fn tell(state: Result<(), &str>) {
    names::show_limits_shared(state.is_ok());
    match state {
        Ok(()) => tracing::info!("limits are shared over Redis"),
        Err(problem) => {
            tracing::error!(problem, "Redis does not answer, this server limits by itself until it does");
        }
    }
}
