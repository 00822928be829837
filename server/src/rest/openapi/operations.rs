//! What each route takes and answers, beside what holds for all.

use crate::reason::Reason;

/// One route.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operation {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    /// Its name in clients made from the document.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    /// Its query, by the keys of the parameters.
    pub(super) query: &'static [&'static str],
    /// The schema of its body, if it takes one.
    pub(super) body: Option<&'static str>,
    pub(super) answer: Answer,
    /// Why it may refuse, beside the reasons of all routes.
    pub(super) reasons: &'static [Reason],
}

/// What a route answers when all is well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// JSON of a schema.
    Json(&'static str),
    /// The same; or, with 503, when it does not hold.
    Probe(&'static str),
    /// Nothing.
    Empty,
    /// Events.
    Events,
    /// Another protocol.
    Websocket,
    /// A page.
    Html,
    /// It always refuses.
    Never,
}

use Answer::{Events, Html, Json, Probe, Websocket};

const fn get(path: &'static str, id: &'static str, summary: &'static str, answer: Answer) -> Operation {
    Operation { method: "GET", path, id, summary, query: &[], body: None, answer, reasons: &[] }
}

const fn post(path: &'static str, id: &'static str, summary: &'static str, answer: Answer) -> Operation {
    Operation { method: "POST", ..get(path, id, summary, answer) }
}

const ASKED: &[Reason] = &[
    Reason::UnknownSymbol,
    Reason::UnknownTask,
    Reason::TaskNotInBundle,
    Reason::SymbolNotInBundle,
    Reason::UnknownInterval,
    Reason::NoBundle,
    Reason::NotWarm,
    Reason::NotTraded,
    Reason::Draining,
];

const FRESH: &[Reason] = &[
    Reason::UnknownSymbol,
    Reason::UnknownTask,
    Reason::TaskNotInBundle,
    Reason::SymbolNotInBundle,
    Reason::UnknownInterval,
    Reason::NoBundle,
    Reason::NotWarm,
    Reason::NotFresh,
    Reason::NoNowcast,
    Reason::NotTraded,
    Reason::BundleRefused,
    Reason::StoreFailed,
    Reason::Busy,
    Reason::Draining,
];

const HISTORY: &[Reason] = &[
    Reason::UnknownSymbol,
    Reason::UnknownTask,
    Reason::UnknownInterval,
    Reason::RequestTooLarge,
    Reason::NoPrediction,
    Reason::Dropped,
    Reason::BundleRefused,
    Reason::StoreFailed,
    Reason::Busy,
    Reason::Draining,
];

const PROMOTED: &[Reason] = &[
    Reason::UnknownModel,
    Reason::NoChampion,
    Reason::NoPrevious,
    Reason::BundleRefused,
    Reason::NotWarm,
    Reason::StoreFailed,
    Reason::Busy,
    Reason::Draining,
];

const STREAMED: &[&str] = &["symbols", "tasks", "interval", "latest", "nowcasts", "delivery", "resume_token"];

/// The routes of [`super::super::ROUTES`].
pub(super) const OPERATIONS: [Operation; 24] = [
    get("/health", "getHealth", "Whether the server serves, and what it waits for", Probe("Health")),
    get("/health/live", "getLive", "Whether the process answers at all", Json("Status")),
    get("/health/ready", "getReady", "Whether predictions are answered", Probe("Status")),
    get("/health/startup", "getStartup", "Whether the history was taken in", Probe("Status")),
    get("/openapi.json", "getOpenApi", "This document", Json("OpenApi")),
    get("/docs", "getDocs", "This document as a page", Html),
    get("/tasks", "listTasks", "What can be predicted", Json("Tasks")),
    Operation {
        reasons: &[Reason::StoreFailed, Reason::Busy, Reason::Draining],
        ..get("/models", "listModels", "The models of the registry", Json("Models"))
    },
    Operation {
        body: Some("PredictRequest"),
        reasons: FRESH,
        ..post("/predict/{symbol}", "predict", "The latest prediction of a symbol", Json("Prediction"))
    },
    Operation {
        body: Some("PredictBatchRequest"),
        reasons: FRESH,
        ..post(
            "/predict/batch",
            "predictBatch",
            "The latest predictions of many symbols",
            Json("PredictBatchResponse"),
        )
    },
    Operation {
        query: &["interval", "names"],
        reasons: ASKED,
        ..get(
            "/predict/{symbol}/task/{task}",
            "predictTask",
            "The latest prediction of one task",
            Json("Prediction"),
        )
    },
    Operation {
        reasons: PROMOTED,
        ..post("/models/reload", "reloadModels", "Takes up the registry's champion", Json("Reloaded"))
    },
    Operation {
        body: Some("PromoteRequest"),
        reasons: PROMOTED,
        ..post("/models/promote", "promoteModel", "Gives a model a stage or an alias", Json("Model"))
    },
    Operation {
        reasons: PROMOTED,
        ..post(
            "/models/rollback",
            "rollBackModel",
            "Makes the champion before the champion again",
            Json("Model"),
        )
    },
    Operation {
        query: &["interval", "names"],
        reasons: &[
            Reason::UnknownSymbol,
            Reason::UnknownInterval,
            Reason::UnknownFeature,
            Reason::NotWarm,
            Reason::NotTraded,
            Reason::Draining,
        ],
        ..get("/features/{symbol}", "getFeatures", "The features of the latest bar", Json("Features"))
    },
    Operation {
        query: &[
            "symbols",
            "tasks",
            "interval",
            "from",
            "until",
            "all_revisions",
            "bundle",
            "outcomes",
            "page_size",
            "page_token",
        ],
        reasons: HISTORY,
        ..get("/predictions", "listPredictions", "What was predicted", Json("History"))
    },
    Operation {
        query: &["tasks", "interval", "first_revision", "explain_top"],
        reasons: HISTORY,
        ..get(
            "/predictions/{symbol}/at/{time}",
            "predictAsOf",
            "What was known at a time",
            Json("Prediction"),
        )
    },
    Operation {
        query: STREAMED,
        reasons: FRESH,
        ..get("/stream", "stream", "Predictions as they are made, as server-sent events", Events)
    },
    Operation {
        query: STREAMED,
        reasons: FRESH,
        ..get("/ws", "streamWebsocket", "Predictions as they are made, over a websocket", Websocket)
    },
    Operation {
        body: Some("SymbolsRequest"),
        reasons: &[
            Reason::NotTraded,
            Reason::ExchangeFailed,
            Reason::StoreFailed,
            Reason::Busy,
            Reason::Draining,
        ],
        ..post("/symbols", "followSymbols", "Follows symbols, or no longer", Json("Symbols"))
    },
    Operation {
        query: &["gap_symbol", "unfilled"],
        reasons: &[Reason::UnknownSymbol],
        ..get("/gaps", "listGaps", "Bars that are or were missing", Json("Gaps"))
    },
    Operation {
        query: &["window", "from", "until", "by", "score_symbols", "score_tasks", "bundle", "days"],
        reasons: &[
            Reason::UnknownSymbol,
            Reason::UnknownTask,
            Reason::RequestTooLarge,
            Reason::Dropped,
            Reason::Busy,
            Reason::Draining,
        ],
        ..get("/scorecard", "getScorecard", "How good the predictions were", Json("Scorecard"))
    },
    Operation {
        reasons: &[Reason::Busy, Reason::StoreFailed, Reason::Draining],
        ..get(
            "/journal/verify",
            "verifyJournal",
            "Whether the journal is as it was written",
            Json("Verification"),
        )
    },
    Operation {
        reasons: &[
            Reason::UnknownPrediction,
            Reason::AmbiguousPrediction,
            Reason::Dropped,
            Reason::BundleRefused,
            Reason::StoreFailed,
            Reason::Busy,
            Reason::Draining,
        ],
        ..get("/journal/{id}/replay", "replayPrediction", "Makes a prediction again", Json("Replay"))
    },
];

const OF_MODEL: &[Reason] = &[Reason::UnknownModel, Reason::Draining];

const INFERRED: &[Reason] = &[
    Reason::UnknownModel,
    Reason::UnknownSymbol,
    Reason::UnknownTask,
    Reason::TaskNotInBundle,
    Reason::SymbolNotInBundle,
    Reason::Unsupported,
    Reason::NoBundle,
    Reason::NotWarm,
    Reason::NotTraded,
    Reason::Busy,
    Reason::Draining,
];

const fn of_model(operation: Operation) -> Operation {
    Operation { reasons: OF_MODEL, ..operation }
}

const fn infer(path: &'static str, id: &'static str) -> Operation {
    let operation = post(path, id, "Asks a model", Json("InferResponse"));
    Operation { body: Some("InferRequest"), reasons: INFERRED, ..operation }
}

/// The routes of [`super::super::INFERENCE_ROUTES`].
pub(super) const INFERENCE: [Operation; 17] = [
    get("/v2", "oipServer", "The server's metadata", Json("ServerMetadata")),
    get("/v2/health/live", "oipLive", "Whether the process answers", Json("Live")),
    get("/v2/health/ready", "oipReady", "Whether the server serves", Probe("Ready")),
    of_model(get(
        "/v2/models/stats",
        "oipStatistics",
        "Counts and times of all models",
        Json("ModelStatistics"),
    )),
    of_model(get("/v2/models/{model}", "oipModel", "A model's metadata", Json("ModelMetadata"))),
    of_model(get(
        "/v2/models/{model}/ready",
        "oipModelReady",
        "Whether a model answers",
        Probe("ModelReady"),
    )),
    of_model(get(
        "/v2/models/{model}/config",
        "oipModelConfig",
        "A model's configuration",
        Json("ModelConfig"),
    )),
    of_model(get(
        "/v2/models/{model}/stats",
        "oipModelStatistics",
        "Counts and times",
        Json("ModelStatistics"),
    )),
    infer("/v2/models/{model}/infer", "oipInfer"),
    of_model(get("/v2/models/{model}/versions/{version}", "oipVersion", "Metadata", Json("ModelMetadata"))),
    of_model(get(
        "/v2/models/{model}/versions/{version}/ready",
        "oipVersionReady",
        "Readiness",
        Probe("ModelReady"),
    )),
    of_model(get(
        "/v2/models/{model}/versions/{version}/config",
        "oipVersionConfig",
        "Configuration",
        Json("ModelConfig"),
    )),
    of_model(get(
        "/v2/models/{model}/versions/{version}/stats",
        "oipVersionStatistics",
        "Counts",
        Json("ModelStatistics"),
    )),
    infer("/v2/models/{model}/versions/{version}/infer", "oipVersionInfer"),
    Operation {
        body: Some("IndexRequest"),
        ..of_model(post("/v2/repository/index", "oipIndex", "The models there are", Json("Index")))
    },
    Operation {
        body: Some("LoadRequest"),
        reasons: &[
            Reason::UnknownModel,
            Reason::Unsupported,
            Reason::NoChampion,
            Reason::BundleRefused,
            Reason::NotWarm,
            Reason::StoreFailed,
            Reason::Busy,
            Reason::Draining,
        ],
        ..post("/v2/repository/models/{model}/load", "oipLoad", "Takes up the champion", Answer::Empty)
    },
    Operation {
        reasons: &[Reason::UnknownModel, Reason::Unsupported],
        ..post("/v2/repository/models/{model}/unload", "oipUnload", "Is refused", Answer::Never)
    },
];
