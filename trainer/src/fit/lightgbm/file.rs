//! A model's file put together of the files of its rounds.

use std::fmt::Write as _;

use super::trees::Tree;
use crate::fit::Loss;
use crate::fit::bins::{Column, Columns};

const TREE: &str = "Tree=";
const END: &str = "end of trees\n";
const PARAMETERS: &str = "\nparameters:\n";

/// The parts of a file.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    head: &'a str,
    /// Each from its number to the next one's.
    pub(super) trees: Vec<&'a str>,
    /// With what the training was told.
    parameters: &'a str,
}

impl<'a> Parts<'a> {
    /// Those of a file; nothing if it is not of the form that the library writes.
    pub(super) fn of(file: &'a str) -> Option<Self> {
        let (before, after) = file.split_once(END)?;
        let starts: Vec<usize> = before.match_indices(TREE).map(|(at, _)| at).collect();
        let starts: Vec<usize> = starts.into_iter().filter(|at| before[..*at].ends_with('\n')).collect();
        let head = &before[..starts.first().copied().unwrap_or(before.len())];
        let ends = starts.iter().skip(1).copied().chain([before.len()]);
        let trees = starts.iter().zip(ends).map(|(start, end)| &before[*start..end]).collect();
        let parameters = &after[after.find(PARAMETERS)?..];
        Some(Self { head, trees, parameters })
    }

    /// The file of a model with this head, these trees and what the training was told, as the library would have written it.
    pub(super) fn with(&self, trees: &[Tree], columns: &Columns, loss: Loss) -> String {
        let sections: Vec<String> = trees
            .iter()
            .enumerate()
            .map(|(number, tree)| format!("{TREE}{number}\n{}\n\n", tree.text))
            .collect();
        let (objective, parameters) = (objective(loss), self.told(loss));
        let mut file = String::new();
        for line in self.head.lines() {
            match line.split_once('=').map_or("", |(key, _)| key) {
                "objective" | "tree_sizes" => {}
                "feature_infos" => {
                    let infos: Vec<String> = columns.iter().map(info).collect();
                    let sizes: Vec<String> =
                        sections.iter().map(|section| section.len().to_string()).collect();
                    let _ =
                        writeln!(file, "feature_infos={}\ntree_sizes={}", infos.join(" "), sizes.join(" "));
                }
                "max_feature_idx" => {
                    let _ = writeln!(file, "{line}\nobjective={objective}");
                }
                _ => {
                    let _ = writeln!(file, "{line}");
                }
            }
        }
        file.extend(sections);
        let _ = write!(file, "{END}\nfeature_importances:\n{}{parameters}", importances(trees, columns));
        file
    }

    /// What the training was told, but that the objective is ours and how many threads there were.
    fn told(&self, loss: Loss) -> String {
        let (objective, metric) = match loss {
            Loss::SquaredError => ("regression", "l2"),
            Loss::BinaryLogLoss => ("binary", "binary_logloss"),
            Loss::ClassesLogLoss(_) => ("multiclass", "multi_logloss"),
        };
        let line = |line: &str| match line.split_once(": ").map_or("", |(key, _)| key) {
            "[objective" => format!("[objective: {objective}]\n"),
            "[metric" => format!("[metric: {metric}]\n"),
            "[num_threads" => "[num_threads: 0]\n".to_owned(),
            _ => format!("{line}\n"),
        };
        self.parameters.lines().map(line).collect()
    }
}

fn objective(loss: Loss) -> String {
    match loss {
        Loss::SquaredError => "regression".to_owned(),
        Loss::BinaryLogLoss => "binary sigmoid:1".to_owned(),
        Loss::ClassesLogLoss(classes) => format!("multiclass num_class:{classes}"),
    }
}

/// How far a column's values reach; one that is never split on has no such.
fn info(column: &Column) -> String {
    match column.range {
        Some([least, most]) if !column.edges.is_empty() => format!("[{least}:{most}]"),
        _ => "none".to_owned(),
    }
}

/// How often each column is split on, the most frequent first.
fn importances(trees: &[Tree], columns: &Columns) -> String {
    let mut counts = vec![0_usize; columns.count()];
    trees.iter().flat_map(|tree| &tree.columns).for_each(|column| counts[*column] += 1);
    let mut counts: Vec<(usize, &Column)> = counts.into_iter().zip(columns.iter()).collect();
    counts.retain(|(count, _)| *count > 0);
    counts.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    counts.into_iter().map(|(count, column)| format!("{}={count}\n", column.name)).collect()
}
