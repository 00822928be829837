//! The Open Inference Protocol: the stock client, and what it does not ask.

use std::path::{Path, PathBuf};

use forecast::testkit::{stacking, tiny_bundle};
use kline::Interval;
use proto::inference as wire;
use proto::inference::grpc_inference_service_client::GrpcInferenceServiceClient;
use proto::inference::model_infer_request::InferInputTensor;
use proto::model_repository::model_repository_service_client::ModelRepositoryServiceClient;
use proto::v1;
use serde_json::Value;
use store::Home;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use tonic::transport::Channel;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_types::StatusExt;

use crate::harness::{PATIENCE, Server, exchange, symbols};

/// Publishes a bundle with stacks, so that its ensembles are no means, and makes it the champion.
fn publish_stacked(home: &Path, seed: u64) -> (u32, String) {
    let home = Home::open(home).expect("the home opens");
    let mut builder = tiny_bundle(seed, &symbols(), Interval::M15);
    builder.stacking = stacking(seed);
    let bundle = builder.build().expect("the bundle holds");
    let digest = home.objects().put_bundle(&bundle).expect("kept");
    let model = home.registry().register(digest, &Default::default(), 0).expect("registered");
    store::promote(home.registry(), model.version, store::Stage::Production, 0).expect("promoted");
    (model.version, digest.to_string())
}

/// The Python that has the stock client.
fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/oip-client/bin/python");
    assert!(python.exists(), "{} is missing: run scripts/setup tests", python.display());
    python
}

fn address(url: &str) -> &str {
    url.strip_prefix("http://").expect("an address without TLS")
}

