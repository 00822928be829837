//! What retention has dropped from the journal, and what those who ask for it are told.

use forecast::score::DAY_MS;
use jiff::Timestamp;
use kline::Milliseconds;
use store::{Home, StoreError};

use crate::reason::{Reason, Refusal};

/// What was dropped, as those who ask for it are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedView {
    /// Nothing of bars that close before this time is kept: the first millisecond of a day.
    pub before_ms: Milliseconds,
    /// Whether the last record that was dropped was exported before, and where the exporter put it.
    pub exported_to: Option<String>,
}

impl DroppedView {
    /// What the store says.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn read(home: &Home) -> Result<Option<Self>, StoreError> {
        let Some(dropped) = home.retention().dropped()? else { return Ok(None) };
        let exported = home.retention().exported()?;
        let exported = exported.filter(|exported| exported.last.number >= dropped.last.number);
        Ok(Some(Self { before_ms: dropped.before_ms, exported_to: exported.map(|exported| exported.to) }))
    }

    /// The first day that is kept, in days since 1970-01-01.
    #[must_use]
    pub const fn first_day(&self) -> i64 {
        self.before_ms.div_euclid(DAY_MS)
    }

    /// Refuses a question about what was dropped; `what` is its subject.
    #[must_use]
    pub fn refusal(&self, what: &dyn std::fmt::Display) -> Refusal {
        let before = Timestamp::from_millisecond(self.before_ms)
            .map_or_else(|_| self.before_ms.to_string(), |time| time.strftime("%Y-%m-%d").to_string());
        let place = match &self.exported_to {
            Some(place) => format!("exported to {place}"),
            None => "not exported".to_owned(),
        };
        let message = format!("{what} was dropped by retention, as all before {before} UTC was; {place}");
        let refusal = Refusal::new(Reason::Dropped, message).with("dropped_before", before);
        match &self.exported_to {
            Some(place) => refusal.with("exported_to", place),
            None => refusal,
        }
    }
}
