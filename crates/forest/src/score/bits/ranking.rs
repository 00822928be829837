//! From a row's values to ranks, once for every tree that reads them.

use super::{MISSING, ROWS, Ranks, SOURCES};
use crate::Library;
use crate::Model;
use crate::score::machine::Machine;
use crate::score::reference::{ZERO_BAND, as_read, goes_left};
use crate::tree::{Missing, Node, Rule};

/// The most thresholds of one source: the ranks of its splits stay below [`MISSING`].
const CUTS_MAX: usize = 254;

/// So many eights are looked through without pivots.
const EIGHTS_AT_ONCE: usize = 4;

/// The sources of one or several models of one library.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    library: Library,
    machine: Machine,
    /// Ordered by their key.
    sources: Vec<Source>,
    /// By source, in eights: the last threshold of every eight, then the thresholds in order and without repetition. What
    /// is left of an eight is NaN, which no value is above.
    cuts: Vec<[f64; 8]>,
}

/// Thresholds of one source in eights.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cuts<'a> {
    /// The last of every eight; empty if the eights are few.
    pub(super) pivots: &'a [[f64; 8]],
    pub(super) eights: &'a [[f64; 8]],
}

/// A feature, and how it is read.
#[derive(Debug, Clone)]
struct Source {
    key: Key,
    first: u32,
    pivots: u8,
    eights: u8,
}

type Key = (u32, Reading);

/// What a value's rank is made from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Reading {
    /// LightGBM: the number of thresholds below the value.
    AtMost(Missing),
    /// XGBoost: the number of thresholds not above the value.
    Below,
    /// A categorical split of its own: 0 for left, 1 for right.
    SetLeft(crate::tree::Categories),
    /// As `SetLeft`, with the way that missing values go.
    SetRight(crate::tree::Categories, bool),
}

fn key(feature: u32, rule: &Rule) -> Key {
    let reading = match rule {
        Rule::AtMost { missing, .. } => Reading::AtMost(*missing),
        Rule::Below { .. } => Reading::Below,
        Rule::AmongLeft { categories } => Reading::SetLeft(categories.clone()),
        Rule::AmongRight { categories, default_left } => Reading::SetRight(categories.clone(), *default_left),
    };
    (feature, reading)
}

fn cut(rule: &Rule) -> Option<f64> {
    match rule {
        Rule::AtMost { threshold, .. } => Some(*threshold),
        Rule::Below { threshold, .. } => Some(f64::from(*threshold)),
        Rule::AmongLeft { .. } | Rule::AmongRight { .. } => None,
    }
}

/// Where a split looks, and what it compares with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) source: u8,
    pub(super) rank: u8,
    pub(super) left_if_missing: bool,
}

