//! Which features are compared with which thresholds: what a row's values are translated by, once for every tree.

mod ranks;

use super::machine::Machine;
use super::reference::ZERO_BAND;
use crate::tree::{Missing, Node, Rule, Tree};
use crate::{Library, Model};

/// Sources of one ranking at most: their numbers are bytes.
pub(crate) const SOURCES: usize = 256;

/// The rank of a value that is missing: above every split's.
pub(crate) const MISSING: u8 = u8::MAX;

/// Rows whose ranks stand side by side at most.
pub(crate) const LANES_MAX: usize = 64;

/// The ranks of one row.
pub(crate) type Ranks = [u8; SOURCES];

/// What ranks are before they are made.
pub(crate) const NO_RANKS: Ranks = [0; SOURCES];

/// The ranks of several rows, source by source; where lines of the cache begin, because vectors that lie in two are slow.
#[derive(Debug, Clone)]
#[repr(align(64))]
pub(crate) struct Columns<const LANES: usize> {
    pub(crate) ranks: [[u8; LANES]; SOURCES],
    pub(crate) any_missing: bool,
}

/// The most thresholds of one source: the ranks of its splits stay below [`MISSING`]. A feature with more is several sources.
const CUTS_MAX: usize = 254;

/// Sources that are searched by the same number of steps, those of one row side by side.
const GROUP: usize = 8;

/// The fewest steps of a search: a search tree of seven thresholds is one vector.
const STEPS_MIN: u32 = 3;

/// The places of the first three steps.
const TOP: usize = 7;

/// The sources of one or several models of one library: first the numbers, then the sets.
#[derive(Debug, Clone)]
pub(crate) struct Ranking {
    library: Library,
    machine: Machine,
    /// A row has more values than the highest feature that is read.
    width: usize,
    /// Ordered by how many thresholds they have.
    numbers: Vec<Number>,
    /// The same numbers in eights.
    groups: Vec<Group>,
    /// The places of the numbers in the order of features and of what is missing.
    by_feature: Vec<u8>,
    /// By feature: where among those its own begin.
    first_of_feature: Vec<u16>,
    /// Ordered as they are compared; each has the rank 0 for left and 1 for right.
    sets: Vec<(u32, Rule)>,
    /// The search trees, one after another.
    cuts: Vec<[f64; 8]>,
    /// By group: the first seven places of its search trees once more, side by side.
    tops: Vec<[[f64; GROUP]; TOP]>,
}

/// A feature that is compared with thresholds, or with a part of them.
#[derive(Debug, Clone, Copy)]
struct Number {
    feature: u32,
    /// What counts as missing; XGBoost's is NaN.
    missing: Missing,
    /// The lowest of the thresholds.
    least: f64,
}

/// Numbers that stand side by side, with search trees of one size.
#[derive(Debug, Clone, Copy)]
struct Group {
    /// By number, the last one repeated where there are fewer.
    features: [u32; GROUP],
    /// A bit for each number whose NaN counts as 0.
    never: u8,
    /// A bit for each number whose 0 is missing.
    zero: u8,
    /// How many comparisons find a rank.
    steps: u32,
    /// Where the search trees begin among all.
    first: usize,
}

/// The thresholds of one source in the order in which a search by halves comes to them: place 1 is the middle one, places
/// 2n and 2n + 1 are where place n leads if its threshold isn't passed and if it is (Eytzinger's order; place 0 is empty).
/// Places without a threshold are NaN, which no value passes.
#[derive(Debug, Clone, Copy)]
struct Search<'a>(&'a [[f64; 8]]);

