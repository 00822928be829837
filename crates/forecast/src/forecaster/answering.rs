//! Predictions: of sealed bars, of the forming kline, and those of an earlier process.

use std::collections::BTreeMap;
use std::sync::Arc;

use features::{Catalogue, Quality, RowHash};
use kline::{BarTime, Symbol};

use super::Forecaster;
use super::history::{Announced, MadeFrom};
use crate::{BaselineInputs, Bundle, Effect, Journalled, Prediction, Source, bits};

impl Forecaster {
    /// Lets every bundle of a record answer it, from the state in which the record is the last that went in. Only what
    /// is new or has other bits than before is announced; says how many.
    pub(super) fn answer(&mut self, at: usize, effects: &mut Vec<Effect>) -> usize {
        let bundles = self.history.records()[at].answering.clone();
        let mut announced = 0;
        for bundle in &bundles {
            self.look_at_market_of(bundle);
            let asked = self.score(at, bundle);
            for (place, index) in asked.into_iter().enumerate() {
                let Some((prediction, inputs)) = self.predict(at, index, bundle, place) else { continue };
                let record = self.history.record_mut(at);
                let before = record.find(index, bundle.digest());
                if before.is_some_and(|before| before.prediction.same_bits(&prediction)) {
                    record.confirm(index, bundle.digest(), inputs);
                    continue;
                }
                let prediction = Arc::new(prediction);
                record.announce(index, Arc::clone(&prediction), Some(inputs));
                self.announce(index, bundle, &prediction, effects);
                announced += 1;
            }
        }
        self.look_at_champions_market();
        announced
    }

    /// Asks a bundle's boosters about all symbols of a record's bar at once, but for those about which it has said
    /// everything already; the symbols that were asked about, in the order of the outputs.
    fn score(&mut self, at: usize, bundle: &Bundle) -> Vec<usize> {
        let record = &self.history.records()[at];
        let mut asked = Vec::with_capacity(self.symbols.len());
        self.work.rows.clear();
        for index in (0..self.symbols.len()).filter(|index| bundle.covers(self.symbols[*index])) {
            let Some((row, inputs)) = self.state.panel.row(index).filter(|_| record.klines[index].is_some())
            else {
                continue;
            };
            let before = record.find(index, bundle.digest());
            let is_known = before.is_some_and(|before| {
                before.inputs.is_some_and(|kept| {
                    same_inputs(&kept.inputs, inputs)
                        && kept.renewed == self.renewed.has(bundle.digest(), record.bar)
                }) && bits::same(&before.prediction.row, row.values)
                    && before.prediction.quality == row.quality
            });
            if !is_known {
                self.work.rows.extend_from_slice(row.values);
                asked.push(index);
            }
        }
        bundle.score(&self.work.rows, &mut self.work.outputs);
        asked
    }

    /// What a bundle says about a symbol at a record's bar; `place` says which of the outputs are about it.
    fn predict(
        &self,
        at: usize,
        index: usize,
        bundle: &Bundle,
        place: usize,
    ) -> Option<(Prediction, MadeFrom)> {
        let record = &self.history.records()[at];
        let received = record.klines[index]?;
        let (row, inputs) = self.state.panel.row(index)?;
        let before = record.find(index, bundle.digest());
        let count = bundle.output_count();
        let renewal = self.renewed.of(bundle, self.symbols[index], record.bar);
        let prediction = Prediction {
            symbol: self.symbols[index],
            bar_time: record.bar,
            bundle: bundle.digest(),
            revision: before.map_or(1, |before| before.prediction.revision.saturating_add(1)),
            provisional: false,
            row_hash: RowHash::of(row.values),
            quality: row.quality,
            close: received.kline.close,
            source: received.source,
            late_ms: received.late_ms,
            tasks: bundle.combine(
                self.work.outputs.get(place * count..).unwrap_or_default(),
                inputs,
                &renewal,
            ),
            row: Arc::from(row.values),
        };
        let renewed = self.renewed.has(bundle.digest(), record.bar);
        Some((prediction, MadeFrom { inputs: *inputs, renewed }))
    }

    /// What the champion says about a symbol's kline that is still being traded, with the other symbols as they stood
    /// at the last sealed bar; `None` without a champion, a forming kline or a place for it in the series. Changes no
    /// state.
    pub fn nowcast(&mut self, symbol: Symbol) -> Option<Prediction> {
        let index = self.index_of(symbol)?;
        let bundle = self.roster.champion().filter(|bundle| bundle.covers(symbol))?;
        let kline = self.forming[index]?;
        let bar = kline.bar_time(self.interval);
        let mut row = vec![f64::NAN; Catalogue::standard().len()];
        let quality: Quality =
            self.state.panel.engine().peek(index, &kline, &mut self.work.peek, &mut row).ok()?;
        let inputs = self.state.panel.peek(index, bar, &kline, &row);
        let renewal = self.renewed.of(bundle, symbol, bar);
        Some(Prediction {
            symbol,
            bar_time: bar,
            bundle: bundle.digest(),
            revision: 1,
            provisional: true,
            row_hash: RowHash::of(&row),
            quality,
            close: kline.close,
            source: Source::Socket,
            late_ms: None,
            tasks: bundle.answer(&row, &inputs, &renewal, &mut self.work.outputs),
            row: Arc::from(row),
        })
    }

    /// Tells of what an earlier process has journalled, best before [`Forecaster::warm_up`] and in any case before the bundles
    /// are taken up: what comes true from then on is resolved, revisions are counted on, and nothing with the same bits is
    /// journalled again. When their bundle is taken up, the bars since its first prediction are answered anew: what the
    /// earlier process has not said, or said from other klines, is said then. Bars that can't be replayed, and provisional
    /// predictions, are left out; what is about bars that are not sealed yet is kept until they are.
    pub fn remember(&mut self, journalled: Journalled) {
        let Journalled { predictions, resolutions } = journalled;
        let mut told: BTreeMap<BarTime, Journalled> = BTreeMap::new();
        for prediction in predictions.into_iter().filter(|prediction| !prediction.provisional) {
            told.entry(prediction.bar_time).or_default().predictions.push(prediction);
        }
        for resolution in resolutions {
            told.entry(resolution.bar_time).or_default().resolutions.push(resolution);
        }
        for (bar, told) in told {
            if self.watermark().is_none_or(|sealed| sealed < bar) {
                let waiting = self.told.entry(bar).or_default();
                waiting.predictions.extend(told.predictions);
                waiting.resolutions.extend(told.resolutions);
            } else {
                self.attach(told);
            }
        }
    }

    /// Puts what was journalled about sealed bars into their records.
    pub(super) fn attach(&mut self, told: Journalled) {
        for prediction in told.predictions {
            let place = self.index_of(prediction.symbol).zip(self.history.find(prediction.bar_time));
            let Some((index, at)) = place else { continue };
            let record = self.history.record_mut(at);
            let newer = |kept: &Announced| kept.prediction.revision < prediction.revision;
            if record.find(index, prediction.bundle).is_none_or(newer) {
                record.announce(index, prediction, None);
            }
        }
        for resolution in told.resolutions {
            let place = self.index_of(resolution.symbol).zip(self.history.find(resolution.bar_time));
            let Some((index, at)) = place else { continue };
            self.history.record_mut(at).tell(index, resolution);
        }
    }
}

/// Whether two inputs hold the same bits.
fn same_inputs(a: &BaselineInputs, b: &BaselineInputs) -> bool {
    a.bar == b.bar && bits::same(&a.numbers(), &b.numbers())
}
