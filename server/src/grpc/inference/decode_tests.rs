use std::collections::HashMap;

use super::*;

fn width() -> usize {
    features::Catalogue::standard().len()
}

fn tensor(name: &str, datatype: &str, shape: &[i64]) -> InferInputTensor {
    InferInputTensor {
        name: name.to_owned(),
        datatype: datatype.to_owned(),
        shape: shape.to_vec(),
        ..Default::default()
    }
}

fn symbols(names: &[&[u8]]) -> InferInputTensor {
    let bytes_contents = names.iter().map(|name| name.to_vec()).collect();
    let contents = Some(wire::InferTensorContents { bytes_contents, ..Default::default() });
    InferInputTensor { contents, ..tensor("symbol", "BYTES", &[names.len() as i64]) }
}

fn read(tensors: Vec<InferInputTensor>, raw: Vec<Vec<u8>>) -> Result<Inputs, Refusal> {
    let mut request =
        wire::ModelInferRequest { inputs: tensors, raw_input_contents: raw, ..Default::default() };
    inputs(InferModel::All, &mut request)
}

fn refused<T: std::fmt::Debug>(result: Result<T, Refusal>, part: &str) {
    let refusal = result.expect_err(part);
    assert!(refusal.message.contains(part), "{refusal} does not say {part}");
}

#[test]
fn typed_and_raw_contents_read_the_same() {
    let list: Vec<f64> = (0..width()).map(|at| at as f64 / 3.0).collect();
    let rows = tensor("features", "FP64", &[1, width() as i64]);
    let contents = Some(wire::InferTensorContents { fp64_contents: list.clone(), ..Default::default() });
    let typed = read(vec![InferInputTensor { contents, ..rows.clone() }], vec![]);
    let raw = list.iter().flat_map(|number| number.to_le_bytes()).collect();
    assert_eq!(typed, read(vec![rows], vec![raw]));
    assert_eq!(typed, Ok(Inputs::Rows { features: list, cuts: None }));
    let packed = [&[3, 0, 0, 0][..], b"ETH", &[0, 0, 0, 0]].concat();
    let typed = read(vec![symbols(&[b"ETH", b""])], vec![]);
    assert_eq!(typed, read(vec![tensor("symbol", "BYTES", &[2])], vec![packed]));
}

#[test]
fn contents_that_do_not_fit_are_named() {
    let rows = || tensor("features", "FP64", &[1, width() as i64]);
    refused(read(vec![rows()], vec![vec![], vec![]]), "has 2 entries for 1 inputs");
    refused(read(vec![rows(), rows()], vec![vec![]]), "has 1 entries for 2 inputs");
    refused(read(vec![rows()], vec![vec![0; 7]]), "has 7 bytes of raw contents");
    refused(read(vec![rows()], vec![]), "has 0 elements of FP64");
    refused(read(vec![symbols(&[b"A"])], vec![vec![1, 0, 0, 0, 65]]), "both contents and raw contents");
    refused(read(vec![symbols(&[b"\xff"])], vec![]), "no UTF-8");
    let huge = tensor("features", "FP64", &[i64::MAX, i64::MAX]);
    refused(read(vec![huge], vec![vec![0; 8]]), "it takes [N,");
    let huge = tensor("features", "FP64", &[1 << 40, width() as i64]);
    refused(read(vec![huge], vec![vec![0; 8]]), "1024 are allowed");
    refused(read(vec![tensor("symbol", "BYTES", &[-1])], vec![vec![]]), "has -1 rows");
    let contents = |contents| InferInputTensor { contents: Some(contents), ..rows() };
    let floats = wire::InferTensorContents { fp32_contents: vec![0.0; width()], ..Default::default() };
    refused(read(vec![contents(floats)], vec![]), "another list than fp64_contents");
    let both = wire::InferTensorContents {
        fp64_contents: vec![0.0; width()],
        bytes_contents: vec![vec![1]],
        ..Default::default()
    };
    refused(read(vec![contents(both)], vec![]), "another list than fp64_contents");
    let mut misplaced = symbols(&[b"A"]);
    misplaced.contents = Some(wire::InferTensorContents { fp64_contents: vec![1.0], ..Default::default() });
    refused(read(vec![misplaced], vec![]), "another list than bytes_contents");
    refused(read(vec![symbols(&[b"A"]), symbols(&[b"B"]), symbols(&[b"C"])], vec![]), "more than 2 inputs");
    refused(read(vec![tensor("x", "BYTES", &[1])], vec![]), "known are symbol, features, regime_cuts");
    refused(read(vec![], vec![]), "neither input symbol nor input features");
}

#[test]
fn parameters_are_read_or_refused_by_name() {
    let parameter = |choice| wire::InferParameter { parameter_choice: Some(choice) };
    let request = |choice| wire::ModelInferRequest {
        parameters: HashMap::from([(SUBSCRIBE.to_owned(), parameter(choice))]),
        ..Default::default()
    };
    assert_eq!(subscribes(&wire::ModelInferRequest::default()), Ok(false));
    assert_eq!(subscribes(&request(ParameterChoice::BoolParam(true))), Ok(true));
    refused(subscribes(&request(ParameterChoice::StringParam("true".into()))), "true or false");
    let output = |name: &str, choice| InferRequestedOutputTensor {
        name: "ensemble".to_owned(),
        parameters: HashMap::from([(name.to_owned(), parameter(choice))]),
    };
    let read = |name: &str, choice| wanted(vec![output(name, choice)]).map(|wanted| wanted[0].classification);
    assert_eq!(read("other", ParameterChoice::BoolParam(true)), Ok(None));
    assert_eq!(read(CLASSIFICATION, ParameterChoice::Int64Param(3)), Ok(Some(3)));
    assert_eq!(read(CLASSIFICATION, ParameterChoice::Int64Param(-3)), Ok(Some(0)), "refused with the others");
    refused(read(CLASSIFICATION, ParameterChoice::DoubleParam(3.0)), "whole number");
    let shared = read(SHARED_MEMORY, ParameterChoice::StringParam("region".into())).expect_err("refused");
    assert_eq!(shared.reason, Reason::Unsupported);
    let mut input = symbols(&[b"A"]);
    input
        .parameters
        .insert(SHARED_MEMORY.to_owned(), parameter(ParameterChoice::StringParam("region".into())));
    assert_eq!(self::read(vec![input], vec![]).expect_err("refused").reason, Reason::Unsupported);
}
