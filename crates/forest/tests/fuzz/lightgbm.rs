//! Damage to LightGBM's text that leaves its lines and sections whole.

use crate::random::Random;

/// Keys that decide what a model is and how it is walked; the others are changed less often.
const KEYS: [&str; 22] = [
    "left_child",
    "right_child",
    "left_child",
    "right_child",
    "split_feature",
    "threshold",
    "decision_type",
    "num_cat",
    "cat_boundaries",
    "cat_threshold",
    "leaf_value",
    "leaf_count",
    "internal_count",
    "num_leaves",
    "num_class",
    "num_tree_per_iteration",
    "max_feature_idx",
    "feature_names",
    "objective",
    "tree_sizes",
    "is_linear",
    "Tree",
];

/// Changes the values of one to three keys.
pub(crate) fn damage(text: &str, random: &mut Random) -> String {
    let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for _ in 0..random.several(3) {
        once(&mut lines, random);
    }
    lines.join("\n")
}

fn once(lines: &mut Vec<String>, random: &mut Random) {
    let key = *random.pick(&KEYS);
    let of_key: Vec<usize> = (0..lines.len())
        .filter(|line| lines[*line].strip_prefix(key).is_some_and(|rest| rest.starts_with('=')))
        .collect();
    let line = if of_key.is_empty() { random.below(lines.len()) } else { *random.pick(&of_key) };
    match random.below(16) {
        0 => drop(lines.remove(line)),
        1 => {
            let copy = lines[line].clone();
            let to = random.below(lines.len());
            lines.insert(to, copy);
        }
        2 => {
            let other = random.below(lines.len());
            lines.swap(line, other);
        }
        3 => lines[line] = lines[line].replace('=', random.pick::<&str>(&["", "= ", "==", " = ", "\r="])),
        4 => drop(lines.remove(random.below(lines.len()))),
        5 if key == "objective" => {
            lines[line] = format!(
                "objective={}",
                random.pick(&[
                    "binary sigmoid:0",
                    "binary",
                    "multiclass num_class:1000000",
                    "ova num_class:3 sigmoid:nan",
                    "poisson",
                    "regression sqrt",
                    "custom",
                    ""
                ])
            );
        }
        _ => values(&mut lines[line], random),
    }
}

/// Changes one or several of a key's numbers.
fn values(line: &mut String, random: &mut Random) {
    let Some((key, values)) = line.split_once('=') else { return };
    let mut values: Vec<String> = values.split(' ').map(str::to_owned).collect();
    for _ in 0..random.several(3) {
        if values.is_empty() {
            values.push("0".to_owned());
        }
        let at = random.below(values.len());
        let count = values.len() as i64;
        match random.below(10) {
            0 => drop(values.remove(at)),
            1 => values.insert(at, random.odd_number().to_owned()),
            2 => {
                let other = random.below(values.len());
                values.swap(at, other);
            }
            3 => values[at] = values[random.below(values.len())].clone(),
            4 => values[at] = random.odd_number().to_owned(),
            // What is likely to be there: a split, a leaf, a feature, a category set.
            5 | 6 => values[at] = random.below(count as usize + 2).to_string(),
            7 => values[at] = (-1 - random.below(count as usize + 2) as i64).to_string(),
            8 => values[at] = (random.below(16)).to_string(),
            _ => {
                let number: i64 = values[at].parse().unwrap_or(0);
                values[at] = number.wrapping_add(random.below(3) as i64 - 1).to_string();
            }
        }
    }
    *line = format!("{key}={}", values.join(" "));
}
