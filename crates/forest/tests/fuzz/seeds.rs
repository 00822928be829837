//! What is damaged: all golden models, and some that no golden is like.

use std::fs;
use std::path::Path;

use forest::{Limits, LoadError, Model};
use serde_json::{Value, json};

use crate::golden_models::model;
use crate::random::Random;
use crate::ubjson;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    LightGbm,
    Ubjson,
    Json,
}

impl Format {
    pub(crate) fn read(self, bytes: &[u8], limits: &Limits) -> Result<Model, LoadError> {
        match self {
            Format::LightGbm => Model::from_lightgbm_text(bytes, limits),
            Format::Ubjson => Model::from_xgboost_ubjson(bytes, limits),
            Format::Json => Model::from_xgboost_json(bytes, limits),
        }
    }
}

/// A whole file.
pub(crate) struct Seed {
    pub(crate) name: String,
    pub(crate) format: Format,
    pub(crate) bytes: Vec<u8>,
    /// XGBoost's document.
    pub(crate) document: Option<Value>,
    /// Absent where the library's model is not supported.
    pub(crate) model: Option<Model>,
    pub(crate) thresholds: Vec<f64>,
}

impl Seed {
    fn new(name: &str, format: Format, bytes: Vec<u8>) -> Seed {
        let document = match format {
            Format::LightGbm => None,
            Format::Ubjson => Some(ubjson::decode(&bytes)),
            Format::Json => Some(serde_json::from_slice(&bytes).unwrap()),
        };
        let model = format.read(&bytes, &Limits::default()).ok();
        let mut thresholds = Vec::new();
        match &document {
            Some(document) => collect(document, &mut thresholds),
            None => {
                let text = std::str::from_utf8(&bytes).unwrap();
                let lists = text.lines().filter_map(|line| line.strip_prefix("threshold="));
                thresholds.extend(
                    lists.flat_map(|list| list.split(' ')).filter_map(|word| word.parse::<f64>().ok()),
                );
            }
        }
        Seed { name: name.to_owned(), format, bytes, document, model, thresholds }
    }
}

/// The numbers of all `split_conditions`.
fn collect(value: &Value, thresholds: &mut Vec<f64>) {
    match value {
        Value::Object(members) => {
            if let Some(Value::Array(conditions)) = members.get("split_conditions") {
                thresholds.extend(conditions.iter().filter_map(Value::as_f64));
            }
            members.values().for_each(|member| collect(member, thresholds));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, thresholds)),
        _ => {}
    }
}

/// All seeds, in order of name.
pub(crate) fn all() -> Vec<Seed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
    let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut seeds = Vec::new();
    for path in paths {
        let format = match path.extension().and_then(|extension| extension.to_str()) {
            Some("txt") => Format::LightGbm,
            Some("ubj") => Format::Ubjson,
            Some("json") => Format::Json,
            _ => continue,
        };
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        seeds.push(Seed::new(&name, format, fs::read(&path).unwrap()));
    }
    // More sources than the form of small trees has room for, and trees that are too large for it.
    let wide = model(&mut Random(1), 60, 60, 1);
    seeds.push(Seed::new("made: wide", Format::LightGbm, wide.into_bytes()));
    let binary = seeds.iter().find(|seed| seed.name == "xgboost-binary-text.json");
    let chain = chain(binary.and_then(|seed| seed.document.clone()).unwrap());
    seeds.push(Seed::new("made: chain", Format::Json, ubjson::to_json(&chain)));
    assert!(seeds.iter().filter(|seed| seed.model.is_some()).count() > 50);
    seeds
}

/// A model whose first tree goes 80 splits down to its last leaf.
fn chain(mut document: Value) -> Value {
    const SPLITS: usize = 80;
    let tree = document.pointer_mut("/learner/gradient_booster/model/trees/0").unwrap();
    let nodes = 2 * SPLITS + 1;
    let list = |of: &dyn Fn(usize) -> Value| Value::Array((0..nodes).map(of).collect());
    let split = |index: usize, value: usize| {
        if index.is_multiple_of(2) && index + 1 < nodes { json!(value) } else { json!(-1) }
    };
    tree["left_children"] = list(&|index| split(index, index + 1));
    tree["right_children"] = list(&|index| split(index, index + 2));
    tree["split_indices"] = list(&|index| json!(index / 2 % 5));
    tree["split_conditions"] = list(&|index| json!(index as f32 / 16.0));
    tree["sum_hessian"] = list(&|index| json!((2 * nodes - index) as f32));
    tree["default_left"] = list(&|index| json!(index % 3 / 2));
    tree["split_type"] = list(&|_| json!(0));
    tree["parents"] = list(&|_| json!(0));
    tree["loss_changes"] = list(&|_| json!(0.5));
    tree["base_weights"] = list(&|_| json!(0.5));
    tree["tree_param"]["num_nodes"] = json!(nodes.to_string());
    document
}
