//! From the model to the packed form.

use super::column::{CUTS_MAX, Column, RIGHT, Reading};
use super::columns::Columns;
use super::{BLOCK, Block, COLUMNS_MAX, Group, LANES, Machine, Node, Packed};
use crate::Model;
use crate::score::leaves::{Leaves, left_to_right};
use crate::tree::{self, Missing, Rule, Tree};

impl Packed {
    /// Packs a model; `None` if it has too many columns, thresholds, nodes or leaves for the packed form.
    pub(crate) fn new(model: &Model, machine: Machine) -> Option<Packed> {
        let node_count: usize = model.trees.iter().map(|tree| tree.nodes.len()).sum();
        i32::try_from(node_count).ok()?;
        let index = Index::new(model)?;
        let columns = index.columns(model);
        let mut packed = Packed {
            library: model.head.library,
            machine,
            columns,
            nodes: Vec::with_capacity(node_count),
            leaves: Leaves::new(model)?,
            first_leaves: Vec::with_capacity(model.trees.len()),
            blocks: Vec::new(),
            outputs: Vec::new(),
            feature_count: model.head.feature_names.len(),
        };
        let mut roots = Vec::with_capacity(model.trees.len());
        for (number, tree) in model.trees.iter().enumerate() {
            packed.first_leaves.push(packed.leaves.first_of(number)?);
            roots.push((packed.nodes.len() as u32, tree.depth as u32));
            packed.push_tree(tree, &index)?;
        }
        packed.blocks = roots.chunks(BLOCK).map(Block::new).collect();
        if model.head.base.len() > 1 {
            packed.outputs = model.trees.iter().map(|tree| tree.output as u32).collect();
        }
        Some(packed)
    }

    /// Appends the nodes of a tree level by level, so that children are neighbours.
    fn push_tree(&mut self, tree: &Tree, index: &Index) -> Option<()> {
        let mut numbers = vec![0; tree.nodes.len()];
        for (number, at) in left_to_right(tree).into_iter().enumerate() {
            numbers[at] = u16::try_from(number).ok()?;
        }
        let mut level = vec![0_usize];
        let mut next = Vec::new();
        let mut after_level = self.nodes.len() + 1;
        while !level.is_empty() {
            for at in &level {
                let here = self.nodes.len() as u32;
                match &tree.nodes[*at] {
                    tree::Node::Leaf { .. } => {
                        self.nodes.push(Node { column: numbers[*at], rank: RIGHT, left: here });
                    }
                    tree::Node::Split { feature, rule, left, right } => {
                        let (column, rank) = self.columns.find(index, *feature, rule)?;
                        let left_index = (after_level + next.len()) as u32;
                        self.nodes.push(Node { column, rank, left: left_index });
                        next.extend([*left as usize, *right as usize]);
                    }
                }
            }
            level.clear();
            std::mem::swap(&mut level, &mut next);
            after_level = self.nodes.len() + level.len();
        }
        Some(())
    }
}

impl Block {
    /// Groups up to [`BLOCK`] trees, given as root and depth, by depth.
    fn new(trees: &[(u32, u32)]) -> Block {
        let mut order: Vec<usize> = (0..trees.len()).collect();
        order.sort_by_key(|slot| trees[*slot].1);
        let group = |slots: &[usize]| {
            let mut group =
                Group { roots: [trees[slots[0]].0; LANES], slots: [BLOCK as u8; LANES], steps: 0 };
            for (lane, slot) in slots.iter().enumerate() {
                let (root, depth) = trees[*slot];
                group.roots[lane] = root;
                group.slots[lane] = *slot as u8;
                group.steps = group.steps.max(depth);
            }
            group
        };
        Block { tree_count: trees.len(), groups: order.chunks(LANES).map(group).collect() }
    }
}

/// What of a split decides its column, ordered so that it can be sorted.
type Key = (u32, Kind);

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    AtMost(Missing, bool),
    Below(bool),
    SetLeft(tree::Categories),
    SetRight(tree::Categories, bool),
}

