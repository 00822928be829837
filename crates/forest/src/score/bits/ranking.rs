//! Which features are compared with which thresholds: what a row's values are translated by, once for every tree.

use super::SOURCES;
use crate::score::machine::Machine;
use crate::score::reference::ZERO_BAND;
use crate::tree::{Missing, Node, Rule};
use crate::{Library, Model};

/// The most thresholds of one source: the ranks of its splits stay below [`MISSING`](super::MISSING).
const CUTS_MAX: usize = 254;

/// So many eights are looked through without pivots.
pub(super) const EIGHTS_AT_ONCE: usize = 4;

/// The sources of one or several models of one library: first the numbers, then the sets.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    library: Library,
    machine: Machine,
    /// Ordered by how many eights they have, so that all of one size are ranked in one unbroken run.
    numbers: Vec<Number>,
    /// The places of the numbers in the order of features and of what is missing.
    by_feature: Vec<u8>,
    /// Ordered as they are compared; each has the rank 0 for left and 1 for right.
    sets: Vec<(u32, Rule)>,
    /// By number, in eights: the last threshold of every eight, then the thresholds in order and without repetition. What
    /// is left of an eight is NaN, which no value passes.
    cuts: Vec<[f64; 8]>,
}

/// A feature that is compared with thresholds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    pub(super) feature: u32,
    /// What counts as missing; XGBoost's is NaN.
    pub(super) missing: Missing,
    first: u32,
    pivots: u8,
    eights: u8,
    /// How many thresholds there are.
    count: u8,
}

/// Consecutive numbers whose thresholds fill equally many eights.
#[derive(Debug, Clone)]
pub(super) struct Run<'a> {
    pub(super) numbers: std::ops::Range<usize>,
    /// Of all of them, one after another.
    pub(super) cuts: &'a [[f64; 8]],
    /// Of each of them.
    pub(super) eights: usize,
}

/// Thresholds of one source in eights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cuts<'a> {
    /// The last of every eight; empty if the eights are few.
    pub(super) pivots: &'a [[f64; 8]],
    pub(super) eights: &'a [[f64; 8]],
}

/// Where a split looks, and what it compares with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) source: u8,
    pub(super) rank: u8,
    pub(super) left_if_missing: bool,
}

/// A numerical split: feature, what is missing, threshold, and whether the missing goes left.
fn number(feature: u32, rule: &Rule) -> Option<(u32, Missing, f64, bool)> {
    match rule {
        Rule::AtMost { threshold, missing, default_left } => {
            Some((feature, *missing, *threshold, *default_left))
        }
        Rule::Below { threshold, default_left } => {
            Some((feature, Missing::NotANumber, f64::from(*threshold), *default_left))
        }
        Rule::AmongLeft { .. } | Rule::AmongRight { .. } => None,
    }
}

