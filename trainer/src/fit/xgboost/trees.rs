//! Trees as XGBoost writes them (JSON).

use serde::Deserialize;

use super::LIBRARY;
use crate::fit::FitError;
use crate::fit::bins::Columns;
use crate::fit::boosting::{Grown, Told};

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

/// The trees of a model that was trained on binned rows by some of these columns (`own`), of so many outputs.
///
/// # Errors
/// When the file is not of the form that the library writes.
pub(super) fn read(
    file: &[u8],
    (columns, own): (&Columns, &[usize]),
    outputs: usize,
) -> Result<Vec<Grown>, FitError> {
    let unknown = |problem: String| FitError::Answer {
        library: LIBRARY,
        answer: format!("a model file that can't be read: {problem}"),
        expected: "trees with a split or a leaf at each node",
    };
    let File { learner: Learner { gradient_booster: GradientBooster { model } } } =
        serde_json::from_slice(file).map_err(|error| unknown(error.to_string()))?;
    let trees = model.trees.iter().zip(model.tree_info).map(|(listed, output)| {
        let nodes = (0..listed.left_children.len()).map(|node| listed.node(node, columns, own));
        let nodes = nodes.collect::<Option<Vec<_>>>().filter(|_| output < outputs)?;
        Grown::new(&nodes, columns.count(), output)
    });
    trees.collect::<Option<Vec<_>>>().ok_or_else(|| unknown("a node leads nowhere".to_owned()))
}

impl Listed {
    /// A node; nothing if the file is not whole.
    fn node(&self, node: usize, columns: &Columns, own: &[usize]) -> Option<Told> {
        let condition = *self.split_conditions.get(node)?;
        if self.left_children[node] < 0 {
            return Some(Told::Leaf(condition));
        }
        let child = |children: &[i32]| usize::try_from(*children.get(node)?).ok();
        let next = [child(&self.left_children)?, child(&self.right_children)?];
        let column = *own.get(*self.split_indices.get(node)?)?;
        let below = columns.get(column)?.below(condition)?;
        Some(Told::Split { column, below, next })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fit::bins::Tile;
    use serde_json::json;

    /// Left children, right children, columns, conditions, and the tree's output.
    type Tree = (Vec<i32>, Vec<i32>, Vec<usize>, Vec<f32>, usize);

    fn file((left, right, columns, conditions, output): Tree) -> Vec<u8> {
        let tree = json!({
            "left_children": left, "right_children": right,
            "split_indices": columns, "split_conditions": conditions,
        });
        let model = json!({"trees": [tree], "tree_info": [output]});
        json!({"learner": {"gradient_booster": {"model": model}}}).to_string().into_bytes()
    }

    #[test]
    fn rows_reach_the_leaf_of_the_file() {
        let columns = Columns::between(&[vec![0.0, 1.0], vec![5.0, 6.0, 7.0]]);
        // Column 1 below 6: column 0 below 0: 10, else 20; else 30.
        let tree = (
            vec![1, 3, -1, -1, -1],
            vec![2, 4, -1, -1, -1],
            vec![1, 0, 0, 0, 0],
            vec![6.0, 0.0, 30.0, 10.0, 20.0],
            1,
        );
        let [tree] = &read(&file(tree), (&columns, &[0, 1]), 2).expect("a tree")[..] else {
            panic!("not one tree")
        };
        let rows: [[u8; 2]; 4] = [[0, 1], [1, 0], [0, 2], [1, 2]];
        let mut values = [0.0; 8];
        tree.add(
            Tile::of(&[0, 1].map(|column| std::array::from_fn(|row| rows[row % 4][column]))),
            2,
            &mut values,
        );
        assert_eq!(values, [0.0, 10.0, 0.0, 20.0, 0.0, 30.0, 0.0, 30.0]);
    }

    #[test]
    fn a_file_that_leads_nowhere_is_refused() {
        let columns = Columns::between(&[vec![0.0]]);
        let whole = || (vec![1, -1, -1], vec![2, -1, -1], vec![0, 0, 0], vec![0.0, 1.0, 2.0], 0);
        let read = |tree| super::read(&file(tree), (&columns, &[0]), 1);
        assert!(read(whole()).is_ok());
        let spoil: [fn(&mut Tree); 8] = [
            |tree| tree.0[0] = 0,
            |tree| tree.1[0] = 3,
            |tree| tree.1[0] = -1,
            |tree| tree.1.clear(),
            |tree| tree.2[0] = 1,
            |tree| tree.3[0] = 0.5,
            |tree| tree.3.truncate(2),
            |tree| tree.4 = 1,
        ];
        for (number, spoil) in spoil.into_iter().enumerate() {
            let mut tree = whole();
            spoil(&mut tree);
            assert!(matches!(read(tree), Err(FitError::Answer { .. })), "{number}");
        }
        assert!(super::read(b"{}", (&columns, &[0]), 1).is_err());
    }
}
