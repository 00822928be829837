//! What an MLflow server's refusals mean, and what to do.

/// Why an MLflow server did not do what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MlflowFault {
    /// Nobody answers, or not in time.
    Unreachable,
    /// Its certificate is not one that is believed.
    Certificate,
    /// The credential is not known, has expired, or may not do that.
    Refused,
    /// What answers is no MLflow.
    NotMlflow,
    /// It keeps artifacts where only its own users get at them.
    Artifacts,
    /// Anything else.
    Failed,
}

impl MlflowFault {
    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "check that MLflow runs and can be reached (MLFLOW_TRACKING_URI), then give the same command again"
            }
            Self::Certificate => {
                "name the file of the root that signed its certificate (MLFLOW_TRACKING_SERVER_CERT_PATH)"
            }
            Self::Refused => {
                "check the credential, which may have expired (MLFLOW_TRACKING_USERNAME and _PASSWORD, or MLFLOW_TRACKING_TOKEN)"
            }
            Self::NotMlflow => "name the address of MLflow's server (MLFLOW_TRACKING_URI)",
            Self::Artifacts => "start MLflow with --artifacts-destination, so that it passes artifacts on",
            Self::Failed => "look into MLflow's log",
        }
    }
}
