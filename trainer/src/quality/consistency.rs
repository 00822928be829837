//! Whether the columns of a bar fit each other. What can be no kline at all (a low above the close, a taker's part above
//! the whole) is refused at the edge, by `Kline::new`; here is what a kline can be, but no exchange's bar.

use kline::Kline;

/// Quote volumes are rounded by the exchange: the mean price may lie so far outside the bar's range.
const PRICE_TOLERANCE: f64 = 1e-3;

/// Whether volume, trades and prices contradict one another: something was traded without a trade or the other way round,
/// the price moved within the bar without any volume, or the mean price (quote volume by volume; the takers' too) lies outside of low and high.
pub(super) fn is_broken(kline: &Kline) -> bool {
    let traded = kline.volume > 0.0;
    let trades_contradict = kline.trades.is_some_and(|trades| (trades > 0) != traded);
    let moved_without_volume = !traded && kline.high > kline.low;
    let means = [(kline.quote_volume, Some(kline.volume)), (kline.taker_quote, kline.taker_base)];
    let means_contradict = means.into_iter().any(|means| match means {
        (Some(quote), Some(base)) if base > 0.0 => {
            let mean = quote / base;
            mean < kline.low * (1.0 - PRICE_TOLERANCE) || mean > kline.high * (1.0 + PRICE_TOLERANCE)
        }
        _ => false,
    });
    trades_contradict || moved_without_volume || means_contradict
}