/// Where a split looks, and what it compares with.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) source: u8,
    pub(crate) rank: u8,
    pub(crate) left_if_missing: bool,
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
    /// The sources of models of one library; `None` if they are too many.
    pub(crate) fn new<'a>(
        library: Library,
        models: impl IntoIterator<Item = &'a Model>,
        machine: Machine,
    ) -> Option<Ranking> {
        let mut ranking = Ranking {
            library,
            machine,
            width: 0,
            numbers: Vec::new(),
            groups: Vec::new(),
            by_feature: Vec::new(),
            first_of_feature: Vec::new(),
            sets: Vec::new(),
            cuts: Vec::new(),
            tops: Vec::new(),
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
        // By one whole number, which compares faster: the bits of a number that are turned if it is negative order as it does.
        let order = |cut: f64| {
            let bits = cut.to_bits();
            bits ^ ((bits.cast_signed() >> 63).cast_unsigned() | 1 << 63)
        };
        cuts.sort_unstable_by_key(|(feature, missing, cut)| {
            (u128::from(*feature) << 72) | (*missing as u128) << 64 | u128::from(order(*cut))
        });
        // -0 and 0 stand beside each other and are equal.
        cuts.dedup();
        let mut numbers: Vec<&[(u32, Missing, f64)]> =
            cuts.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)).flat_map(|cuts| cuts.chunks(CUTS_MAX)).collect();
        if numbers.len() + ranking.sets.len() > SOURCES {
            return None;
        }
        numbers.sort_by_key(|cuts| cuts.len());
        for group in numbers.chunks(GROUP) {
            ranking.push(group)?;
        }
        let sets = ranking.sets.iter().map(|(feature, _)| *feature);
        let features = ranking.numbers.iter().map(|number| number.feature).chain(sets);
        ranking.width = features.max().map_or(0, |last| last as usize + 1);
        ranking.by_feature = (0..ranking.numbers.len()).map(|number| number as u8).collect();
        let number = |at: &u8| &ranking.numbers[usize::from(*at)];
        ranking.by_feature.sort_by(|a, b| number(a).compare(number(b)));
        let first_of = |feature| ranking.by_feature.partition_point(|at| number(at).feature < feature) as u16;
        ranking.first_of_feature = (0..=ranking.width as u32).map(first_of).collect();
        Some(ranking)
    }

    /// Appends up to [`GROUP`] numbers with their thresholds, the one with the most of them last.
    fn push(&mut self, group: &[&[(u32, Missing, f64)]]) -> Option<()> {
        let most = group.last()?.len();
        let steps = (most + 1).next_power_of_two().trailing_zeros().max(STEPS_MIN);
        let first = self.cuts.len();
        let (mut features, mut never, mut zero) = ([group.last()?.first()?.0; GROUP], 0, 0);
        for (at, of_one) in group.iter().enumerate() {
            let (feature, missing, least) = *of_one.first()?;
            features[at] = feature;
            never |= u8::from(missing == Missing::Never) << at;
            zero |= u8::from(missing == Missing::Zero) << at;
            self.numbers.push(Number { feature, missing, least });
            let thresholds: Vec<f64> = of_one.iter().map(|(_, _, cut)| *cut).collect();
            self.cuts.extend(search_tree(&thresholds, steps));
        }
        // Numbers that don't exist are searched, too, and their ranks not read.
        self.cuts.resize(first + (GROUP << steps) / 8, [f64::NAN; 8]);
        let trees = &self.cuts[first..];
        let size = trees.len() / GROUP;
        self.tops
            .push(std::array::from_fn(|place| std::array::from_fn(|number| trees[number * size][place + 1])));
        self.groups.push(Group { features, never, zero, steps, first });
        Some(())
    }

    /// The machine that the ranks are made on.
    pub(super) const fn machine(&self) -> Machine {
        self.machine
    }

    const fn library(&self) -> Library {
        self.library
    }

    /// The categorical splits; their ranks follow those of the numbers.
    fn sets(&self) -> &[(u32, Rule)] {
        &self.sets
    }

    fn numbers(&self) -> &[Number] {
        &self.numbers
    }

    /// How many values a row has at least.
    const fn width(&self) -> usize {
        self.width
    }

    fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// By group: the thresholds of the first steps.
    fn tops(&self) -> &[[[f64; GROUP]; TOP]] {
        &self.tops
    }

    /// A group's search trees, one after another.
    #[inline(always)]
    fn cuts(&self, group: &Group) -> &[[f64; 8]] {
        &self.cuts[group.first..][..(GROUP << group.steps) / 8]
    }

    /// The thresholds of a number.
    fn search(&self, number: usize) -> Search<'_> {
        let group = &self.groups[number / GROUP];
        let size = (1 << group.steps) / 8;
        Search(&self.cuts(group)[number % GROUP * size..][..size])
    }

    /// The places of a model's splits by tree and node; `None` if it is one that this ranking was not made for.
    pub(crate) fn places(&self, model: &Model) -> Option<Vec<Vec<Place>>> {
        model.trees.iter().map(|tree| self.places_of(tree)).collect()
    }

    fn places_of(&self, tree: &Tree) -> Option<Vec<Place>> {
        let place = |node: &Node| match node {
            Node::Leaf { .. } => Some(Place::default()),
            Node::Split { feature, rule, .. } => self.place(*feature, rule),
        };
        tree.nodes.iter().map(place).collect()
    }

    fn place(&self, feature: u32, rule: &Rule) -> Option<Place> {
        let Some((feature, missing, threshold, left_if_missing)) = number(feature, rule) else {
            let set = self.sets.binary_search_by(|set| compare_sets(set, &(feature, rule.clone()))).ok()?;
            let source = u8::try_from(self.numbers.len() + set).ok()?;
            // The rank says where the missing goes.
            return Some(Place { source, rank: 0, left_if_missing: false });
        };
        let range = self.first_of_feature.get(feature as usize..)?.first_chunk::<2>()?;
        let of_feature = self.by_feature.get(usize::from(range[0])..usize::from(range[1]))?;
        let wanted = Number { feature, missing, least: threshold };
        let number = |at: &u8| &self.numbers[usize::from(*at)];
        let after = of_feature.partition_point(|at| number(at).compare(&wanted).is_le());
        let source = *of_feature[..after].last()?;
        if number(&source).missing != missing {
            return None;
        }
        let rank = self.search(usize::from(source)).count(|cut| cut < threshold);
        Some(Place { source, rank, left_if_missing })
    }

    /// The bytes of the thresholds and sources.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.cuts[..])
            + size_of_val(&self.tops[..])
            + size_of_val(&self.groups[..])
            + size_of_val(&self.numbers[..])
            + size_of_val(&self.sets[..])
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

    /// An order by feature, missing kind and thresholds; no threshold is NaN, and the zeros are equal.
    fn compare(&self, other: &Number) -> std::cmp::Ordering {
        let least = self.least.partial_cmp(&other.least).unwrap_or(std::cmp::Ordering::Equal);
        self.key().cmp(&other.key()).then(least)
    }

    /// Whether a value that was read is missing.
    #[inline(always)]
    fn is_missing(&self, value: f64) -> bool {
        match self.missing {
            Missing::Never => false,
            Missing::Zero => value.is_nan() || value.abs() <= ZERO_BAND,
            Missing::NotANumber => value.is_nan(),
        }
    }
}

impl Search<'_> {
    /// How many thresholds a value passes; those that it passes stand first in order.
    fn count(self, passes: impl Fn(f64) -> bool) -> u8 {
        let cuts = self.0.as_flattened();
        let mut place = 1;
        while let Some(cut) = cuts.get(place) {
            place = 2 * place + usize::from(passes(*cut));
        }
        (place - cuts.len()) as u8
    }
}

/// What LightGBM takes NaN for where nothing is missing.
fn or_zero(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value }
}

/// Thresholds in the order of [`Search`], with room for a search of `steps` comparisons.
fn search_tree(thresholds: &[f64], steps: u32) -> Vec<[f64; 8]> {
    let size = 1_usize << steps;
    let mut tree = vec![[f64::NAN; 8]; size / 8];
    for place in 1..size {
        // Its level's first place is a power of two; the level's thresholds stand evenly among all.
        let level = place.ilog2();
        let stride = size >> level;
        let rank = (place - (1 << level)) * stride + stride / 2 - 1;
        tree.as_flattened_mut()[place] = thresholds.get(rank).copied().unwrap_or(f64::NAN);
    }
    tree
}
