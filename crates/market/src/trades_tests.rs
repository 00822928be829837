use proptest::prelude::*;

use super::*;

const STEP: i64 = 900_000;

fn bar(index: i64) -> BarTime {
    BarTime::from_open(index * STEP, Interval::M15).expect("on the grid")
}

/// Trade `id` covers trades `10 * id..10 * id + 9`.
fn trade(id: i64, time: Milliseconds, price: &str, quantity: &str) -> AggTrade {
    let number = |text| Fixed::parse(text).expect("a decimal");
    AggTrade {
        id,
        price: number(price),
        quantity: number(quantity),
        trade_ids: TradeIds { first: 10 * id, last: 10 * id + 9 },
        time,
        buyer_is_maker: id % 2 == 0,
    }
}

fn made(trades: &[AggTrade], no_more: bool) -> Result<Option<TradedKline>, TradeFault> {
    let mut bar = BarTrades::new(Interval::M15, bar(2));
    trades.iter().try_for_each(|trade| bar.take(trade))?;
    bar.kline(no_more)
}

/// A trade before bar 2, three in it, one after it.
fn five() -> [AggTrade; 5] {
    let open = 2 * STEP;
    [
        trade(5, open - 1, "9.5", "7"),
        trade(6, open, "10.25", "0.1"),
        trade(7, open + 4, "10.5", "0.2"),
        trade(8, open + STEP - 1, "10", "0.3"),
        trade(9, open + STEP, "11", "8"),
    ]
}

#[test]
fn a_kline_is_made_of_every_trade_of_the_bar_and_no_other() {
    let made = made(&five(), false).ok().flatten().expect("a kline");
    let kline = made.kline;
    assert_eq!((kline.open, kline.high, kline.low, kline.close), (10.25, 10.5, 10.0, 10.0));
    assert_eq!((kline.volume, kline.quote_volume, kline.trades), (0.6, Some(6.125), Some(30)));
    assert_eq!((kline.taker_base, kline.taker_quote), (Some(0.2), Some(2.1)));
    assert_eq!((kline.open_time, kline.close_time), (2 * STEP, 3 * STEP - 1));
    assert_eq!(made.trade_ids, TradeIds { first: 60, last: 89 });
}

#[test]
fn doubles_change_nothing_and_holes_make_an_end_of_it() {
    let all = five();
    let twice: Vec<AggTrade> = all.iter().chain(&all[1..]).copied().collect();
    assert_eq!(made(&twice, false), made(&all, false));
    let again = [all[0], all[1], all[1], all[0], all[2], all[3], all[4]];
    assert_eq!(made(&again, false), made(&all, false));
    for left_out in 1..4 {
        let mut holed = all.to_vec();
        holed.remove(left_out);
        let before = i64::try_from(left_out).unwrap_or_default() + 4;
        let hole = TradeFault::Hole { what: "aggregate", before, found: before + 2 };
        assert_eq!(made(&holed, false), Err(hole));
    }
    // The numbers of the aggregates follow one another, those of the trades do not.
    let mut holed = all;
    holed[2].trade_ids.first += 1;
    assert_eq!(made(&holed, false), Err(TradeFault::Hole { what: "trade", before: 69, found: 71 }));
    let mut unordered = all;
    unordered[2].time = 2 * STEP - 5;
    assert!(matches!(made(&unordered, false), Err(TradeFault::Order { id: 7, .. })));
}

#[test]
fn beginning_and_end_must_be_shown() {
    let all = five();
    assert_eq!(made(&all[1..], false), Err(TradeFault::Beginning(6)));
    assert_eq!(made(&all[..4], false), Err(TradeFault::End));
    assert_eq!(made(&all[..4], true), made(&all, false));
    let from_opening = |after| {
        let mut trades = BarTrades::from_opening(Interval::M15, bar(2), after);
        all[1..].iter().try_for_each(|trade| trades.take(trade))?;
        assert!(trades.has_ended());
        trades.kline(false)
    };
    assert_eq!(from_opening(None), made(&all, false));
    assert_eq!(from_opening(Some(59)), made(&all, false));
    assert_eq!(from_opening(Some(57)), Err(TradeFault::Hole { what: "trade", before: 57, found: 60 }));
}

#[test]
fn a_bar_without_trades_has_no_kline() {
    let all = five();
    let following = AggTrade { id: 6, trade_ids: TradeIds { first: 60, last: 60 }, ..all[4] };
    assert_eq!(made(&[all[0], following], false), Ok(None));
    assert_eq!(made(&[], true), Ok(None));
    assert_eq!(made(&[], false), Err(TradeFault::End));
}

