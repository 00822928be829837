//! What is and was missing.

use super::Service;
use crate::gaps::Gap;
use crate::reason::Refusal;

impl Service {
    /// The ledger of missing bars, of one symbol or (empty) of all; only what is not filled if `unfilled`.
    ///
    /// # Errors
    /// [`Reason::UnknownSymbol`](crate::reason::Reason::UnknownSymbol).
    pub fn gaps(&self, symbol: &str, unfilled: bool) -> Result<Vec<Gap>, Refusal> {
        let symbol = match symbol {
            "" => None,
            name => Some(self.symbol(name)?),
        };
        Ok(self.shared().gaps.list(symbol, unfilled, self.interval))
    }
}
