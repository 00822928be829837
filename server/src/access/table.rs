//! The one table of who may do what: a line for every gRPC method and every HTTP route. What is not in it needs an admin.

use super::Role;

/// What a method or route asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// Anyone may call it, as often as they like: it says only whether the server lives.
    Open,
    /// It is in no table: only an admin may hear that there is no such thing, or what is there that the table forgot.
    Unlisted,
    /// Only who has this role or a stronger one.
    Role(Role),
}

const OPEN: Need = Need::Open;
const READER: Need = Need::Role(Role::Reader);
const OPERATOR: Need = Need::Role(Role::Operator);
const ADMIN: Need = Need::Role(Role::Admin);

/// Every gRPC method by its path. The one that is called most stands first.
#[rustfmt::skip]
pub const METHODS: [(&str, Need); 45] = [
    ("/klinecast.v1.PredictionService/Predict", READER),
    ("/klinecast.v1.PredictionService/PredictBatch", READER),
    ("/klinecast.v1.PredictionService/PredictAsOf", READER),
    ("/klinecast.v1.PredictionService/ListPredictions", READER),
    ("/klinecast.v1.PredictionService/Subscribe", READER),
    ("/klinecast.v1.PredictionService/GetFeatures", READER),
    ("/klinecast.v1.ModelService/ListTasks", READER),
    ("/klinecast.v1.ModelService/ListModels", READER),
    ("/klinecast.v1.ModelService/ReloadModels", OPERATOR),
    ("/klinecast.v1.ModelService/PromoteModel", ADMIN),
    ("/klinecast.v1.ModelService/RollBackModel", ADMIN),
    ("/klinecast.v1.StatusService/GetStatus", READER),
    ("/klinecast.v1.StatusService/GetScorecard", READER),
    ("/klinecast.v1.JournalService/VerifyJournal", OPERATOR),
    ("/klinecast.v1.JournalService/ReplayPrediction", OPERATOR),
    ("/klinecast.v1.MarketService/ListGaps", READER),
    ("/klinecast.v1.MarketService/FollowSymbols", ADMIN),
    ("/grpc.health.v1.Health/Check", OPEN),
    ("/grpc.health.v1.Health/List", OPEN),
    ("/grpc.health.v1.Health/Watch", OPEN),
    ("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", READER),
    ("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", READER),
    ("/inference.GRPCInferenceService/ServerLive", OPEN),
    ("/inference.GRPCInferenceService/ServerReady", OPEN),
    ("/inference.GRPCInferenceService/ModelReady", READER),
    ("/inference.GRPCInferenceService/ServerMetadata", READER),
    ("/inference.GRPCInferenceService/ModelMetadata", READER),
    ("/inference.GRPCInferenceService/ModelInfer", READER),
    ("/inference.GRPCInferenceService/ModelStreamInfer", READER),
    ("/inference.GRPCInferenceService/ModelConfig", READER),
    ("/inference.GRPCInferenceService/ModelStatistics", READER),
    ("/inference.GRPCInferenceService/RepositoryIndex", READER),
    ("/inference.GRPCInferenceService/RepositoryModelLoad", ADMIN),
    ("/inference.GRPCInferenceService/RepositoryModelUnload", ADMIN),
    ("/inference.model_repository.ModelRepositoryService/RepositoryIndex", READER),
    ("/inference.model_repository.ModelRepositoryService/RepositoryModelLoad", ADMIN),
    ("/inference.model_repository.ModelRepositoryService/RepositoryModelUnload", ADMIN),
    ("/inference.GRPCInferenceService/SystemSharedMemoryStatus", ADMIN),
    ("/inference.GRPCInferenceService/SystemSharedMemoryRegister", ADMIN),
    ("/inference.GRPCInferenceService/SystemSharedMemoryUnregister", ADMIN),
    ("/inference.GRPCInferenceService/CudaSharedMemoryStatus", ADMIN),
    ("/inference.GRPCInferenceService/CudaSharedMemoryRegister", ADMIN),
    ("/inference.GRPCInferenceService/CudaSharedMemoryUnregister", ADMIN),
    ("/inference.GRPCInferenceService/TraceSetting", ADMIN),
    ("/inference.GRPCInferenceService/LogSettings", ADMIN),
];

/// Every HTTP route by its method and pattern, each also under `/v1`; what stands between braces has any name.
#[rustfmt::skip]
pub const ROUTES: [(&str, &str, Need); 41] = [
    ("GET", "/health", OPEN),
    ("GET", "/health/live", OPEN),
    ("GET", "/health/ready", OPEN),
    ("GET", "/health/startup", OPEN),
    ("GET", "/openapi.json", OPEN),
    ("GET", "/docs", OPEN),
    ("GET", "/tasks", READER),
    ("GET", "/models", READER),
    ("POST", "/predict/{symbol}", READER),
    ("POST", "/predict/batch", READER),
    ("GET", "/predict/{symbol}/task/{task}", READER),
    ("POST", "/models/reload", OPERATOR),
    ("POST", "/models/promote", ADMIN),
    ("POST", "/models/rollback", ADMIN),
    ("GET", "/features/{symbol}", READER),
    ("GET", "/predictions", READER),
    ("GET", "/predictions/{symbol}/at/{time}", READER),
    ("GET", "/stream", READER),
    ("GET", "/ws", READER),
    ("POST", "/symbols", ADMIN),
    ("GET", "/gaps", READER),
    ("GET", "/scorecard", READER),
    ("GET", "/journal/verify", OPERATOR),
    ("GET", "/journal/{id}/replay", OPERATOR),
    ("GET", "/v2", READER),
    ("GET", "/v2/health/live", OPEN),
    ("GET", "/v2/health/ready", OPEN),
    ("GET", "/v2/models/stats", READER),
    ("GET", "/v2/models/{model}", READER),
    ("GET", "/v2/models/{model}/ready", READER),
    ("GET", "/v2/models/{model}/config", READER),
    ("GET", "/v2/models/{model}/stats", READER),
    ("POST", "/v2/models/{model}/infer", READER),
    ("GET", "/v2/models/{model}/versions/{version}", READER),
    ("GET", "/v2/models/{model}/versions/{version}/ready", READER),
    ("GET", "/v2/models/{model}/versions/{version}/config", READER),
    ("GET", "/v2/models/{model}/versions/{version}/stats", READER),
    ("POST", "/v2/models/{model}/versions/{version}/infer", READER),
    ("POST", "/v2/repository/index", READER),
    ("POST", "/v2/repository/models/{model}/load", ADMIN),
    ("POST", "/v2/repository/models/{model}/unload", ADMIN),
];

