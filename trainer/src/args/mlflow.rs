//! Which MLflow keeps runs and registry.

use clap::Args;
use store::{MlflowParts, MlflowPlace};

use crate::Result;

/// MLflow for runs, and in place of the database's registry; the server is told the same.
#[derive(Clone, Default, Args)]
pub struct MlflowArguments {
    /// MLflow's address, for example http://mlflow:5000.
    #[arg(
        long,
        global = true,
        env = "MLFLOW_TRACKING_URI",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub mlflow: String,
    /// MLflow's user.
    #[arg(
        long,
        global = true,
        env = "MLFLOW_TRACKING_USERNAME",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub mlflow_username: String,
    /// MLflow's password; better by the environment, flags are seen by others.
    #[arg(
        long,
        global = true,
        env = "MLFLOW_TRACKING_PASSWORD",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub mlflow_password: String,
    /// A token in place of user and password; better by the environment.
    #[arg(
        long,
        global = true,
        env = "MLFLOW_TRACKING_TOKEN",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub mlflow_token: String,
    /// File of root certificates of MLflow, in PEM form, beside the system's.
    #[arg(
        long,
        global = true,
        env = "MLFLOW_TRACKING_SERVER_CERT_PATH",
        default_value = "",
        hide_default_value = true
    )]
    pub mlflow_ca_file: String,
    /// Registered model of the bundles; klinecast if nothing is said. Those of the boosters begin with it.
    #[arg(
        long,
        global = true,
        env = "MLFLOW_REGISTERED_MODEL",
        default_value = "",
        hide_default_value = true
    )]
    pub mlflow_model: String,
    /// Experiment of the runs; klinecast if nothing is said.
    #[arg(
        long,
        global = true,
        env = "MLFLOW_EXPERIMENT_NAME",
        default_value = "",
        hide_default_value = true
    )]
    pub mlflow_experiment: String,
}

impl MlflowArguments {
    /// The MLflow that was asked for; `None` is the registry of the database.
    ///
    /// # Errors
    /// When it is none.
    pub fn place(&self) -> Result<Option<MlflowPlace>> {
        let parts = MlflowParts {
            uri: &self.mlflow,
            username: &self.mlflow_username,
            password: &self.mlflow_password,
            token: &self.mlflow_token,
            root_certificate: &self.mlflow_ca_file,
            model: &self.mlflow_model,
            experiment: &self.mlflow_experiment,
        };
        Ok(MlflowPlace::chosen(parts)?)
    }
}

impl std::fmt::Debug for MlflowArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A password may be in it.
        f.write_str("MlflowArguments")
    }
}
