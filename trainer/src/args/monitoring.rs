//! Where the stages' figures go.

use std::path::PathBuf;

use clap::Args;

use crate::Result;
use crate::metrics_file::{Gateway, GatewayParts};

/// A push gateway of Prometheus, beside the file of figures.
#[derive(Clone, Default, Args)]
pub struct MonitoringArguments {
    /// Push the stages' figures to Prometheus's push gateway there, for example http://pushgateway:9091; one that is away is warned of.
    #[arg(
        long,
        global = true,
        env = "MONITORING_PUSH_URL",
        hide_env_values = true,
        default_value = "",
        hide_default_value = true
    )]
    pub push_metrics: String,
    /// Job that the pushed figures belong to: another one for each home.
    #[arg(long, global = true, env = "MONITORING_PUSH_JOB", default_value = "klinecast-trainer")]
    pub push_job: String,
    /// User of the push gateway.
    #[arg(
        long,
        global = true,
        env = "MONITORING_PUSH_USERNAME",
        default_value = "",
        hide_default_value = true
    )]
    pub push_username: String,
    /// File with the push gateway's password; or the password itself by the environment, in MONITORING_PUSH_PASSWORD.
    #[arg(long, global = true, env = "MONITORING_PUSH_PASSWORD_FILE")]
    pub push_password_file: Option<PathBuf>,
    /// File of root certificates of the push gateway, in PEM form, beside the system's.
    #[arg(long, global = true, env = "MONITORING_PUSH_CA_FILE")]
    pub push_ca_file: Option<PathBuf>,
}

impl MonitoringArguments {
    /// The gateway that was asked for; nothing is sent yet.
    ///
    /// # Errors
    /// When it is none.
    pub fn gateway(&self) -> Result<Option<Gateway>> {
        Gateway::chosen(GatewayParts {
            url: &self.push_metrics,
            job: &self.push_job,
            username: &self.push_username,
            password: std::env::var("MONITORING_PUSH_PASSWORD").ok(),
            password_file: self.push_password_file.as_deref(),
            root_certificate: self.push_ca_file.as_deref(),
        })
    }
}

impl std::fmt::Debug for MonitoringArguments {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A password may be in the address.
        f.write_str("MonitoringArguments")
    }
}