impl Need {
    /// The role that it takes; `None` when it takes none.
    #[must_use]
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Open => None,
            Self::Unlisted => Some(Role::Admin),
            Self::Role(role) => Some(role),
        }
    }

    /// Whether calls are written down: those that only operators and admins may make.
    #[must_use]
    pub fn is_audited(self) -> bool {
        matches!(self, Self::Role(Role::Operator | Role::Admin))
    }
}

/// What a gRPC method asks for.
#[must_use]
pub fn method_need(path: &str) -> Need {
    METHODS.iter().find(|(known, _)| *known == path).map_or(Need::Unlisted, |(_, need)| *need)
}

/// The gRPC method of this path, if there is one.
#[must_use]
pub fn method(path: &str) -> Option<&'static str> {
    METHODS.iter().find(|(known, _)| *known == path).map(|(known, _)| *known)
}

/// What an HTTP route asks for: the method, and the pattern that the router has matched, if it has matched one.
#[must_use]
pub fn route_need(method: &str, pattern: Option<&str>) -> Need {
    let Some(pattern) = pattern else { return Need::Unlisted };
    // Which methods a route takes is no secret.
    if method == "OPTIONS" {
        return Need::Open;
    }
    let bare = pattern.strip_prefix("/v1").filter(|rest| rest.starts_with('/')).unwrap_or(pattern);
    // The router answers HEAD by what answers GET.
    let method = if method == "HEAD" { "GET" } else { method };
    let known = ROUTES.iter().find(|(asked, known, _)| *asked == method && alike(known, bare));
    known.map_or(Need::Unlisted, |(_, _, need)| *need)
}

/// Whether two patterns are the same but for the names of what varies.
fn alike(a: &str, b: &str) -> bool {
    let (mut a, mut b) = (a.split('/'), b.split('/'));
    loop {
        match (a.next(), b.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if a == b || (a.starts_with('{') && b.starts_with('{')) => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;
    use prost_types::FileDescriptorSet;

    use super::*;

    #[test]
    fn every_method_of_every_proto_file_has_its_line() {
        let listed: BTreeSet<_> = METHODS.iter().map(|(path, _)| *path).collect();
        assert_eq!(listed.len(), METHODS.len(), "a method stands twice");
        let sets = [
            proto::FILE_DESCRIPTOR_SET,
            proto::INFERENCE_FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
        ];
        for set in sets {
            let set = FileDescriptorSet::decode(set).expect("descriptors");
            for file in &set.file {
                for service in &file.service {
                    for method in &service.method {
                        let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                        assert!(listed.contains(path.as_str()), "{path} has no line");
                    }
                }
            }
        }
    }

    #[test]
    fn every_route_has_its_line_and_every_line_of_ours_its_route() {
        let routes = crate::rest::ROUTES.iter().chain(&crate::rest::INFERENCE_ROUTES);
        for &(method, pattern) in routes.clone() {
            let listed = ROUTES.iter().any(|(asked, known, _)| *asked == method && alike(known, pattern));
            assert!(listed, "{method} {pattern} has no line");
        }
        for (method, pattern, _) in &ROUTES {
            assert!(
                routes.clone().any(|route| route == &(*method, *pattern)),
                "{method} {pattern} is no route"
            );
        }
    }

    #[test]
    fn what_is_not_listed_needs_an_admin() {
        for path in
            ["", "/", "/klinecast.v1.PredictionService/predict", "//klinecast.v1.ModelService/ListModels"]
        {
            assert_eq!(method_need(path), Need::Unlisted, "{path}");
        }
        assert_eq!(route_need("GET", None), Need::Unlisted);
        assert_eq!(route_need("DELETE", Some("/models")), Need::Unlisted);
        assert_eq!(route_need("GET", Some("/v1/journal/verify")), OPERATOR);
        assert_eq!(route_need("HEAD", Some("/v1/health")), OPEN);
        assert_eq!(route_need("GET", Some("/features/{pair}")), READER);
        assert_eq!(route_need("POST", Some("/predict/batch")), READER);
    }

    #[test]
    fn what_changes_the_server_needs_an_admin_on_both_faces() {
        let faces = [
            ("/klinecast.v1.ModelService/PromoteModel", ("POST", "/models/promote"), ADMIN),
            ("/klinecast.v1.MarketService/FollowSymbols", ("POST", "/symbols"), ADMIN),
            ("/klinecast.v1.ModelService/ReloadModels", ("POST", "/models/reload"), OPERATOR),
            ("/klinecast.v1.JournalService/VerifyJournal", ("GET", "/journal/verify"), OPERATOR),
            ("/klinecast.v1.PredictionService/Predict", ("POST", "/predict/{symbol}"), READER),
        ];
        for (path, (method, pattern), need) in faces {
            assert_eq!((method_need(path), route_need(method, Some(pattern))), (need, need), "{path}");
        }
    }
}