impl Ranking {
    /// The sources of models of one library; `None` if they are too many, or one has too many thresholds.
    pub(crate) fn new<'a>(
        library: Library,
        models: impl IntoIterator<Item = &'a Model>,
        machine: Machine,
    ) -> Option<Ranking> {
        let nodes = models.into_iter().flat_map(|model| &model.trees).flat_map(|tree| &tree.nodes);
        let mut splits: Vec<(Key, Option<f64>)> = nodes
            .filter_map(|node| match node {
                Node::Split { feature, rule, .. } => Some((key(*feature, rule), cut(rule))),
                Node::Leaf { .. } => None,
            })
            .collect();
        splits.sort_by(|(a, cut_a), (b, cut_b)| {
            let by_cut = || cut_a.unwrap_or_default().total_cmp(&cut_b.unwrap_or_default());
            a.cmp(b).then_with(by_cut)
        });
        // -0 and 0 stand beside each other and are equal.
        splits.dedup();
        let mut ranking = Ranking { library, machine, sources: Vec::new(), cuts: Vec::new() };
        for part in splits.chunk_by(|(a, _), (b, _)| a == b) {
            let cuts: Vec<f64> = part.iter().filter_map(|(_, cut)| *cut).collect();
            if cuts.len() > CUTS_MAX || ranking.sources.len() == SOURCES {
                return None;
            }
            ranking.push(part[0].0.clone(), &cuts)?;
        }
        Some(ranking)
    }

    /// The machine that the ranks are made on.
    pub(super) const fn machine(&self) -> Machine {
        self.machine
    }

    fn push(&mut self, key: Key, cuts: &[f64]) -> Option<()> {
        let eights = in_eights(cuts);
        let last: Vec<f64> = eights.iter().map(|eight| eight[7]).collect();
        let pivots = if eights.len() > EIGHTS_AT_ONCE { in_eights(&last) } else { Vec::new() };
        self.sources.push(Source {
            key,
            first: u32::try_from(self.cuts.len()).ok()?,
            pivots: pivots.len() as u8,
            eights: eights.len() as u8,
        });
        self.cuts.extend(pivots);
        self.cuts.extend(eights);
        Some(())
    }

    fn cuts(&self, source: &Source) -> Cuts<'_> {
        let (pivots, eights) = self.cuts[source.first as usize..].split_at(usize::from(source.pivots));
        Cuts { pivots, eights: &eights[..usize::from(source.eights)] }
    }

    /// Translates up to [`ROWS`] rows, and says how many there were.
    pub(crate) fn rank_rows(&self, rows: &[f64], width: usize) -> ([Ranks; ROWS], usize) {
        let mut ranks = [[0; SOURCES]; ROWS];
        let mut count = 0;
        for (row, ranks) in rows.chunks_exact(width).zip(&mut ranks) {
            self.rank(row, ranks);
            count += 1;
        }
        (ranks, count)
    }

    /// Translates a row.
    fn rank(&self, row: &[f64], ranks: &mut Ranks) {
        #[cfg(target_arch = "x86_64")]
        if self.machine.permutes_bytes() {
            return super::avx512::rank(self, row, ranks);
        }
        self.rank_by(row, ranks, count_below, count_up_to);
    }

    /// Translates a row with functions that say how many thresholds lie below a value, and how many not above it.
    #[inline(always)]
    pub(super) fn rank_by(
        &self,
        row: &[f64],
        ranks: &mut Ranks,
        below: impl Fn(Cuts<'_>, f64) -> u8,
        up_to: impl Fn(Cuts<'_>, f64) -> u8,
    ) {
        for (source, rank) in self.sources.iter().zip(ranks) {
            let value = as_read(self.library, row[source.key.0 as usize]);
            let cuts = self.cuts(source);
            *rank = match &source.key.1 {
                Reading::AtMost(missing) if is_missing(value, *missing) => MISSING,
                Reading::AtMost(_) => below(cuts, if value.is_nan() { 0.0 } else { value }),
                Reading::Below if value.is_nan() => MISSING,
                Reading::Below => up_to(cuts, value),
                Reading::SetLeft(categories) => {
                    u8::from(!goes_left(&Rule::AmongLeft { categories: categories.clone() }, value))
                }
                Reading::SetRight(categories, default_left) => {
                    let (categories, default_left) = (categories.clone(), *default_left);
                    u8::from(!goes_left(&Rule::AmongRight { categories, default_left }, value))
                }
            };
        }
    }

    /// A split's place; `None` if it is of a model that this ranking was not made for.
    pub(super) fn place(&self, feature: u32, rule: &Rule) -> Option<Place> {
        let key = key(feature, rule);
        let source = self.sources.binary_search_by(|source| source.key.cmp(&key)).ok()?;
        let rank = cut(rule).map_or(0, |threshold| count_below(self.cuts(&self.sources[source]), threshold));
        let left_if_missing = match rule {
            Rule::AtMost { default_left, .. } | Rule::Below { default_left, .. } => *default_left,
            // The rank has said it.
            Rule::AmongLeft { .. } | Rule::AmongRight { .. } => false,
        };
        Some(Place { source: u8::try_from(source).ok()?, rank, left_if_missing })
    }

    /// The bytes of the thresholds and sources.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.cuts[..]) + size_of_val(&self.sources[..])
    }
}

/// What LightGBM takes as missing.
fn is_missing(value: f64, missing: Missing) -> bool {
    match missing {
        Missing::Never => false,
        Missing::Zero => value.is_nan() || value.abs() <= ZERO_BAND,
        Missing::NotANumber => value.is_nan(),
    }
}

/// Numbers in eights; one eight at least, the last one filled up with NaN.
fn in_eights(numbers: &[f64]) -> Vec<[f64; 8]> {
    let mut eights = vec![[f64::NAN; 8]; numbers.len().div_ceil(8).max(1)];
    for (at, number) in numbers.iter().enumerate() {
        eights[at / 8][at % 8] = *number;
    }
    eights
}

fn count_below(cuts: Cuts<'_>, value: f64) -> u8 {
    count(cuts, |cut| cut < value)
}

fn count_up_to(cuts: Cuts<'_>, value: f64) -> u8 {
    count(cuts, |cut| cut <= value)
}

/// How many thresholds a value passes; those that it passes stand first.
fn count(cuts: Cuts<'_>, passes: impl Fn(f64) -> bool) -> u8 {
    cuts.eights.as_flattened().partition_point(|cut| passes(*cut)) as u8
}
