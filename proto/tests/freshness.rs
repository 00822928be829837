//! The committed code is what the `.proto` files say. Regenerate it with
//! `KLINECAST_REGENERATE=1 cargo test -p proto`.

use std::fs;
use std::path::{Path, PathBuf};

use protox::prost::Message;

const PROTOS: [&str; 6] = [
    "klinecast/v1/common.proto",
    "klinecast/v1/prediction.proto",
    "klinecast/v1/models.proto",
    "klinecast/v1/status.proto",
    "klinecast/v1/journal.proto",
    "klinecast/v1/market.proto",
];

/// The Open Inference Protocol: others' names and numbers, so that stock clients work.
const INFERENCE_PROTOS: [&str; 3] =
    ["inference/model_config.proto", "inference/grpc_service.proto", "inference/model_repository.proto"];

const GENERATED: [&str; 5] =
    ["klinecast.v1.rs", "klinecast.v1.bin", "inference.rs", "inference.model_repository.rs", "inference.bin"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn generate(into: &Path) {
    for (protos, descriptors) in [(&PROTOS[..], "klinecast.v1.bin"), (&INFERENCE_PROTOS[..], "inference.bin")]
    {
        let set = protox::compile(protos, [root()]).expect("the .proto files compile");
        fs::write(into.join(descriptors), set.encode_to_vec()).expect("the folder can be written");
        tonic_prost_build::configure().out_dir(into).compile_fds(set).expect("the descriptors become code");
    }
}

#[test]
fn the_generated_code_is_what_the_proto_files_say() {
    let committed = root().join("src/generated");
    let fresh = tempfile::tempdir().expect("a temporary folder");
    generate(fresh.path());
    for name in GENERATED {
        let now = fs::read(fresh.path().join(name)).expect("it was generated");
        let before = fs::read(committed.join(name)).unwrap_or_default();
        if std::env::var_os("KLINECAST_REGENERATE").is_some() {
            fs::write(committed.join(name), now).expect("the folder can be written");
        } else {
            assert!(
                now == before,
                "proto/src/generated/{name} is stale: run KLINECAST_REGENERATE=1 cargo test -p proto, then commit"
            );
        }
    }
}

#[test]
fn every_proto_file_is_compiled() {
    for (folder, protos) in [("klinecast/v1", &PROTOS[..]), ("inference", &INFERENCE_PROTOS[..])] {
        let mut found: Vec<String> = fs::read_dir(root().join(folder))
            .expect("the folder is there")
            .map(|entry| format!("{folder}/{}", entry.expect("readable").file_name().to_string_lossy()))
            .collect();
        found.sort();
        let mut listed = protos.to_vec();
        listed.sort_unstable();
        assert_eq!(found, listed);
    }
}

/// Rules that keep the contract changeable: every field, message, call and value says what it is, zero of an enum is
/// UNSPECIFIED, and every call has a request and a response of its own.
#[test]
fn the_contract_keeps_its_rules() {
    let set = protox::compile(PROTOS, [root()]).expect("the .proto files compile");
    for file in &set.file {
        for value in &file.enum_type {
            assert!(value.value[0].name().ends_with("_UNSPECIFIED"), "{}", value.name());
        }
        for service in &file.service {
            for call in &service.method {
                assert!(call.input_type().ends_with(&format!(".{}Request", call.name())), "{}", call.name());
                assert!(
                    call.output_type().ends_with(&format!(".{}Response", call.name())),
                    "{}",
                    call.name()
                );
            }
        }
        let commented: Vec<&[i32]> = file
            .source_code_info
            .iter()
            .flat_map(|info| &info.location)
            .filter(|location| location.leading_comments.is_some())
            .map(|location| location.path.as_slice())
            .collect();
        for (m, message) in file.message_type.iter().enumerate() {
            for (f, field) in message.field.iter().enumerate() {
                let path = [4, i32::try_from(m).unwrap_or(-1), 2, i32::try_from(f).unwrap_or(-1)];
                let said = commented.contains(&path.as_slice());
                assert!(said, "{}.{} has no comment", message.name(), field.name());
            }
        }
    }
}