#[test]
fn sums_that_the_exchange_would_round_are_no_kline() {
    let open = 2 * STEP;
    let fine = [trade(5, open - 1, "1", "1"), trade(6, open, "0.00000003", "0.5")];
    assert_eq!(made(&fine, true), Err(TradeFault::Decimals("quote volume")));
    // Two halves are a whole again.
    let both = [fine[0], fine[1], trade(7, open, "0.00000003", "0.5")];
    let takers = TradeFault::Decimals("takers' quote volume");
    assert_eq!(made(&both, true), Err(takers));
    let most = "184467440737.09551615";
    let large = [fine[0], trade(6, open, most, most), trade(7, open, most, most)];
    assert_eq!(made(&large, true), Err(TradeFault::Large("quote volume")));
}

/// What a kline of these trades is, written without the aggregator: decimals as text of whole hundredths.
fn naive(trades: &[(u32, u32, bool)]) -> [f64; 8] {
    let number = |hundredths: u128, places: u32| -> f64 {
        let one = 10_u128.pow(places);
        let width = places as usize;
        format!("{}.{:0width$}", hundredths / one, hundredths % one).parse().expect("a number")
    };
    let price = |at: usize| number(u128::from(trades[at].0), 2);
    let prices = trades.iter().map(|trade| trade.0);
    let sum = |of: &dyn Fn(&(u32, u32, bool)) -> u128| trades.iter().map(of).sum::<u128>();
    let base = |trade: &(u32, u32, bool)| u128::from(trade.1);
    let quote = |trade: &(u32, u32, bool)| u128::from(trade.0) * u128::from(trade.1);
    let taken = |trade: &(u32, u32, bool)| u128::from(!trade.2);
    [
        price(0),
        number(prices.clone().max().map_or(0, u128::from), 2),
        number(prices.min().map_or(0, u128::from), 2),
        price(trades.len() - 1),
        number(sum(&base), 3),
        number(sum(&quote), 5),
        number(sum(&|trade| base(trade) * taken(trade)), 3),
        number(sum(&|trade| quote(trade) * taken(trade)), 5),
    ]
}

proptest! {
    #[test]
    fn sums_are_those_of_a_naive_reading(
        parts in prop::collection::vec((1_u32.., any::<u32>(), any::<bool>()), 1..60),
        doubled in 0_usize..60,
    ) {
        let open = 2 * STEP;
        let trades: Vec<AggTrade> = (1..).zip(&parts).map(|(id, (price, quantity, buyer_is_maker))| AggTrade {
            buyer_is_maker: *buyer_is_maker,
            ..trade(
                id,
                open + id,
                &format!("{}.{:02}", price / 100, price % 100),
                &format!("{}.{:03}", quantity / 1_000, quantity % 1_000),
            )
        }).collect();
        let mut bar = BarTrades::from_opening(Interval::M15, bar(2), Some(9));
        for trade in &trades {
            bar.take(trade).expect("they follow one another");
            bar.take(&trades[doubled.min(trades.len() - 1).min(usize::try_from(trade.id - 1).unwrap_or(0))]).expect("a double");
        }
        let kline = bar.kline(true).expect("few decimals").expect("trades").kline;
        let found = [
            kline.open, kline.high, kline.low, kline.close, kline.volume, kline.quote_volume.unwrap_or(f64::NAN),
            kline.taker_base.unwrap_or(f64::NAN), kline.taker_quote.unwrap_or(f64::NAN),
        ];
        prop_assert_eq!(found.map(f64::to_bits), naive(&parts).map(f64::to_bits));
        prop_assert_eq!(kline.trades, u64::try_from(parts.len() * 10).ok());
    }

    #[test]
    fn nothing_is_made_of_trades_with_one_left_out(count in 3_usize..40, left_out in 1_usize..40) {
        let mut trades: Vec<AggTrade> = (0..).take(count).map(|id| trade(id, 2 * STEP + id, "10", "1")).collect();
        let left_out = left_out.min(count - 2);
        trades.remove(left_out);
        let mut bar = BarTrades::from_opening(Interval::M15, bar(2), None);
        let taken = trades.iter().try_for_each(|trade| bar.take(trade));
        prop_assert!(taken.is_err());
    }
}
