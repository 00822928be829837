//! One function for each thing that happens and is counted.

use std::time::Duration;

use forecast::score::{CardRequest, Ledger};
use forecast::{Bundle, Source, Task};
use kline::{BarTime, Milliseconds, Symbol};
use market::KlineSource;
use metrics::{counter, gauge, histogram};

use super::catalogue::names;
use crate::reason::Reason;

pub(crate) fn show_connection(face: &'static str, opened: bool) {
    let open = gauge!(names::CONNECTIONS, "face" => face);
    if opened { open.increment(1.0) } else { open.decrement(1.0) }
}

pub(crate) fn count_connection_refused(face: &'static str, why: &'static str) {
    counter!(names::CONNECTIONS_REFUSED, "face" => face, "why" => why).increment(1);
}

pub(crate) fn count_access_refused(reason: Reason) {
    counter!(names::ACCESS_REFUSED, "reason" => reason.entry().name).increment(1);
}

pub(crate) fn count_reload(what: &'static str, result: &'static str) {
    counter!(names::ACCESS_RELOADS, "what" => what, "result" => result).increment(1);
}

pub(crate) fn count_audit(result: &'static str, lines: usize) {
    counter!(names::AUDIT_LINES, "result" => result).increment(lines as u64);
}

pub(crate) fn show_limits_shared(shared: bool) {
    gauge!(names::LIMITS_SHARED).set(if shared { 1.0 } else { 0.0 });
}

pub(crate) fn count_explanations(kept: &'static str, hit: bool) {
    counter!(names::EXPLANATIONS, "kept" => kept, "result" => if hit { "hit" } else { "miss" }).increment(1);
}

pub(crate) fn count_limits_fallback() {
    counter!(names::LIMITS_FALLBACKS).increment(1);
}

pub(crate) fn count_kline(source: KlineSource, closed: bool) {
    counter!(names::KLINES, "source" => source.as_str(), "state" => if closed { "closed" } else { "forming" })
        .increment(1);
}

pub(crate) fn count_backfilled(count: usize) {
    counter!(names::BACKFILLED).increment(count as u64);
}

pub(crate) fn count_prediction(revision: u32) {
    counter!(names::PREDICTIONS, "revision" => if revision <= 1 { "first" } else { "amended" }).increment(1);
}

pub(crate) fn count_resolution(task: Task) {
    counter!(names::RESOLUTIONS, "task" => task.name()).increment(1);
}

pub(crate) fn count_alarm(alarm: &'static str) {
    counter!(names::ALARMS, "alarm" => alarm).increment(1);
}

pub(crate) fn count_bundle_load(result: &'static str) {
    counter!(names::BUNDLE_LOADS, "result" => result).increment(1);
}

pub(crate) fn count_bands_renewed(blocks: i64) {
    counter!(names::BANDS_RENEWED).increment(blocks.unsigned_abs());
}

pub(crate) fn count_bands_failures(failures: u64) {
    counter!(names::BANDS_FAILURES).increment(failures);
}

pub(crate) fn show_bands_ahead(blocks: i64) {
    gauge!(names::BANDS_AHEAD).set(blocks as f64);
}

pub(crate) fn count_snapshot(result: &'static str) {
    counter!(names::SNAPSHOTS, "result" => result).increment(1);
}

pub(crate) fn count_written(kind: &'static str, count: usize) {
    counter!(names::WRITTEN, "kind" => kind).increment(count as u64);
}

pub(crate) fn count_lost(kind: &'static str, count: usize) {
    counter!(names::LOST, "kind" => kind).increment(count as u64);
}

pub(crate) fn count_dropped(records: usize) {
    counter!(names::JOURNAL_DROPPED).increment(records as u64);
}

pub(crate) fn show_held_records(records: usize) {
    gauge!(names::JOURNAL_HELD).set(records as f64);
}

pub(crate) fn show_oldest_record(bar: BarTime) {
    gauge!(names::JOURNAL_OLDEST).set(bar.milliseconds() as f64 / 1e3);
}

pub(crate) fn count_lagged(count: u64) {
    counter!(names::LAGGED).increment(count);
}

pub(crate) fn count_spans(result: &'static str, count: usize) {
    counter!(names::SPANS, "result" => result).increment(count as u64);
}