impl Ranking {
    /// The sources of models of one library; `None` if they are too many, or one has too many thresholds.
    pub(crate) fn new<'a>(
        library: Library,
        models: impl IntoIterator<Item = &'a Model>,
        machine: Machine,
    ) -> Option<Ranking> {
        let mut ranking = Ranking {
            library,
            machine,
            numbers: Vec::new(),
            by_feature: Vec::new(),
            sets: Vec::new(),
            cuts: Vec::new(),
        };
        let mut cuts: Vec<(u32, Missing, f64)> = Vec::new();
        for node in models.into_iter().flat_map(|model| &model.trees).flat_map(|tree| &tree.nodes) {
            let Node::Split { feature, rule, .. } = node else { continue };
            match number(*feature, rule) {
                Some((feature, missing, cut, _)) => cuts.push((feature, missing, cut)),
                None => ranking.sets.push((*feature, rule.clone())),
            }
        }
        ranking.sets.sort_by(compare_sets);
        ranking.sets.dedup();
        cuts.sort_unstable_by(|a, b| (a.0, a.1).cmp(&(b.0, b.1)).then_with(|| a.2.total_cmp(&b.2)));
        // -0 and 0 stand beside each other and are equal.
        cuts.dedup();
        let mut numbers: Vec<&[(u32, Missing, f64)]> =
            cuts.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).collect();
        if numbers.len() + ranking.sets.len() > SOURCES {
            return None;
        }
        numbers.sort_by_key(|cuts| cuts.len().div_ceil(8));
        for of_one in numbers {
            ranking.push(of_one)?;
        }
        let mut by_feature: Vec<u8> = (0..ranking.numbers.len()).map(|number| number as u8).collect();
        by_feature.sort_by_key(|number| ranking.numbers[usize::from(*number)].key());
        Some(Ranking { by_feature, ..ranking })
    }

    /// Appends a number with its thresholds.
    fn push(&mut self, cuts: &[(u32, Missing, f64)]) -> Option<()> {
        if cuts.len() > CUTS_MAX {
            return None;
        }
        let thresholds: Vec<f64> = cuts.iter().map(|(_, _, cut)| *cut).collect();
        let eights = in_eights(&thresholds);
        let last: Vec<f64> = eights.iter().map(|eight| eight[7]).collect();
        let pivots = if eights.len() > EIGHTS_AT_ONCE { in_eights(&last) } else { Vec::new() };
        self.numbers.push(Number {
            feature: cuts.first()?.0,
            missing: cuts.first()?.1,
            first: u32::try_from(self.cuts.len()).ok()?,
            pivots: pivots.len() as u8,
            eights: eights.len() as u8,
            count: cuts.len() as u8,
        });
        self.cuts.extend(pivots);
        self.cuts.extend(eights);
        Some(())
    }

    /// The machine that the ranks are made on.
    pub(super) const fn machine(&self) -> Machine {
        self.machine
    }

    pub(super) const fn library(&self) -> Library {
        self.library
    }

    /// The categorical splits; their ranks follow those of the numbers.
    pub(super) fn sets(&self) -> &[(u32, Rule)] {
        &self.sets
    }

    pub(super) fn numbers(&self) -> &[Number] {
        &self.numbers
    }

    /// The numbers in runs of one size; those that have pivots come last and are in none.
    pub(super) fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        let mut first = 0;
        self.numbers.chunk_by(|a, b| a.eights == b.eights).map_while(move |run| {
            let (numbers, eights) = (first..first + run.len(), usize::from(run[0].eights));
            first = numbers.end;
            let cuts = &self.cuts[run[0].first as usize..][..eights * run.len()];
            (run[0].pivots == 0).then_some(Run { numbers, cuts, eights })
        })
    }

    #[inline(always)]
    pub(super) fn cuts(&self, number: &Number) -> Cuts<'_> {
        let (pivots, eights) = (usize::from(number.pivots), usize::from(number.eights));
        let cuts = &self.cuts[number.first as usize..][..pivots + eights];
        let (pivots, eights) = cuts.split_at(pivots);
        Cuts { pivots, eights }
    }

    /// A number's thresholds, in order.
    #[inline(always)]
    pub(super) fn thresholds(&self, number: &Number) -> &[f64] {
        &self.cuts(number).eights.as_flattened()[..usize::from(number.count)]
    }

    /// A split's place; `None` if it is of a model that this ranking was not made for.
    pub(super) fn place(&self, feature: u32, rule: &Rule) -> Option<Place> {
        let Some((feature, missing, threshold, left_if_missing)) = number(feature, rule) else {
            let set = self.sets.binary_search_by(|set| compare_sets(set, &(feature, rule.clone()))).ok()?;
            let source = u8::try_from(self.numbers.len() + set).ok()?;
            // The rank says where the missing goes.
            return Some(Place { source, rank: 0, left_if_missing: false });
        };
        let key = |number: &u8| self.numbers[usize::from(*number)].key();
        let source = self.by_feature[self.by_feature.binary_search_by_key(&(feature, missing), key).ok()?];
        let rank = self.cuts(&self.numbers[usize::from(source)]).count(|cut| cut < threshold);
        Some(Place { source, rank, left_if_missing })
    }

    /// The bytes of the thresholds and sources.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.cuts[..]) + size_of_val(&self.numbers[..]) + size_of_val(&self.sets[..])
    }
}

/// An order of categorical splits: by feature, library, set and default.
fn compare_sets((a, a_rule): &(u32, Rule), (b, b_rule): &(u32, Rule)) -> std::cmp::Ordering {
    fn parts(rule: &Rule) -> Option<(&crate::tree::Categories, bool)> {
        match rule {
            Rule::AmongLeft { categories } => Some((categories, false)),
            Rule::AmongRight { categories, default_left } => Some((categories, *default_left)),
            Rule::AtMost { .. } | Rule::Below { .. } => None,
        }
    }
    a.cmp(b).then_with(|| parts(a_rule).cmp(&parts(b_rule)))
}

impl Number {
    fn key(&self) -> (u32, Missing) {
        (self.feature, self.missing)
    }

    /// Whether a value that was read is missing.
    #[inline(always)]
    pub(super) fn is_missing(&self, value: f64) -> bool {
        match self.missing {
            Missing::Never => false,
            Missing::Zero => value.is_nan() || value.abs() <= ZERO_BAND,
            Missing::NotANumber => value.is_nan(),
        }
    }
}

impl Cuts<'_> {
    /// How many thresholds a value passes; those that it passes stand first.
    pub(super) fn count(&self, passes: impl Fn(f64) -> bool) -> u8 {
        self.eights.as_flattened().partition_point(|cut| passes(*cut)) as u8
    }
}

/// What LightGBM takes NaN for where nothing is missing.
pub(super) fn or_zero(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// Numbers in eights; one eight at least, the last one filled up with NaN.
fn in_eights(numbers: &[f64]) -> Vec<[f64; 8]> {
    let mut eights = vec![[f64::NAN; 8]; numbers.len().div_ceil(8).max(1)];
    for (at, number) in numbers.iter().enumerate() {
        eights[at / 8][at % 8] = *number;
    }
    eights
}
