//! `grpc.health.v1` for every service of the contract.

use prost::Message as _;
use prost_types::FileDescriptorSet;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;

use crate::harness::{PATIENCE, Server};

/// The services of the descriptors that the server reflects, and the whole.
fn services() -> Vec<String> {
    let sets = [proto::FILE_DESCRIPTOR_SET, proto::INFERENCE_FILE_DESCRIPTOR_SET];
    let sets = sets.map(|set| FileDescriptorSet::decode(set).expect("descriptors"));
    let files = sets.iter().flat_map(|set| &set.file);
    let named = files.flat_map(|file| {
        file.service.iter().map(move |service| format!("{}.{}", file.package(), service.name()))
    });
    named.chain([String::new()]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_service_has_its_health_and_hears_the_drain() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Server::start_alone(home.path(), &[]).await;
    let services = services();
    assert!(services.len() >= 8, "{services:?}");
    let mut watches = Vec::new();
    for service in &services {
        let request = HealthCheckRequest { service: service.clone() };
        let checked = server.health().check(request.clone()).await.expect("it is known").into_inner();
        let mut watch = server.health().watch(request).await.expect("watched").into_inner();
        let first = watch.message().await.expect("no error").expect("a state");
        assert_eq!(first.status(), checked.status(), "{service}");
        watches.push((service, watch, first.status()));
    }
    let begun: Vec<_> = watches.iter().map(|(service, _, status)| (service.as_str(), *status)).collect();
    assert!(begun.contains(&("klinecast.v1.MarketService", ServingStatus::Serving)), "{begun:?}");
    assert!(begun.contains(&("", ServingStatus::NotServing)), "{begun:?}");
    let ending = tokio::spawn(server.terminate());
    for (service, mut watch, mut last) in watches {
        while last != ServingStatus::NotServing {
            let next = tokio::time::timeout(PATIENCE, watch.message()).await.expect("in time");
            last = next.expect("no error").unwrap_or_else(|| panic!("{service} ends unheard")).status();
        }
    }
    ending.await.expect("it ends");
}
