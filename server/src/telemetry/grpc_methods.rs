//! The gRPC methods that this server has, from the descriptors of its contracts.

use prost::Message;
use prost_types::FileDescriptorSet;

/// One method.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GrpcMethod {
    /// `/package.Service/Method`.
    path: String,
    /// Whether its answers are a stream.
    pub(super) is_stream: bool,
}

impl GrpcMethod {
    /// `package.Service/Method`.
    pub(super) fn name(&self) -> &str {
        self.path.trim_start_matches('/')
    }
}

/// Every method, in the order of the contracts: the one that is called most stands early.
#[derive(Debug, Default)]
pub(super) struct GrpcMethods(Vec<GrpcMethod>);

impl GrpcMethods {
    pub(super) fn read() -> Self {
        let own = methods(proto::FILE_DESCRIPTOR_SET);
        let (first, others): (Vec<_>, Vec<_>) =
            own.into_iter().partition(|method| method.path.contains(".PredictionService/"));
        let health = methods(tonic_health::pb::FILE_DESCRIPTOR_SET);
        let reflection = methods(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET);
        let alpha = methods(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET);
        Self(first.into_iter().chain(others).chain(health).chain(reflection).chain(alpha).collect())
    }

    /// The place of the method with this path.
    pub(super) fn find(&self, path: &str) -> Option<usize> {
        self.0.iter().position(|method| method.path == path)
    }

    pub(super) fn get(&self, place: usize) -> Option<&GrpcMethod> {
        self.0.get(place)
    }
}

fn methods(descriptors: &[u8]) -> Vec<GrpcMethod> {
    // They are part of the program; if they could not be read, reflection would refuse to start.
    let files = FileDescriptorSet::decode(descriptors).unwrap_or_default().file;
    let services = files.iter().flat_map(|file| file.service.iter().map(move |service| (file, service)));
    let methods = services.flat_map(|(file, service)| {
        service.method.iter().map(move |method| GrpcMethod {
            path: format!("/{}.{}/{}", file.package(), service.name(), method.name()),
            is_stream: method.server_streaming(),
        })
    });
    methods.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_contract_is_there() {
        let methods = GrpcMethods::read();
        let stream =
            |path: &str| methods.find(path).and_then(|place| methods.get(place)).map(|m| m.is_stream);
        assert_eq!(methods.find("/klinecast.v1.PredictionService/Predict"), Some(0));
        assert_eq!(stream("/klinecast.v1.PredictionService/Subscribe"), Some(true));
        assert_eq!(stream("/klinecast.v1.JournalService/VerifyJournal"), Some(true));
        assert_eq!(stream("/klinecast.v1.StatusService/GetStatus"), Some(false));
        assert_eq!(stream("/grpc.health.v1.Health/Check"), Some(false));
        assert_eq!(stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"), Some(true));
        assert_eq!(stream("/klinecast.v1.PredictionService/Nothing"), None);
        assert_eq!(methods.get(0).map(GrpcMethod::name), Some("klinecast.v1.PredictionService/Predict"));
    }
}
