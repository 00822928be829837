//! Ingest from an exchange by REST.

use exchange_sim::{Exchange, ExchangeConfig, MarketSource};
use kline::Interval;
use klinecast_trainer::console::Console;
use klinecast_trainer::ingest::{Range, Source, ingest};
use store::Home;

use crate::support::{START, market};

#[test]
fn what_an_exchange_gave_is_kept_once_and_only_what_is_missing_is_fetched() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let klines = market(14);
    let now = START + 14 * 86_400_000 - 450_000;
    let config = ExchangeConfig {
        market: MarketSource::Recorded(klines.clone()),
        ..ExchangeConfig::recorded(klines.clone(), now)
    };
    let exchange = runtime.block_on(Exchange::start(config)).expect("an exchange");
    let folder = tempfile::tempdir().expect("a folder");
    let home = Home::open(folder.path()).expect("a home");
    let symbols: Vec<_> = klines.keys().copied().collect();
    let fetch = |days| {
        let until = Some(START + 14 * 86_400_000);
        let range = Range { days: Some(days), until, ..Range::default() };
        let source = Source::Exchange { rest_url: exchange.rest_url().to_string(), range };
        ingest(&home, &source, &symbols, Interval::M15, &Console::silent()).expect("klines")
    };

    let first = fetch(12);
    assert!(first.iter().all(|one| one.fetched == 12 * 96 - 1 && one.written == one.fetched), "{first:?}");
    let earlier = fetch(14);
    assert!(earlier.iter().all(|one| one.fetched == 2 * 96 && one.written == 2 * 96), "{earlier:?}");
    let again = fetch(14);
    assert!(again.iter().all(|one| one.written == 0), "{again:?}");
    for (symbol, klines) in &klines {
        let kept = home.klines().range(*symbol, Interval::M15, None, None).expect("klines");
        // The last bar had not closed yet.
        assert_eq!(kept.len(), klines.len() - 1);
        assert!(kept.iter().zip(klines).all(|(a, b)| a.same_bits(b)));
    }
    runtime.block_on(exchange.shutdown());
}
