//! What a model reads and answers, as it is told.

use std::borrow::Cow;

use features::Catalogue;

use super::super::Service;
use super::inputs::{Input, ROWS_MAX};
use super::model::ServedModel;
use super::outputs;
use super::tensor::Datatype;

/// What the models are, by the protocol's custom of `<project>_<format>`.
pub const PLATFORM: &str = "klinecast_bundle";

/// A tensor that a model knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorSpec {
    /// Its name.
    pub name: Cow<'static, str>,
    /// Its datatype.
    pub datatype: Datatype,
    /// Its dimensions; -1 is as many as there are rows.
    pub shape: Vec<i64>,
}

/// A model as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelDescription {
    /// The model's name.
    pub name: &'static str,
    /// The version that answers; none without a bundle.
    pub version: Option<String>,
    /// What it reads: `symbol`, or `features` with what belongs to them.
    pub inputs: Vec<TensorSpec>,
    /// What it can answer.
    pub outputs: Vec<TensorSpec>,
    /// Facts by name.
    pub properties: Vec<(&'static str, String)>,
}

impl Service {
    /// What a model reads and answers.
    #[must_use]
    pub fn infer_description(&self, served: &ServedModel) -> ModelDescription {
        let shape = |width: Option<usize>| {
            let width = width.and_then(|width| i64::try_from(width).ok());
            std::iter::once(-1).chain(width).collect()
        };
        let input = |input: Input| TensorSpec {
            name: Cow::Borrowed(input.name()),
            datatype: input.datatype(),
            shape: shape(input.width()),
        };
        let output = |output: outputs::Output| TensorSpec {
            datatype: output.content.datatype(),
            shape: shape(output.content.width()),
            name: output.name,
        };
        ModelDescription {
            name: served.model.name(),
            version: served.version(),
            inputs: Input::of(served.model).map(input).collect(),
            outputs: outputs::of(served).into_iter().map(output).collect(),
            properties: self.properties(served),
        }
    }

    fn properties(&self, served: &ServedModel) -> Vec<(&'static str, String)> {
        let catalogue = Catalogue::standard();
        let names: Vec<&str> = catalogue.definitions().iter().map(|definition| definition.name).collect();
        let mut properties = vec![
            ("interval", self.interval.to_string()),
            ("max_rows", ROWS_MAX.to_string()),
            ("catalogue_hash", catalogue.hash().to_string()),
            ("features", names.join(",")),
        ];
        if let Some(digest) = served.digest() {
            properties.push(("bundle", digest.to_string()));
        }
        let mut tasks = served.model.tasks();
        if let (Some(task), None) = (tasks.next(), tasks.next()) {
            properties.push(("description", task.description().to_owned()));
            properties.push(("horizon_steps", task.horizon_steps().to_string()));
            properties.push(("classes", task.class_names().join(",")));
        }
        properties
    }
}

#[cfg(test)]
mod tests {
    use super::super::InferModel;
    use super::*;

    #[test]
    fn every_model_tells_its_tensors() {
        let home = tempfile::tempdir().expect("a folder");
        let service = crate::testing::service(home.path());
        for model in InferModel::every() {
            let served = service.infer_model(model.name(), "").expect("a model");
            let told = service.infer_description(&served);
            assert_eq!((told.name, &told.version), (model.name(), &None));
            assert!(told.inputs.iter().any(|input| input.name == "features" && input.shape.len() == 2));
            assert!(told.outputs.iter().all(|output| output.shape[0] == -1));
            let regime =
                told.outputs.iter().find(|output| output.name.ends_with("vol_regime_4step.ensemble"));
            assert_eq!(regime.is_some(), model == InferModel::All);
            assert!(regime.is_none_or(|output| output.shape == [-1, 3] && output.datatype == Datatype::Fp64));
        }
    }
}
