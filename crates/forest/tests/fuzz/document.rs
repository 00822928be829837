//! Damage to XGBoost's document: a value somewhere in it becomes another one.

use serde_json::{Number, Value, json};

use crate::random::Random;

/// Members that decide what a model is and how it is walked.
const KEYS: [&str; 24] = [
    "left_children",
    "right_children",
    "left_children",
    "right_children",
    "split_indices",
    "split_conditions",
    "default_left",
    "split_type",
    "categories",
    "categories_nodes",
    "categories_segments",
    "categories_sizes",
    "sum_hessian",
    "tree_info",
    "weight_drop",
    "id",
    "num_feature",
    "num_class",
    "num_target",
    "base_score",
    "feature_names",
    "size_leaf_vector",
    "trees",
    "name",
];

/// Changes one to three values.
pub(crate) fn damage(document: &mut Value, random: &mut Random) {
    for _ in 0..random.several(3) {
        let mut paths = Vec::new();
        let key = *random.pick(&KEYS);
        let wanted = if random.one_in(6) { None } else { Some(key) };
        collect(document, "", wanted, &mut paths);
        let Some(path) = paths.get(random.below(paths.len())) else { continue };
        if let Some(value) = document.pointer_mut(path) {
            change(value, random);
        }
    }
}

/// The paths of all values, or of all that a key names.
fn collect(value: &Value, path: &str, wanted: Option<&str>, paths: &mut Vec<String>) {
    if wanted.is_none_or(|key| path.rsplit('/').next() == Some(key)) && !path.is_empty() {
        paths.push(path.to_owned());
    }
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                collect(member, &format!("{path}/{key}"), wanted, paths);
            }
        }
        Value::Array(elements) if elements.first().is_some_and(Value::is_object) => {
            for (index, element) in elements.iter().enumerate() {
                collect(element, &format!("{path}/{index}"), wanted, paths);
            }
        }
        _ => {}
    }
}

fn change(value: &mut Value, random: &mut Random) {
    if random.one_in(12) {
        *value = other(random);
        return;
    }
    match value {
        Value::Array(elements) => change_array(elements, random),
        Value::Object(members) => {
            let keys: Vec<String> = members.keys().cloned().collect();
            if keys.is_empty() {
                return;
            }
            let (one, two) = (random.pick(&keys).clone(), random.pick(&keys).clone());
            if random.one_in(2) {
                members.remove(&one);
            } else if let Some(copy) = members.get(&two).cloned() {
                members.insert(one, copy);
            }
        }
        Value::String(text) => {
            const TEXTS: [&str; 12] = [
                "[]",
                "[1E0,2E0]",
                "[5E-1]",
                "[nan]",
                "gbtree",
                "dart",
                "multi:softprob",
                "count:poisson",
                "binary:logistic",
                "reg:squarederror",
                "0",
                "-1E0",
            ];
            *text = if random.one_in(2) { random.odd_number() } else { *random.pick(&TEXTS) }.to_owned();
        }
        other => *other = number(10, random),
    }
}

fn change_array(elements: &mut Vec<Value>, random: &mut Random) {
    for _ in 0..random.several(2) {
        let count = elements.len();
        let at = random.below(count);
        match random.below(10) {
            _ if count == 0 => elements.push(number(8, random)),
            0 => drop(elements.remove(at)),
            1 => elements.truncate(at),
            2 => elements.insert(at, number(count, random)),
            3 => {
                let copy = elements[random.below(count)].clone();
                elements.insert(at, copy);
            }
            4 => elements.swap(at, random.below(count)),
            5 => elements[at] = elements[random.below(count)].clone(),
            6 if random.one_in(8) => elements[at] = other(random),
            7 if elements[at].is_object() => change(&mut elements[at], random),
            _ => elements[at] = number(count, random),
        }
    }
}

/// A number that may be an index among `count`, or an odd one.
fn number(count: usize, random: &mut Random) -> Value {
    if random.one_in(3) {
        let text = random.odd_number();
        // JSON documents have no NaN; the writers know these texts.
        let float = || text.parse().ok().and_then(Number::from_f64).map_or(Value::from(text), Value::Number);
        return text.parse::<i64>().map_or_else(|_| float(), Value::from);
    }
    json!(random.below(count + 2) as i64 - 1)
}

/// A value of any kind.
fn other(random: &mut Random) -> Value {
    match random.below(8) {
        0 => Value::Null,
        1 => json!(random.one_in(2)),
        2 => json!(random.odd_number()),
        3 => json!([]),
        4 => json!({}),
        5 => json!([[1, 2.5, "x"], {}]),
        6 => (0..10 + random.below(40)).fold(json!(1), |inner, depth| {
            if depth % 2 == 0 { json!([inner]) } else { json!({ "x": inner }) }
        }),
        _ => number(1000, random),
    }
}
