//! Trees as they grow, followed through bins.

use serde::Deserialize;

use super::LIBRARY;
use super::cells::Edges;
use crate::fit::FitError;

/// Rows that go down a tree side by side, so that no step waits for the one before it.
const ABREAST: usize = 8;

/// A tree over the numbers of bins.
#[derive(Debug)]
pub(super) struct Grown {
    nodes: Vec<Node>,
    /// What each node adds, of which only the leaves' counts.
    values: Vec<f32>,
    /// To which output it is added.
    pub(super) output: usize,
}

/// A row goes to the first of `next` if its bin of the column is one of so many below; a leaf leads to itself.
#[derive(Debug, Clone, Copy)]
struct Node {
    column: u16,
    below: u16,
    next: [u16; 2],
}

#[derive(Deserialize)]
struct File {
    learner: Learner,
}

#[derive(Deserialize)]
struct Learner {
    gradient_booster: GradientBooster,
}

#[derive(Deserialize)]
struct GradientBooster {
    model: Model,
}

#[derive(Deserialize)]
struct Model {
    trees: Vec<Listed>,
    tree_info: Vec<usize>,
}

/// A tree as a file lists it: at a leaf there are no children, and the condition is what it adds.
#[derive(Deserialize)]
struct Listed {
    left_children: Vec<i32>,
    right_children: Vec<i32>,
    split_indices: Vec<usize>,
    split_conditions: Vec<f32>,
}

impl Grown {
    /// The trees of a model (JSON) that was trained on bins with these edges, of so many columns and outputs.
    ///
    /// # Errors
    /// When the file is not of the form that the library writes.
    pub(super) fn all(
        file: &[u8],
        edges: &Edges,
        columns: usize,
        outputs: usize,
    ) -> Result<Vec<Self>, FitError> {
        let unknown = |problem: String| FitError::Answer {
            library: LIBRARY,
            answer: format!("a model file that can't be read: {problem}"),
            expected: "trees with a split or a leaf at each node",
        };
        let File { learner: Learner { gradient_booster: GradientBooster { model } } } =
            serde_json::from_slice(file).map_err(|error| unknown(error.to_string()))?;
        let trees = model.trees.iter().zip(model.tree_info).map(|(listed, output)| {
            let nodes = (0..listed.left_children.len()).map(|node| listed.node(node, edges, columns));
            let nodes =
                nodes.collect::<Option<Vec<_>>>().filter(|nodes| !nodes.is_empty() && output < outputs)?;
            Some(Self { nodes, values: listed.split_conditions.clone(), output })
        });
        trees.collect::<Option<Vec<_>>>().ok_or_else(|| unknown("a node leads nowhere".to_owned()))
    }

    /// Adds what it says of some rows, given by the numbers of their bins, to their output's values.
    pub(super) fn add<'a>(&self, rows: impl Iterator<Item = &'a [u8]>, outputs: usize, values: &mut [f32]) {
        let mut rows = rows;
        for values in values.chunks_mut(ABREAST * outputs) {
            let mut cells: [&[u8]; ABREAST] = [&[]; ABREAST];
            let count = values.len() / outputs;
            cells.iter_mut().zip(rows.by_ref().take(count)).for_each(|(cells, row)| *cells = row);
            // Those that are missing at the end follow the first.
            let first = cells[0];
            cells[count..].fill(first);
            let leaves = self.leaves(&cells);
            for (values, leaf) in values.chunks_exact_mut(outputs).zip(leaves) {
                values[self.output] += self.values[usize::from(leaf)];
            }
        }
    }

    fn leaves(&self, rows: &[&[u8]; ABREAST]) -> [u16; ABREAST] {
        let mut at = [0_u16; ABREAST];
        loop {
            let mut moved = 0;
            for (at, cells) in at.iter_mut().zip(rows) {
                let Node { column, below, next } = self.nodes[usize::from(*at)];
                let to = next[usize::from(u16::from(cells[usize::from(column)]) >= below)];
                moved |= to ^ *at;
                *at = to;
            }
            if moved == 0 {
                return at;
            }
        }
    }
}

