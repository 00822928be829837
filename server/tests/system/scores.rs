//! The live score of a real server: what the journal says, to the last bit, before and after a restart.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use exchange_sim::{Exchange, ExchangeConfig, MarketSource, synthetic};
use forecast::score::{CardLine, CardRequest, DayOutcomes, Ledger, day_of, scored};
use forecast::{Resolution, Task};
use kline::{Interval, Kline, Milliseconds, Symbol};
use proto::v1;
use serde_json::{Value, json};
use store::{Home, JournalQuery};

use crate::binaries;
use crate::harness::{PATIENCE, SYMBOLS, Server, publish_champion, symbols};

const STEP: Interval = Interval::M15;

/// 2023-01-01 00:00 UTC; the history before the first live bar; and a week of live bars, so that skills have intervals.
const FROM: Milliseconds = 1_672_531_200_000;
const HISTORY_BARS: i64 = 4_032;
const LIVE_BARS: i64 = 7 * 96;

/// How many outcomes come true: of the last bar of the history and of the live bars but those whose horizon has not ended.
fn outcome_count() -> u64 {
    let each = |task: Task| LIVE_BARS + 1 - i64::from(task.horizon_steps());
    let per_symbol: i64 = Task::ALL.map(each).iter().sum();
    u64::try_from(per_symbol).expect("positive") * SYMBOLS.len() as u64
}

async fn exchange() -> Exchange {
    let bars = usize::try_from(HISTORY_BARS + LIVE_BARS).expect("small");
    let made: BTreeMap<Symbol, Vec<Kline>> = synthetic::generate(7, STEP, FROM, bars).expect("a market");
    let market = made.into_iter().filter(|(symbol, _)| symbols().contains(symbol)).collect();
    let live_from = FROM + HISTORY_BARS * STEP.milliseconds();
    Exchange::start(ExchangeConfig {
        market: MarketSource::Recorded(market),
        speed: 0.0,
        ..ExchangeConfig::recorded(BTreeMap::new(), live_from)
    })
    .await
    .expect("the exchange starts")
}

async fn card(server: &Server, request: v1::GetScorecardRequest) -> v1::GetScorecardResponse {
    server.statuses().get_scorecard(request).await.expect("an answer").into_inner()
}

