//! Which symbol is Bitcoin.

use kline::Symbol;

/// What Bitcoin is told in, the one that is preferred first.
const QUOTES: [&str; 6] = ["USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USD"];

/// The symbol that the features over all symbols take for Bitcoin: `BTC` in USDT, else in USDC, FDUSD, TUSD, BUSD or USD, else
/// in another currency of three letters; of several the shortest name, then the first. What follows a separator is not looked
/// at (`BTCUSDT_260626`), and what only begins with the letters is something else (`BTCDOMUSDT`).
#[must_use]
pub fn bitcoin_of(symbols: impl IntoIterator<Item = Symbol>) -> Option<Symbol> {
    let ranked = symbols.into_iter().filter_map(|symbol| Some((rank(symbol)?, symbol)));
    ranked.min().map(|(_, symbol)| symbol)
}

/// The place of its quote, and how long the name is.
fn rank(symbol: Symbol) -> Option<(usize, usize)> {
    let name = symbol.as_str();
    let mut parts = name.strip_prefix("BTC")?.split(['-', '_', '.']).filter(|part| !part.is_empty());
    let quote = parts.next()?;
    let is_currency = quote.len() == 3 && quote.bytes().all(|byte| byte.is_ascii_alphabetic());
    let known = QUOTES.iter().position(|known| *known == quote);
    Some((known.or(is_currency.then_some(QUOTES.len()))?, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(names: &[&str]) -> Option<String> {
        bitcoin_of(names.iter().map(|name| name.parse().expect("a name"))).map(|symbol| symbol.to_string())
    }

    #[test]
    fn what_only_begins_with_the_letters_is_not_bitcoin() {
        assert_eq!(of(&["BTCDOMUSDT", "BTCSTUSDT", "ETHBTC", "WBTCUSDT", "BTC"]), None);
        assert_eq!(of(&["BTCDOMUSDT", "BTCSTUSDT", "BTCUSDT"]).as_deref(), Some("BTCUSDT"));
    }

    #[test]
    fn of_several_one_is_taken_whatever_their_order() {
        let mut names = vec!["BTC-USD", "BTCEUR", "BTCUSDC", "BTCUSDT", "BTCUSDT_260626", "ETHUSDT"];
        let expected = ["BTCUSDT", "BTCUSDT_260626", "BTCUSDC", "BTC-USD", "BTCEUR"];
        for one in expected {
            assert_eq!(of(&names).as_deref(), Some(one));
            names.reverse();
            assert_eq!(of(&names).as_deref(), Some(one));
            names.retain(|name| *name != one);
        }
        assert_eq!(of(&names), None);
        assert_eq!(of(&[]), None);
    }
}