impl Listed {
    /// A node, whose children come after it, so that no way goes round; none if the file is not whole.
    fn node(&self, node: usize, edges: &Edges, columns: usize) -> Option<Node> {
        let own = u16::try_from(node).ok()?;
        let condition = *self.split_conditions.get(node)?;
        if self.left_children[node] < 0 {
            return Some(Node { column: 0, below: 0, next: [own; 2] });
        }
        let child = |children: &[i32]| {
            let child = usize::try_from(*children.get(node)?).ok()?;
            (child > node && child < self.left_children.len()).then(|| u16::try_from(child).ok())?
        };
        let next = [child(&self.left_children)?, child(&self.right_children)?];
        let column = *self.split_indices.get(node)?;
        let below = (column < columns).then(|| edges.below(column, condition))?;
        Some(Node { column: u16::try_from(column).ok()?, below, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Left children, right children, columns, conditions, and the tree's output.
    type Tree = (Vec<i32>, Vec<i32>, Vec<usize>, Vec<f32>, usize);

    fn file(left: &[i32], right: &[i32], columns: &[usize], conditions: &[f32], output: usize) -> Vec<u8> {
        let tree = json!({
            "left_children": left, "right_children": right,
            "split_indices": columns, "split_conditions": conditions,
        });
        let model = json!({"trees": [tree], "tree_info": [output]});
        json!({"learner": {"gradient_booster": {"model": model}}}).to_string().into_bytes()
    }

    #[test]
    fn rows_reach_their_leaf_whatever_their_number() {
        let edges = Edges::between(&[vec![0.0, 1.0], vec![5.0, 6.0, 7.0]]);
        // Column 1 below 6: column 0 below 0: 10, else 20; else 30.
        let file = file(
            &[1, 3, -1, -1, -1],
            &[2, 4, -1, -1, -1],
            &[1, 0, 0, 0, 0],
            &[6.0, 0.0, 30.0, 10.0, 20.0],
            1,
        );
        let [tree] = &Grown::all(&file, &edges, 2, 2).expect("a tree")[..] else { panic!("not one tree") };
        let rows: [([u8; 2], f32); 4] = [([0, 1], 10.0), ([1, 0], 20.0), ([0, 2], 30.0), ([1, 2], 30.0)];
        for count in 0..40 {
            let rows: Vec<_> = rows.iter().cycle().take(count).collect();
            let mut values = vec![0.5; 2 * count];
            tree.add(rows.iter().map(|(cells, _)| cells.as_slice()), 2, &mut values);
            let expected: Vec<f32> = rows.iter().flat_map(|(_, value)| [0.5, 0.5 + value]).collect();
            assert_eq!(values, expected, "{count} rows");
        }
    }

    #[test]
    fn a_file_that_leads_nowhere_is_refused() {
        let edges = Edges::between(&[vec![0.0, 1.0]]);
        let whole = || (vec![1, -1, -1], vec![2, -1, -1], vec![0, 0, 0], vec![0.0, 1.0, 2.0], 0);
        let read =
            |(left, right, columns, conditions, output): (
                Vec<i32>,
                Vec<i32>,
                Vec<usize>,
                Vec<f32>,
                usize,
            )| { Grown::all(&file(&left, &right, &columns, &conditions, output), &edges, 1, 1) };
        assert!(read(whole()).is_ok());
        let spoil: [fn(&mut Tree); 7] = [
            |tree| tree.0[0] = 0,
            |tree| tree.1[0] = 3,
            |tree| tree.1[0] = -1,
            |tree| tree.1.clear(),
            |tree| tree.2[0] = 1,
            |tree| tree.3.truncate(2),
            |tree| tree.4 = 1,
        ];
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut tree = whole();
            spoil(&mut tree);
            assert!(matches!(read(tree), Err(FitError::Answer { .. })), "{number}");
        }
        assert!(Grown::all(b"{}", &edges, 1, 1).is_err());
    }
}