/// The whole card, by pair and bundle with days, once everything that came true is in it.
async fn whole(server: &Server) -> v1::GetScorecardResponse {
    let began = Instant::now();
    loop {
        let request = v1::GetScorecardRequest {
            by: vec![v1::ScoreGroup::Pair.into(), v1::ScoreGroup::Bundle.into()],
            with_days: true,
            ..Default::default()
        };
        let card = card(server, request).await;
        let count: u64 = card.lines.iter().map(|line| line.outcome_count).sum();
        if card.complete && count == outcome_count() {
            return card;
        }
        assert!(began.elapsed() < PATIENCE, "{count} of {}: {}", outcome_count(), server.log());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// The card that the journal's records make, by the definition and at once.
fn afresh(home: &Path) -> Vec<CardLine> {
    let home = Home::open(home).expect("the home opens");
    let all = JournalQuery::default();
    let resolutions: Vec<Resolution> = home.journal().resolutions(&all).expect("readable");
    let outcomes = scored(&resolutions, &home.journal().forecasts(&all).expect("readable"));
    let mut ledger = Ledger::default();
    for day in outcomes.iter().map(|outcome| day_of(outcome.bar)).collect::<BTreeSet<_>>() {
        let mut of_day = DayOutcomes::default();
        of_day.put(outcomes.iter().copied().filter(|outcome| day_of(outcome.bar) == day));
        ledger.put(day, of_day.sums());
    }
    ledger.card(&CardRequest {
        from_day: None,
        until_day: None,
        by_pair: true,
        by_bundle: true,
        with_intervals: true,
        wanted: &|_, _, _| true,
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_score_is_the_journals_and_a_restart_changes_nothing() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let (_, digest) = publish_champion(home.path(), 1);
    let server = Server::start_with(&exchange, home.path(), &SYMBOLS.join(","), "4000").await;
    let before = whole(&server).await;

    let expected = afresh(home.path());
    assert_eq!(before.lines.len(), SYMBOLS.len() * Task::COUNT);
    assert_eq!(expected.len(), before.lines.len());
    for (line, expected) in before.lines.iter().zip(&expected) {
        assert_eq!(
            (line.task.as_str(), line.bundle_digest.clone()),
            (expected.task.name(), digest.to_string())
        );
        assert_eq!(Some(line.symbol.as_str()), expected.symbol.as_ref().map(Symbol::as_str));
        let said = [
            line.loss,
            line.baseline_loss,
            line.skill,
            line.skill_low,
            line.skill_high,
            line.hit_rate,
            line.rank_correlation,
            line.calibration_error,
        ];
        let made = [
            expected.loss,
            expected.baseline_loss,
            expected.skill.value,
            expected.skill.low,
            expected.skill.high,
            expected.hit_rate,
            expected.rank_correlation,
            expected.calibration_error,
        ];
        assert_eq!(said.map(f64::to_bits), made.map(f64::to_bits), "{line:?}");
        assert!(
            !line.too_few_days && line.skill_low <= line.skill && line.skill <= line.skill_high,
            "{line:?}"
        );
        assert_eq!(line.days.iter().map(|day| day.outcome_count).sum::<u64>(), line.outcome_count);
    }
    windows_and_filters(&server, &before).await;
    faces_agree(&server).await;
    metrics(&server).await;

    let (status, _, log) = server.terminate().await;
    assert!(status.success(), "{log}");
    let server = Server::start_with(&exchange, home.path(), &SYMBOLS.join(","), "4000").await;
    let after = whole(&server).await;
    // The shortest decimal of a float names its bits.
    assert_eq!(format!("{:?}", after.lines), format!("{:?}", before.lines));
    assert_eq!((after.from_ms, after.until_ms), (before.from_ms, before.until_ms));
}

async fn windows_and_filters(server: &Server, whole: &v1::GetScorecardResponse) {
    let day = 86_400_000;
    let last = card(server, v1::GetScorecardRequest { window_days: 1, ..Default::default() }).await;
    assert_eq!((last.until_ms, last.until_ms - last.from_ms), (whole.until_ms, 2 * day - 1));
    assert!(
        last.lines.iter().all(|line| line.day_count == 2 && line.too_few_days && line.skill_low.is_nan())
    );
    assert_eq!(
        last.lines.iter().map(|line| line.task.as_str()).collect::<Vec<_>>(),
        Task::ALL.map(Task::name)
    );
    let request = v1::GetScorecardRequest {
        from_ms: whole.from_ms + day,
        until_ms: whole.from_ms + day,
        symbols: vec!["ethusdt".to_owned()],
        tasks: vec!["return_4step".to_owned()],
        with_days: true,
        ..Default::default()
    };
    let one = card(server, request.clone()).await;
    let [line] = one.lines.as_slice() else { panic!("{one:?}") };
    let same = whole.lines.iter().find(|line| line.symbol == "ETHUSDT" && line.task == "return_4step");
    assert_eq!(line.days.as_slice(), &same.expect("a line").days[1..2]);
    let other = v1::GetScorecardRequest { bundle: "0000000000".to_owned(), ..request.clone() };
    assert!(card(server, other).await.lines.is_empty());
    let wrong = v1::GetScorecardRequest { window_days: 7, ..request };
    let refused = server.statuses().get_scorecard(wrong).await.expect_err("both are given");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
}

/// gRPC, REST and the command line say the same.
async fn faces_agree(server: &Server) {
    let (status, rest) = server.get("/v1/scorecard?window=7d&by=pair&task=direction_4step&days=true").await;
    assert_eq!(status, 200);
    assert_eq!((rest["complete"].as_bool(), rest["lines"].as_array().map(Vec::len)), (Some(true), Some(3)));
    let output = Command::new(binaries::binary("klinecast", "klinecast"))
        .args(["--server", &server.grpc, "--json", "skill", "--window", "7d", "--by", "pair"])
        .args(["--task", "direction_4step"])
        .output()
        .expect("the client runs");
    assert!(output.status.success(), "{output:?}");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said, rest);
    let (status, problem) = server.get("/scorecard?window=soon").await;
    assert_eq!((status, &problem["reason"]), (400, &json!("MALFORMED_REQUEST")));
    assert_eq!(server.get("/scorecard?windows=7d").await.0, 400);
}

async fn metrics(server: &Server) {
    let began = Instant::now();
    let wanted = [
        "klinecast_skill{task=\"return_1step\",window=\"7d\"}",
        "klinecast_loss{task=\"vol_regime_4step\",window=\"1d\"}",
        "klinecast_baseline_loss{task=\"direction_4step\",window=\"30d\"}",
        "klinecast_scored_outcomes{task=\"volatility_4step\",window=\"all\"} 2007",
    ];
    loop {
        let page = server.metrics_page().await;
        let missing: Vec<_> = wanted.iter().filter(|name| !page.contains(*name)).collect();
        if missing.is_empty() {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{missing:?} are not on the page");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
