//! What the client shows a server, and which servers it believes.

use std::fmt;
use std::str::FromStr;

use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};

use crate::ClientError;

/// A text that is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes a text, without the blanks around it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.trim().to_owned())
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// What the client shows a server, and which servers it believes. Nothing, and those that the web believes, unless told otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// An API key or a signed token.
    pub key: Option<Secret>,
    /// Who signs the server's certificate, PEM.
    pub authority: Option<Vec<u8>>,
    /// A client certificate, PEM, and its key, PEM.
    pub certificate: Option<(Vec<u8>, Secret)>,
}

impl Credentials {
    /// Sets up TLS for an address that asks for it.
    pub(crate) fn secure(&self, endpoint: Endpoint) -> Result<Endpoint, ClientError> {
        if endpoint.uri().scheme_str() != Some("https") {
            let unused = self.authority.is_some() || self.certificate.is_some();
            return if unused { Err(ClientError::PlainAddress) } else { Ok(endpoint) };
        }
        let mut tls = ClientTlsConfig::new();
        tls = match &self.authority {
            Some(authority) => tls.ca_certificate(Certificate::from_pem(authority)),
            None => tls.with_webpki_roots(),
        };
        if let Some((certificate, Secret(key))) = &self.certificate {
            tls = tls.identity(Identity::from_pem(certificate, key));
        }
        endpoint.tls_config(tls).map_err(|source| ClientError::Tls { source })
    }

    pub(crate) fn bearer(&self) -> Result<Bearer, ClientError> {
        let Some(Secret(key)) = &self.key else { return Ok(Bearer(None)) };
        let mut shown: MetadataValue<Ascii> =
            format!("Bearer {key}").parse().map_err(|_| ClientError::UnreadableKey)?;
        shown.set_sensitive(true);
        Ok(Bearer(Some(shown)))
    }
}

/// Shows the key with every call.
#[derive(Debug, Clone)]
pub(crate) struct Bearer(Option<MetadataValue<Ascii>>);

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        if let Some(shown) = &self.0 {
            request.metadata_mut().insert("authorization", shown.clone());
        }
        Ok(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_sent_and_not_shown() {
        let credentials = Credentials { key: Some(Secret::new("klk_s3cret\n")), ..Default::default() };
        let mut bearer = credentials.bearer().expect("a key");
        assert!(!format!("{credentials:?} {bearer:?}").contains("s3cret"));
        let sent = bearer.call(Request::new(())).expect("sent");
        let header = sent.metadata().get("authorization").and_then(|value| value.to_str().ok());
        assert_eq!(header, Some("Bearer klk_s3cret"));
        let torn = Credentials { key: Some(Secret::new("a\nb")), ..Default::default() };
        let error = torn.bearer().expect_err("two lines");
        assert!(matches!(error, ClientError::UnreadableKey), "{error}");
    }

    #[test]
    fn certificates_belong_to_https() {
        let endpoint = |address: &'static str| Endpoint::from_static(address);
        let credentials = Credentials { authority: Some(b"nonsense".to_vec()), ..Default::default() };
        assert!(matches!(credentials.secure(endpoint("http://a:1")), Err(ClientError::PlainAddress)));
        assert!(Credentials::default().secure(endpoint("https://a:1")).is_ok());
        let nobody = Credentials {
            certificate: Some((b"nonsense".to_vec(), Secret::new("nonsense"))),
            ..Default::default()
        };
        assert!(matches!(nobody.secure(endpoint("https://a:1")), Err(ClientError::Tls { .. })));
    }
}
