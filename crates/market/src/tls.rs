//! The process's one TLS implementation.

/// Makes ring the process's TLS implementation, unless one has been chosen already. Called by everything here
/// that may open an encrypted connection; calling it again changes nothing.
pub(crate) fn install_ring() {
    // An error only says that a provider is installed, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
