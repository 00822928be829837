//! What stands before the first tree: outputs, features, objective.

use super::fields::{Fields, Lines};
use crate::error::{LoadError, Place, start};
use crate::limits::Limits;
use crate::link::Link;

#[derive(Debug)]
pub(super) struct Header {
    pub(super) output_count: usize,
    pub(super) feature_names: Vec<String>,
    /// The objective's name; empty if the model was trained with a function of the user's own.
    pub(super) objective: String,
    pub(super) link: Link,
    pub(super) is_average: bool,
    /// As the file announces it, where it does.
    pub(super) tree_count: Option<usize>,
}

impl Header {
    pub(super) fn read(lines: &mut Lines<'_>, limits: &Limits) -> Result<Header, LoadError> {
        if lines.next_filled() != Some("tree") {
            return Err(lines.place().malformed("a LightGBM text model begins with the line `tree`"));
        }
        let fields = Fields::read(lines)?;
        match fields.text("version")? {
            "v3" | "v4" => {}
            other => {
                return Err(LoadError::unsupported(format!(
                    "LightGBM's model file version `{}` (only v3 and v4)",
                    start(other)
                )));
            }
        }
        let class_count: usize = fields.number("num_class")?;
        let output_count: usize = match fields.find("num_tree_per_iteration") {
            Some(_) => fields.number("num_tree_per_iteration")?,
            None => class_count,
        };
        LoadError::within("outputs", output_count, limits.outputs_max, "outputs_max")?;
        if output_count == 0 || output_count != class_count {
            return Err(fields.place("num_class").contradictory(format!(
                "{class_count} classes and {output_count} trees an iteration don't go together"
            )));
        }
        let feature_names = read_feature_names(&fields, limits)?;
        let (objective, link) = match fields.find("objective") {
            Some(text) => read_objective(text, output_count, &fields.place("objective"))?,
            None => (String::new(), Link::Identity),
        };
        Ok(Header {
            output_count,
            feature_names,
            objective,
            link,
            is_average: fields.find("average_output").is_some(),
            tree_count: fields.find("tree_sizes").map(|text| text.split_ascii_whitespace().count()),
        })
    }
}

fn read_feature_names(fields: &Fields<'_>, limits: &Limits) -> Result<Vec<String>, LoadError> {
    let last: usize = fields.number("max_feature_idx")?;
    LoadError::within("features", last.saturating_add(1), limits.features_max, "features_max")?;
    let names = fields.text("feature_names")?.split(' ');
    // Counted first: a line of spaces must not become as many texts.
    let found = names.clone().count();
    if found - 1 == last {
        Ok(names.map(str::to_owned).collect())
    } else {
        let problem = format!("it has {found} names, but `max_feature_idx` is {last}");
        Err(fields.place("feature_names").contradictory(problem))
    }
}

/// Reads the objective's line: a name (or one of its aliases) and parameters.
fn read_objective(text: &str, output_count: usize, place: &Place) -> Result<(String, Link), LoadError> {
    let mut words = text.split_ascii_whitespace();
    let alias = words.next().unwrap_or("");
    let words: Vec<&str> = words.collect();
    let square_root = || if words.contains(&"sqrt") { Link::SignedSquare } else { Link::Identity };
    let (name, link) = match alias {
        "regression"
        | "regression_l2"
        | "mean_squared_error"
        | "mse"
        | "l2"
        | "l2_root"
        | "root_mean_squared_error"
        | "rmse" => ("regression", square_root()),
        "regression_l1" | "mean_absolute_error" | "l1" | "mae" => ("regression_l1", square_root()),
        "mape" | "mean_absolute_percentage_error" => ("mape", square_root()),
        "quantile" => ("quantile", square_root()),
        "fair" => ("fair", square_root()),
        "huber" => ("huber", Link::Identity),
        "poisson" => ("poisson", Link::Exponential),
        "gamma" => ("gamma", Link::Exponential),
        "tweedie" => ("tweedie", Link::Exponential),
        "binary" => ("binary", Link::Sigmoid { steepness: steepness(&words, place)? }),
        "cross_entropy" | "xentropy" => ("cross_entropy", Link::Sigmoid { steepness: 1.0 }),
        "multiclass" | "softmax" => {
            check_class_count(&words, output_count, place)?;
            ("multiclass", Link::Softmax)
        }
        "multiclassova" | "multiclass_ova" | "ova" | "ovr" => {
            check_class_count(&words, output_count, place)?;
            ("multiclassova", Link::Sigmoid { steepness: steepness(&words, place)? })
        }
        "lambdarank" => ("lambdarank", Link::Identity),
        "rank_xendcg" | "xendcg" | "xe_ndcg" | "xe_ndcg_mart" | "xendcg_mart" => {
            ("rank_xendcg", Link::Identity)
        }
        "custom" | "none" | "null" | "na" => ("custom", Link::Identity),
        other => return Err(LoadError::unsupported(format!("LightGBM's objective `{}`", start(other)))),
    };
    let has_classes = matches!(name, "multiclass" | "multiclassova" | "custom");
    if output_count > 1 && !has_classes {
        return Err(place.clone().contradictory(format!("`{name}` has one output, not {output_count}")));
    }
    Ok((name.to_owned(), link))
}

fn parameter<'a>(words: &[&'a str], name: &str, place: &Place) -> Result<&'a str, LoadError> {
    let value = words.iter().find_map(|word| word.strip_prefix(name)?.strip_prefix(':'));
    value.ok_or_else(|| place.clone().malformed(format!("the objective's parameter `{name}` is missing")))
}

fn steepness(words: &[&str], place: &Place) -> Result<f64, LoadError> {
    let text = parameter(words, "sigmoid", place)?;
    match text.parse::<f64>() {
        Ok(number) if number > 0.0 && number.is_finite() => Ok(number),
        _ => Err(place.clone().malformed(format!("`sigmoid` is `{}`, not above 0", start(text)))),
    }
}

fn check_class_count(words: &[&str], output_count: usize, place: &Place) -> Result<(), LoadError> {
    let text = parameter(words, "num_class", place)?;
    if text.parse() == Ok(output_count) {
        Ok(())
    } else {
        let problem = format!("the objective has {} classes, the model {output_count}", start(text));
        Err(place.clone().contradictory(problem))
    }
}