/// The keys of all columns, in order.
struct Index(Vec<Key>);

fn key(feature: u32, rule: &Rule) -> Key {
    let kind = match rule {
        Rule::AtMost { missing, default_left, .. } => {
            // Without anything missing the default way is never gone.
            Kind::AtMost(*missing, *default_left && *missing != Missing::Never)
        }
        Rule::Below { default_left, .. } => Kind::Below(*default_left),
        Rule::AmongLeft { categories } => Kind::SetLeft(categories.clone()),
        Rule::AmongRight { categories, default_left } => Kind::SetRight(categories.clone(), *default_left),
    };
    (feature, kind)
}

fn cut(rule: &Rule) -> Option<f64> {
    match rule {
        Rule::AtMost { threshold, .. } => Some(*threshold),
        Rule::Below { threshold, .. } => Some(f64::from(*threshold)),
        Rule::AmongLeft { .. } | Rule::AmongRight { .. } => None,
    }
}

fn splits(model: &Model) -> impl Iterator<Item = (u32, &Rule)> {
    model.trees.iter().flat_map(|tree| &tree.nodes).filter_map(|node| match node {
        tree::Node::Split { feature, rule, .. } => Some((*feature, rule)),
        tree::Node::Leaf { .. } => None,
    })
}

impl Index {
    fn new(model: &Model) -> Option<Index> {
        let mut keys: Vec<Key> = splits(model).map(|(feature, rule)| key(feature, rule)).collect();
        keys.sort_unstable();
        keys.dedup();
        (keys.len() <= COLUMNS_MAX).then_some(Index(keys))
    }

    fn position(&self, feature: u32, rule: &Rule) -> Option<usize> {
        self.0.binary_search(&key(feature, rule)).ok()
    }

    fn columns(&self, model: &Model) -> Columns {
        let mut cuts: Vec<Vec<f64>> = vec![Vec::new(); self.0.len()];
        for (feature, rule) in splits(model) {
            if let (Some(column), Some(cut)) = (self.position(feature, rule), cut(rule)) {
                cuts[column].push(cut);
            }
        }
        let mut columns = Columns {
            library: model.head.library,
            columns: Vec::new(),
            cuts: Vec::new(),
            #[cfg(target_arch = "x86_64")]
            searches: Default::default(),
        };
        for ((feature, kind), mut cuts) in self.0.iter().cloned().zip(cuts) {
            cuts.sort_unstable_by(f64::total_cmp);
            cuts.dedup(); // -0 and 0 stand beside each other and are equal
            let start = columns.cuts.len();
            columns.cuts.append(&mut cuts);
            let cuts = start..columns.cuts.len();
            columns.columns.push(Column { feature, reading: reading(kind), cuts });
        }
        #[cfg(target_arch = "x86_64")]
        {
            columns.searches = super::search::Searches::new(&columns.columns);
        }
        columns
    }
}

fn reading(kind: Kind) -> Reading {
    match kind {
        Kind::AtMost(missing, default_left) => Reading::AtMost { missing, default_left },
        Kind::Below(default_left) => Reading::Below { default_left },
        Kind::SetLeft(categories) => Reading::Set(Rule::AmongLeft { categories }),
        Kind::SetRight(categories, default_left) => {
            Reading::Set(Rule::AmongRight { categories, default_left })
        }
    }
}

impl Columns {
    /// A split's column and rank.
    fn find(&self, index: &Index, feature: u32, rule: &Rule) -> Option<(u16, u16)> {
        let position = index.position(feature, rule)?;
        let cuts = self.cuts.get(self.columns[position].cuts.clone())?;
        if cuts.len() > CUTS_MAX {
            return None;
        }
        let rank = match cut(rule) {
            Some(threshold) => cuts.partition_point(|cut| *cut < threshold),
            None => 0,
        };
        Some((u16::try_from(position).ok()?, u16::try_from(rank).ok()?))
    }
}
