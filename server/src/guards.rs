//! What stands in front of both faces.

use std::sync::Arc;

use crate::access::Access;
use crate::overload::Load;
use crate::telemetry::requests::Requests;

/// Who may do what, whether the server keeps up, and how requests are followed.
#[derive(Debug, Clone)]
pub struct Guards {
    /// Who may do what.
    pub access: Arc<Access>,
    /// Whether the server keeps up.
    pub load: Arc<Load>,
    /// How requests are followed: names, traces, the log of slow ones.
    pub requests: Requests,
}
