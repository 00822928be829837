//! What stands in front of both faces.

use std::sync::Arc;

use crate::access::Access;
use crate::overload::Load;

/// Who may do what, and whether the server keeps up.
#[derive(Debug, Clone)]
pub struct Guards {
    /// Who may do what.
    pub access: Arc<Access>,
    /// Whether the server keeps up.
    pub load: Arc<Load>,
}