pub(crate) fn count_reports(result: &'static str) {
    counter!(names::REPORTS, "result" => result).increment(1);
}

pub(crate) fn count_slow(face: &'static str) {
    counter!(names::SLOW, "face" => face).increment(1);
}

pub(crate) fn count_reconnect() {
    counter!(names::RECONNECTS).increment(1);
}

pub(crate) fn count_mismatches(numbers: usize) {
    counter!(names::PARITY_MISMATCHES).increment(numbers as u64);
}

pub(crate) fn count_parity_audit(result: &'static str) {
    counter!(names::PARITY_AUDITS, "result" => result).increment(1);
}

pub(crate) fn show_listing(symbol: Symbol, is_traded: bool) {
    gauge!(names::TRADED, "symbol" => symbol.to_string()).set(if is_traded { 1.0 } else { 0.0 });
}

pub(crate) fn show_clock_offset(ahead_ms: Milliseconds) {
    gauge!(names::CLOCK_OFFSET).set(ahead_ms as f64 / 1e3);
}

pub(crate) fn show_lines(open: usize) {
    gauge!(names::EXCHANGE_LINES).set(open as f64);
}

pub(crate) fn count_audited(bars: usize) {
    counter!(names::AUDITED).increment(bars as u64);
}

pub(crate) fn count_audit_differing(bars: usize) {
    counter!(names::AUDIT_DIFFERING).increment(bars as u64);
}

pub(crate) fn count_missing(bars: u64) {
    counter!(names::MISSING_BARS).increment(bars);
}

pub(crate) fn count_filled(source: Source) {
    counter!(names::FILLED_BARS, "source" => source.name()).increment(1);
}

pub(crate) fn show_gaps(open: u64, lacking: u64) {
    gauge!(names::GAPS, "state" => "open").set(open as f64);
    gauge!(names::GAPS, "state" => "lacking").set(lacking as f64);
}

pub(crate) fn record_engine_time(took: Duration) {
    histogram!(names::ENGINE_SECONDS).record(took.as_secs_f64());
}

pub(crate) fn record_http(route: &str, method: &'static str, status: u16, took: Duration) {
    let route = route.to_owned();
    counter!(names::HTTP_REQUESTS, "route" => route.clone(), "method" => method, "status" => status.to_string())
        .increment(1);
    histogram!(names::HTTP_SECONDS, "route" => route, "method" => method).record(took.as_secs_f64());
}

pub(crate) fn show_lag(lag: Duration, calls: usize) {
    gauge!(names::LAG).set(lag.as_secs_f64());
    gauge!(names::CALLS).set(calls as f64);
}

pub(crate) fn count_shed() {
    counter!(names::SHED).increment(1);
}

pub(crate) fn show_breaker(system: &'static str, is_open: bool) {
    gauge!(names::BREAKER, "system" => system).set(if is_open { 1.0 } else { 0.0 });
}

pub(crate) fn show_bundle(bundle: &Bundle, previous: Option<String>) {
    if let Some(previous) = previous {
        gauge!(names::BUNDLE_INFO, "digest" => previous).set(0.0);
    }
    gauge!(names::BUNDLE_INFO, "digest" => bundle.digest().to_string()).set(1.0);
}

/// The windows that have metrics: the name, and so many days before the newest one.
const SCORE_WINDOWS: [(&str, Option<i64>); 4] =
    [("1d", Some(1)), ("7d", Some(7)), ("30d", Some(30)), ("all", None)];

/// The score over the windows, by task. Not by pair: that would be as many series again for each pair.
pub(crate) fn show_scores(ledger: &Ledger) {
    let Some(newest) = ledger.newest_day() else { return };
    for (window, days) in SCORE_WINDOWS {
        let lines = ledger.card(&CardRequest {
            from_day: days.map(|days| newest - days),
            until_day: None,
            by_pair: false,
            by_bundle: false,
            with_intervals: false,
            wanted: &|_, _, _| true,
        });
        for line in lines {
            let labels = [("task", line.task.name()), ("window", window)];
            gauge!(names::SKILL, &labels).set(line.skill.value);
            gauge!(names::LOSS, &labels).set(line.loss);
            gauge!(names::BASELINE_LOSS, &labels).set(line.baseline_loss);
            gauge!(names::SCORED, &labels).set(line.count as f64);
        }
    }
}
