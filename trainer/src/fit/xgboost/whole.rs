//! A model put together of its rounds (JSON), each of which was grown on some of the columns.

use serde_json::{Value, json};

use super::LIBRARY;
use crate::fit::FitError;
use crate::fit::bins::Columns;

const MODEL: &str = "/learner/gradient_booster/model";
const NO_CHILD: i64 = -1;

/// The rounds so far.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// The file of the first round, without its trees.
    head: Option<Value>,
    trees: Vec<Value>,
}

impl Whole {
    /// Adds a round of so many trees by its file; `own` says which of all columns its own are.
    ///
    /// # Errors
    /// When the file is not of the form that the library writes.
    pub(super) fn push(&mut self, file: &[u8], own: &[usize], outputs: usize) -> Result<(), FitError> {
        let read = || {
            let mut file: Value = serde_json::from_slice(file).ok()?;
            let Value::Array(mut trees) = file.pointer_mut(MODEL)?.get_mut("trees")?.take() else {
                return None;
            };
            trees.iter_mut().try_for_each(|tree| renumber(tree, own))?;
            (trees.len() == outputs).then_some((file, trees))
        };
        let (file, trees) = read().ok_or_else(unknown)?;
        self.head.get_or_insert(file);
        self.trees.extend(trees);
        Ok(())
    }

    /// The model's file.
    ///
    /// # Errors
    /// When there is no round, or the first one's file is not of the form that the library writes.
    pub(super) fn file(self, columns: &Columns, outputs: usize) -> Result<Vec<u8>, FitError> {
        self.with_head(columns, outputs).ok_or_else(unknown)
    }

    fn with_head(mut self, columns: &Columns, outputs: usize) -> Option<Vec<u8>> {
        let count = Value::from(columns.count().to_string());
        for (number, tree) in self.trees.iter_mut().enumerate() {
            *tree.get_mut("id")? = number.into();
            *tree.get_mut("tree_param")?.get_mut("num_feature")? = count.clone();
        }
        let mut whole = self.head?;
        let learner = whole.get_mut("learner")?;
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        *learner.get_mut("feature_names")? = json!(names);
        *learner.get_mut("learner_model_param")?.get_mut("num_feature")? = count;
        let model = whole.pointer_mut(MODEL)?;
        let trees = self.trees.len();
        *model.get_mut("gbtree_model_param")?.get_mut("num_trees")? = trees.to_string().into();
        *model.get_mut("tree_info")? = (0..trees).map(|tree| tree % outputs).collect();
        *model.get_mut("iteration_indptr")? = (0..=trees).step_by(outputs).collect();
        *model.get_mut("trees")? = self.trees.into();
        serde_json::to_vec(&whole).ok()
    }
}

/// Splits name their group's columns: now all columns.
fn renumber(tree: &mut Value, own: &[usize]) -> Option<()> {
    let children = tree.get("left_children")?.as_array()?.iter().map(Value::as_i64);
    let children: Vec<i64> = children.collect::<Option<_>>()?;
    let indices = tree.get_mut("split_indices")?.as_array_mut()?;
    for (index, child) in indices.iter_mut().zip(children) {
        // At a leaf it says nothing.
        if child != NO_CHILD {
            *index = (*own.get(usize::try_from(index.as_u64()?).ok()?)?).into();
        }
    }
    Some(())
}

fn unknown() -> FitError {
    FitError::Answer {
        library: LIBRARY,
        answer: "a model file that can't be put together with others".to_owned(),
        expected: "one tree an output and round",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(splits: &[usize]) -> Vec<u8> {
        let tree = |split: &usize| {
            json!({
                "id": 0, "left_children": [1, -1, -1], "split_indices": [split, 0, 0],
                "tree_param": {"num_feature": "2"},
            })
        };
        let trees: Vec<Value> = splits.iter().map(tree).collect();
        let model = json!({
            "gbtree_model_param": {"num_trees": "1"}, "trees": trees, "tree_info": [0], "iteration_indptr": [0, 1],
        });
        let learner = json!({
            "feature_names": ["b", "d"], "learner_model_param": {"num_feature": "2", "base_score": "5E-1"},
            "gradient_booster": {"model": model},
        });
        json!({ "learner": learner }).to_string().into_bytes()
    }

    #[test]
    fn rounds_follow_with_the_numbers_of_all_columns() {
        let columns = Columns::between(&[vec![0.0], vec![0.0], vec![0.0], vec![0.0]]);
        let mut whole = Whole::default();
        whole.push(&round(&[1, 0]), &[1, 3], 2).expect("a round");
        whole.push(&round(&[1, 1]), &[0, 2], 2).expect("a round");
        let found: Value = serde_json::from_slice(&whole.file(&columns, 2).expect("a file")).expect("JSON");
        let model = found.pointer(MODEL).expect("a model");
        let trees = model["trees"].as_array().expect("trees");
        let splits: Vec<&Value> = trees.iter().map(|tree| &tree["split_indices"]).collect();
        assert_eq!(splits, [&json!([3, 0, 0]), &json!([1, 0, 0]), &json!([2, 0, 0]), &json!([2, 0, 0])]);
        let ids: Vec<&Value> = trees.iter().map(|tree| &tree["id"]).collect();
        assert_eq!(ids, [0, 1, 2, 3]);
        assert_eq!(model["tree_info"], json!([0, 1, 0, 1]));
        assert_eq!(model["iteration_indptr"], json!([0, 2, 4]));
        assert_eq!(model["gbtree_model_param"]["num_trees"], "4");
        assert_eq!(found["learner"]["learner_model_param"]["num_feature"], "4");
        assert_eq!(found["learner"]["feature_names"].as_array().map(Vec::len), Some(4));
    }

    #[test]
    fn a_file_of_another_form_is_refused() {
        let mut whole = Whole::default();
        let refused = [
            whole.push(&round(&[1]), &[1], 1),
            whole.push(&round(&[0]), &[1], 2),
            whole.push(b"{}", &[1], 1),
            whole.push(b"no model", &[1], 1),
        ];
        assert!(refused.iter().all(|answer| matches!(answer, Err(FitError::Answer { .. }))));
        let columns = Columns::between(&[vec![0.0]]);
        assert!(whole.file(&columns, 1).is_err(), "without a round");
    }
}
