//! A version's way through the stages: walked over both faces and the command line, and told the same by all three.

use std::process::Command;

use proto::v1;
use serde_json::{Value, json};
use store::{Alias, Home, How};

use crate::access::key;
use crate::binaries;
use crate::harness::{Server, exchange, http, publish};

/// What the command line says to someone with this key.
fn klinecast(server: &Server, key: &str, words: &[&str]) -> String {
    let output = Command::new(binaries::binary("klinecast", "klinecast"))
        .env_clear()
        .env("KLINECAST_API_KEY", key)
        .args(["--server", &server.grpc, "--timeout", "60"])
        .args(words)
        .output()
        .expect("the client runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).expect("a text")
}

async fn rest(request: reqwest::RequestBuilder, key: &str) -> Value {
    let answer = request.header("x-api-key", key).send().await.expect("an answer");
    let (status, body) = (answer.status(), answer.json::<Value>().await.expect("JSON"));
    assert!(status.is_success(), "{status}: {body}");
    body
}

/// The model's steps, without the times that the server's clock gave.
fn steps(models: &Value, version: u64) -> Vec<Value> {
    let listed = models["models"].as_array().expect("a list");
    let model = listed.iter().find(|model| model["version"] == version).expect("the version");
    let mut steps = model["steps"].as_array().expect("steps").clone();
    assert_eq!(steps.last().map(|step| &step["stage"]), Some(&model["stage"]));
    for step in &mut steps {
        assert!(step["since"].is_string(), "{step}");
        step.as_object_mut().expect("an object").remove("since");
    }
    steps
}

fn step(stage: &str, champion: bool, (cause, by, how): (&str, Option<&str>, Option<&str>)) -> Value {
    json!({
        "stage": stage, "champion": champion, "cause": cause, "by": by, "how": how,
        "replaced": [], "replaced_by": null,
    })
}

fn in_place_of(version: u64, mut step: Value) -> Value {
    step["replaced"] = json!([version]);
    step
}

fn gave_way_to(version: u64, champion: bool) -> Value {
    let how = format!("version {version} took its place");
    let mut step = step("archived", champion, ("succession", None, Some(&how)));
    step["replaced_by"] = version.into();
    step
}

fn wire_step(step: &v1::StageStep) -> Value {
    let name = |name: &str, prefix: &str| name.trim_start_matches(prefix).to_lowercase();
    let named = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    json!({
        "stage": name(step.stage().as_str_name(), "STAGE_"),
        "champion": step.champion,
        "cause": name(step.cause().as_str_name(), "STAGE_CAUSE_"),
        "by": named(&step.by),
        "how": named(&step.how),
        "replaced": step.replaced_versions,
        "replaced_by": Some(step.replaced_by_version).filter(|version| *version > 0),
    })
}

/// To staging over REST, to production over gRPC, back by the command line.
async fn walk(server: &Server, ops: &str) {
    let staging = json!({ "version": 2, "stage": "staging" }).to_string();
    let url = format!("{}/models/promote", server.http);
    let staged = rest(http().post(url).body(staging), ops).await;
    assert_eq!((&staged["stage"], &staged["steps"][1]["by"]), (&json!("staging"), &json!("ops")), "{staged}");
    let mut promote = tonic::Request::new(v1::PromoteModelRequest {
        version: 2,
        stage: v1::Stage::Production.into(),
        ..Default::default()
    });
    promote.metadata_mut().insert("x-api-key", ops.parse().expect("a header"));
    let promoted = server.models().promote_model(promote).await.expect("promoted").into_inner().model;
    assert!(promoted.is_some_and(|model| model.serving && model.steps.len() == 3));
    assert!(klinecast(server, ops, &["rollback"]).contains("model 1 "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_through_the_stages_is_told_by_both_faces_and_the_command_line() {
    let exchange = exchange().await;
    let folder = tempfile::tempdir().expect("a folder");
    for seed in 1..=3 {
        publish(folder.path(), seed);
    }
    let home = Home::open(folder.path()).expect("it opens");
    home.registry().crown(1, None, &How::Gates(16).by(Some("ann@lab")), 1_000).expect("crowned");
    let file = folder.path().join("keys.toml");
    let ops = key(&file, "ops", "admin", "");
    let file_flag = file.to_str().expect("a path").to_owned();
    let server = Server::start_watchful(&exchange, folder.path(), &["--access-keys-file", &file_flag]).await;
    server.serves().await;

    walk(&server, &ops).await;
    // By the alias alone, past the server: the stage stays.
    home.registry().set_alias(Alias::Champion, 3, 9_000).expect("set");

    let listed = rest(http().get(format!("{}/models", server.http)), &ops).await;
    let command = Some("asked for, not judged (by ops)");
    let first = [
        step("none", false, ("registration", None, None)),
        step("production", true, ("gates", Some("ann@lab"), Some("passed 16 gates (by ann@lab)"))),
        gave_way_to(2, false),
        in_place_of(
            2,
            step("production", true, ("rollback", Some("ops"), Some("rolled back from version 2 (by ops)"))),
        ),
    ];
    let second = [
        step("none", false, ("registration", None, None)),
        step("staging", false, ("command", Some("ops"), command)),
        in_place_of(1, step("production", true, ("command", Some("ops"), command))),
        gave_way_to(1, false),
    ];
    assert_eq!(steps(&listed, 1), first, "{listed}");
    assert_eq!(steps(&listed, 2), second, "{listed}");
    let third = steps(&listed, 3);
    assert_eq!((third.len(), &third[1]["stage"], &third[1]["champion"]), (2, &json!("none"), &json!(true)));
    assert_eq!(third[1]["cause"], Value::Null, "nothing was noted with it");

    let told: Value =
        serde_json::from_str(&klinecast(&server, &ops, &["models", "--json"])).expect("one document");
    for (place, model) in listed["models"].as_array().expect("a list").iter().enumerate() {
        assert_eq!(told["models"][place]["steps"], model["steps"], "the command line's words are REST's");
    }
    let mut list = tonic::Request::new(v1::ListModelsRequest {});
    list.metadata_mut().insert("x-api-key", ops.parse().expect("a header"));
    let wire = server.models().list_models(list).await.expect("a list").into_inner();
    let of_second = wire.models.iter().find(|model| model.version == 2).expect("the second");
    assert_eq!(of_second.steps.iter().map(wire_step).collect::<Vec<_>>(), second);
    let since = of_second.steps.iter().map(|step| step.at_ms.expect("a time")).collect::<Vec<_>>();
    assert!(since.is_sorted() && since[0] == 0 && since[1] > 1_000_000, "{since:?}");

    let table = klinecast(&server, &ops, &["models"]);
    for expected in ["rolled back from version 2 (by ops), in place of 2", "passed 16 gates (by ann@lab)"] {
        assert!(table.contains(expected), "{table}");
    }
    assert_eq!(table.matches("registered").count(), 3, "{table}");
}
