//! A booster in the layout of MLflow's flavours: `mlflow.lightgbm`, `mlflow.xgboost` and `mlflow.pyfunc` load it. It answers
//! what the library answers, which is what the bundle's golden rows say: a task's transform is not undone.

use forecast::{GoldenLibrary, Manifest, Task};
use kline::Milliseconds;
use serde_json::{Value, json};

use crate::time::readable;
use crate::trained::output_count;

/// The MLflow whose layout this is; later ones read it.
const MLFLOW: &str = "3.17.2";
/// The Python that the environment names.
const PYTHON: &str = "3.11";

/// What the layout says of a booster.
pub(super) struct Flavour<'a> {
    pub(super) task: Task,
    pub(super) library: GoldenLibrary,
    pub(super) manifest: &'a Manifest,
    pub(super) run: &'a str,
    pub(super) at: Milliseconds,
}

/// The library's name, which is its flavour's as well.
pub(super) const fn name(library: GoldenLibrary) -> &'static str {
    match library {
        GoldenLibrary::LightGbm => "lightgbm",
        GoldenLibrary::XgBoost => "xgboost",
    }
}

impl Flavour<'_> {
    /// The files by their names within the model's folder.
    pub(super) fn files(&self, folder: &str, model: &[u8]) -> [(&'static str, Vec<u8>); 4] {
        [
            (self.data(), model.to_vec()),
            (
                "requirements.txt",
                format!("mlflow\n{}=={}\n", name(self.library), self.version()).into_bytes(),
            ),
            (
                "python_env.yaml",
                format!(
                    "python: \"{PYTHON}\"\nbuild_dependencies:\n- pip\ndependencies:\n- -r requirements.txt\n"
                )
                .into_bytes(),
            ),
            ("MLmodel", self.description(folder).into_bytes()),
        ]
    }

    const fn data(&self) -> &'static str {
        match self.library {
            GoldenLibrary::LightGbm => "model.lgb",
            GoldenLibrary::XgBoost => "model.ubj",
        }
    }

    fn version(&self) -> &str {
        self.manifest.libraries.get(name(self.library)).map_or("0", String::as_str)
    }

    /// `MLmodel`, in YAML; texts are quoted as JSON quotes them, which YAML reads.
    fn description(&self, folder: &str) -> String {
        let quoted = |text: &str| Value::from(text).to_string();
        let (library, data) = (name(self.library), self.data());
        let own = match self.library {
            GoldenLibrary::LightGbm => format!(
                "  lightgbm:\n    code: null\n    data: {data}\n    lgb_version: {}\n    model_class: lightgbm.basic.Booster\n",
                quoted(self.version())
            ),
            GoldenLibrary::XgBoost => format!(
                "  xgboost:\n    code: null\n    data: {data}\n    model_class: xgboost.core.Booster\n    model_format: ubj\n    xgb_version: {}\n",
                quoted(self.version())
            ),
        };
        let [inputs, outputs] = self.signature().map(|part| quoted(&part.to_string()));
        format!(
            "artifact_path: {folder}\nflavors:\n{own}  python_function:\n    data: {data}\n    env:\n      virtualenv: python_env.yaml\n    \
             loader_module: mlflow.{library}\n    python_version: \"{PYTHON}\"\nmlflow_version: {MLFLOW}\nrun_id: {}\nsignature:\n  \
             inputs: {inputs}\n  outputs: {outputs}\n  params: null\nutc_time_created: {}\n",
            quoted(self.run),
            quoted(&readable(self.at)),
        )
    }

    /// Features by their names; one number a row, or one each class.
    fn signature(&self) -> [Value; 2] {
        let columns = self.manifest.features.iter();
        let inputs =
            columns.map(|name| json!({ "type": "double", "name": name, "required": true })).collect();
        let kind = match self.library {
            GoldenLibrary::LightGbm => "float64",
            GoldenLibrary::XgBoost => "float32",
        };
        let shape = match output_count(self.task) {
            1 => json!([-1]),
            classes => json!([-1, classes]),
        };
        [inputs, json!([{ "type": "tensor", "tensor-spec": { "dtype": kind, "shape": shape } }])]
    }
}