fn client(server: &Server) -> GrpcInferenceServiceClient<Channel> {
    GrpcInferenceServiceClient::new(server.channel())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stock_client_works_and_hears_the_bits_of_the_rest_routes() {
    let exchange = exchange().await;
    let home = tempfile::tempdir().expect("a folder");
    let (version, digest) = publish_stacked(home.path(), 1);
    let server = Server::start(&exchange, home.path()).await;
    server.serves().await;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/system/oip_client.py");
    let running = tokio::process::Command::new(python())
        .arg(script)
        .args([address(&server.grpc), address(&server.http), &version.to_string(), &digest])
        .env_remove("http_proxy")
        .env("no_proxy", "127.0.0.1")
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(4 * PATIENCE, running).await.expect("in time").expect("Python starts");
    let (told, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("held"), "{told}\n{errors}\n{}", server.log());

    let page = server.metrics_page().await;
    for method in ["ModelInfer\"", "ModelStreamInfer\"", "RepositoryModelLoad\""] {
        assert!(page.contains(&format!("grpc_method=\"{method}")), "{method} is not counted by name");
    }
    nobody_subscribes_any_more(&server).await;
    rows_of_the_server_have_the_bits_of_its_predictions(&server).await;
    the_protocols_own_refusals(&server).await;
    reflection_lists_the_services(&server).await;
    bodies_that_lie(&server).await;
    a_swap_changes_the_version(&server, home.path()).await;
    a_stream_ends_with_the_server(server).await;
}

/// The stock client has ended its stream: its subscription goes with it.
async fn nobody_subscribes_any_more(server: &Server) {
    let began = std::time::Instant::now();
    loop {
        let status =
            server.statuses().get_status(v1::GetStatusRequest {}).await.expect("a status").into_inner();
        if status.subscriber_count == 0 {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{} subscriptions are open", status.subscriber_count);
    }
}

fn tensor(name: &str, shape: &[i64], numbers: Vec<f64>) -> InferInputTensor {
    let contents = Some(wire::InferTensorContents { fp64_contents: numbers, ..Default::default() });
    InferInputTensor {
        name: name.to_owned(),
        datatype: "FP64".to_owned(),
        shape: shape.to_vec(),
        contents,
        ..Default::default()
    }
}

fn symbol(name: &str) -> InferInputTensor {
    let contents = Some(wire::InferTensorContents {
        bytes_contents: vec![name.as_bytes().to_vec()],
        ..Default::default()
    });
    InferInputTensor {
        name: "symbol".to_owned(),
        datatype: "BYTES".to_owned(),
        shape: vec![1],
        contents,
        ..Default::default()
    }
}

fn request(model: &str, inputs: Vec<InferInputTensor>) -> wire::ModelInferRequest {
    wire::ModelInferRequest { model_name: model.to_owned(), inputs, ..Default::default() }
}

/// Typed contents over gRPC: a row of `GetFeatures` is answered what `Predict` says about the same row.
async fn rows_of_the_server_have_the_bits_of_its_predictions(server: &Server) {
    let (row, prediction) = loop {
        let request = v1::GetFeaturesRequest { symbol: "ETHUSDT".into(), ..Default::default() };
        let row = server.predictions().get_features(request).await.expect("a row").into_inner();
        let request = v1::PredictRequest { symbol: "ETHUSDT".into(), ..Default::default() };
        let said = server.predictions().predict(request).await.expect("an answer").into_inner();
        let said = said.prediction.expect("a prediction");
        if said.row_hash == row.row_hash {
            break (row, said);
        }
    };
    let values: Vec<f64> = row.features.iter().map(|feature| feature.value).collect();
    let width = i64::try_from(values.len()).expect("small");
    assert_eq!(row.regime_cuts.len(), 2, "the history is long enough");
    let inputs =
        vec![tensor("features", &[1, width], values), tensor("regime_cuts", &[1, 2], row.regime_cuts)];
    let answer = client(server).model_infer(request("all", inputs)).await.expect("an answer").into_inner();
    assert!(answer.raw_output_contents.is_empty(), "typed as it was asked");
    for task in &prediction.tasks {
        for (member, said) in
            [("ensemble", &task.ensemble), ("lightgbm", &task.lightgbm), ("xgboost", &task.xgboost)]
        {
            let name = format!("{}.{member}", task.task);
            let output = answer.outputs.iter().find(|output| output.name == name).expect("an output");
            let numbers = &output.contents.as_ref().expect("contents").fp64_contents;
            let said = match said.as_ref().and_then(|said| said.answer.as_ref()).expect("an answer") {
                v1::answer::Answer::Value(value) => vec![*value],
                v1::answer::Answer::Classes(classes) => classes.probabilities.clone(),
            };
            let bits = |list: &[f64]| list.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(numbers), bits(&said), "{name}");
        }
    }
}

async fn the_protocols_own_refusals(server: &Server) {
    let refused = client(server).model_infer(request("nothing", vec![])).await.expect_err("no model");
    assert_eq!(refused.code(), Code::NotFound);
    let info = refused.get_error_details().error_info().expect("a reason").clone();
    assert_eq!(info.reason, "UNKNOWN_MODEL");
    let refused = client(server).log_settings(wire::LogSettingsRequest {}).await.expect_err("not offered");
    assert!(refused.code() == Code::Unimplemented && refused.message().contains("LogSettings"), "{refused}");
    for (path, status) in [("/v2/nothing", 404), ("/v2/models/nothing", 404), ("/v2/models/all/infer", 405)] {
        let (found, body) = get(server, path).await;
        assert_eq!(found, status, "{path}");
        assert!(body["error"].is_string() && body.as_object().is_some_and(|body| body.len() == 1), "{body}");
    }
    let mut repository = ModelRepositoryServiceClient::new(server.channel());
    let index = proto::model_repository::RepositoryIndexRequest { ready: true, ..Default::default() };
    let models = repository.repository_index(index).await.expect("an index").into_inner().models;
    assert_eq!(models.len(), 8);
    let unload = proto::model_repository::RepositoryModelUnloadRequest {
        model_name: "all".into(),
        ..Default::default()
    };
    let refused = repository.repository_model_unload(unload).await.expect_err("it stays");
    assert_eq!(refused.code(), Code::Unimplemented);
}

async fn reflection_lists_the_services(server: &Server) {
    let every = MessageRequest::ListServices(String::new());
    let request = ServerReflectionRequest { host: String::new(), message_request: Some(every) };
    let mut reflection = ServerReflectionClient::new(server.channel());
    let answers = reflection.server_reflection_info(futures::stream::iter([request])).await;
    let answer = answers.expect("a stream").into_inner().message().await.expect("no error").expect("a list");
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("no list")
    };
    let names: Vec<&str> = list.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["inference.GRPCInferenceService", "inference.model_repository.ModelRepositoryService"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
}

async fn get(server: &Server, path: &str) -> (u16, Value) {
    let response = plain().get(format!("{}{path}", server.http)).send().await.expect("an answer");
    (response.status().as_u16(), response.json().await.expect("JSON"))
}

fn plain() -> reqwest::Client {
    // An error says that it was done before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().expect("a client")
}

/// Over the real wire: lengths that lie, bodies that are too long, encodings that are not read.
async fn bodies_that_lie(server: &Server) {
    let url = format!("{}/v2/models/all/infer", server.http);
    let body = r#"{"inputs":[{"name":"symbol","datatype":"BYTES","shape":[1],"data":["BTCUSDT"]}]}"#;
    let post = async |header: Option<(&str, &str)>, body: Vec<u8>| {
        let mut request = plain().post(&url).body(body);
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let response = request.send().await.expect("an answer");
        let status = response.status().as_u16();
        let told: Value = response.json().await.expect("JSON");
        (status, told["error"].as_str().unwrap_or_default().to_owned())
    };
    let length = "inference-header-content-length";
    assert_eq!(post(None, body.into()).await.0, 200);
    assert_eq!(post(Some((length, &body.len().to_string())), body.into()).await.0, 200);
    for lie in ["-1", "x", "1000000", "18446744073709551616", "3"] {
        let (status, error) = post(Some((length, lie)), body.into()).await;
        assert!(status == 400 && error.starts_with("MALFORMED_REQUEST"), "{lie}: {status} {error}");
    }
    let told = announce(server, 7 * 1024 * 1024).await;
    assert!(told.starts_with("HTTP/1.1 413") && told.contains("{\"error\":\"REQUEST_TOO_LARGE"), "{told}");
    let (status, error) = post(Some(("content-encoding", "gzip")), body.into()).await;
    assert!(status == 400 && error.starts_with("MALFORMED_REQUEST"), "{status} {error}");
    let (status, error) = post(Some(("content-encoding", "br")), body.into()).await;
    assert!(status == 415 && error.starts_with("UNSUPPORTED_MEDIA_TYPE"), "{status} {error}");
    let long = tensor("features", &[1, 1], vec![0.0; 300_000]);
    let refused = client(server).model_infer(request("all", vec![long])).await.expect_err("too long");
    assert_eq!(refused.code(), Code::OutOfRange, "more than a message may have: {refused}");
    // The server answers as before.
    assert_eq!(post(None, body.into()).await.0, 200);
}

/// What is answered to a body that is announced and never sent.
async fn announce(server: &Server, length: usize) -> String {
    let mut line = tokio::net::TcpStream::connect(address(&server.http)).await.expect("a connection");
    let head = format!(
        "POST /v2/models/all/infer HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.expect("written");
    let mut told = String::new();
    tokio::time::timeout(PATIENCE, line.read_to_string(&mut told)).await.expect("in time").expect("read");
    told
}

async fn a_swap_changes_the_version(server: &Server, home: &Path) {
    let (version, digest) = publish_stacked(home, 2);
    let load = wire::RepositoryModelLoadRequest { model_name: "all".into(), ..Default::default() };
    client(server).repository_model_load(load).await.expect("loaded");
    let answer = client(server).model_infer(request("return_1step", vec![symbol("BTCUSDT")])).await;
    let answer = answer.expect("an answer").into_inner();
    assert_eq!(answer.model_version, version.to_string());
    let bundle = answer.outputs.iter().find(|output| output.name == "bundle").expect("an output");
    assert_eq!(bundle.contents.as_ref().expect("contents").bytes_contents[0], digest.as_bytes());
    let old = wire::ModelInferRequest {
        model_version: "1".into(),
        ..request("return_1step", vec![symbol("BTCUSDT")])
    };
    let refused = client(server).model_infer(old).await.expect_err("does not answer any more");
    assert_eq!(refused.code(), Code::NotFound);
}

async fn a_stream_ends_with_the_server(server: Server) {
    let subscribe = wire::InferParameter {
        parameter_choice: Some(wire::infer_parameter::ParameterChoice::BoolParam(true)),
    };
    let asked = wire::ModelInferRequest {
        parameters: [("subscribe".to_owned(), subscribe)].into(),
        ..request("return_1step", vec![symbol("BTCUSDT")])
    };
    // Never ends by itself.
    let requests = futures::StreamExt::chain(futures::stream::iter([asked]), futures::stream::pending());
    let mut stream = client(&server).model_stream_infer(requests).await.expect("a stream").into_inner();
    let first = stream.message().await.expect("no error").expect("the latest");
    assert!(first.error_message.is_empty() && first.infer_response.is_some());
    let (status, _, log) = server.terminate().await;
    assert!(status.success(), "{log}");
    let ended = loop {
        match tokio::time::timeout(PATIENCE, stream.message()).await.expect("in time") {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the stream ended without saying why"),
            Err(status) => break status,
        }
    };
    assert_eq!(ended.code(), Code::Unavailable);
}
