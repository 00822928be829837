//! Which MLflow is asked, as whom, and by which names.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::StoreError;
use crate::secret::Secret;

/// The registered model and the experiment when nothing names them.
const NAME: &str = "klinecast";

/// An MLflow server, the registered model of the bundles there, and the experiment of the runs. Shown without secrets.
///
/// ```
/// use store::{MlflowParts, MlflowPlace};
///
/// let parts = MlflowParts { uri: "http://mlflow:5000", username: "ada", password: "s3cret", ..MlflowParts::default() };
/// let place = MlflowPlace::chosen(parts)?.expect("one was named");
/// assert_eq!(place.to_string(), "http://mlflow:5000");
/// # Ok::<(), store::StoreError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct MlflowPlace {
    uri: Url,
    credential: Credential,
    root_certificate: Option<PathBuf>,
    model: String,
    experiment: String,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Credential {
    Nothing,
    Password(String, Secret),
    Token(Secret),
}

/// A place by its parts, each as it was given; an empty one was not. The names are MLflow's own.
#[derive(Debug, Clone, Copy, Default)]
pub struct MlflowParts<'a> {
    /// The server's address: `http://` or `https://`.
    pub uri: &'a str,
    /// A user.
    pub username: &'a str,
    /// The user's password.
    pub password: &'a str,
    /// A token in place of user and password.
    pub token: &'a str,
    /// A file of root certificates in PEM form, beside the system's.
    pub root_certificate: &'a str,
    /// The registered model; `klinecast` if empty.
    pub model: &'a str,
    /// The experiment; `klinecast` if empty.
    pub experiment: &'a str,
}

impl MlflowPlace {
    /// What was asked for; `None`, the registry of the database, if nothing was.
    ///
    /// # Errors
    /// [`StoreError::MlflowPlace`], which repeats no secret.
    pub fn chosen(parts: MlflowParts<'_>) -> Result<Option<Self>, StoreError> {
        let refuse = |problem| Err(StoreError::MlflowPlace { problem });
        if parts.uri.is_empty() {
            return Ok(None);
        }
        let uri = match parts.uri.parse::<Url>() {
            Ok(uri) if ["http", "https"].contains(&uri.scheme()) && uri.host().is_some() => uri,
            _ => return refuse("it does not begin with http:// or https:// and a host"),
        };
        if !uri.username().is_empty() || uri.password().is_some() {
            return refuse(
                "a user or a password stands in it; give them by MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD",
            );
        }
        if uri.query().is_some() || uri.fragment().is_some() {
            return refuse("there is more in it than an address");
        }
        let credential = match (parts.username, parts.password, parts.token) {
            ("", "", "") => Credential::Nothing,
            ("", "", token) => Credential::Token(Secret::new(token)),
            ("", _, _) => return refuse("a password is given, but no user (MLFLOW_TRACKING_USERNAME)"),
            // As MLflow's own client: a user goes over a token.
            (user, password, _) => Credential::Password(user.to_owned(), Secret::new(password)),
        };
        let plain = |text: &str| {
            text.len() <= 100
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        let name = |text: &str| if text.is_empty() { NAME } else { text }.to_owned();
        let (model, experiment) = (name(parts.model), name(parts.experiment));
        if !plain(&model) {
            return refuse("the registered model's name has at most 100 letters, digits, - _ and .");
        }
        if experiment.len() > 400 || experiment.chars().any(char::is_control) {
            return refuse("the experiment's name (MLFLOW_EXPERIMENT_NAME) can't be one");
        }
        let root_certificate =
            Some(parts.root_certificate).filter(|path| !path.is_empty()).map(PathBuf::from);
        Ok(Some(Self { uri, credential, root_certificate, model, experiment }))
    }

    /// The registered model of the bundles.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The experiment of the runs.
    #[must_use]
    pub fn experiment(&self) -> &str {
        &self.experiment
    }

    pub(super) const fn uri(&self) -> &Url {
        &self.uri
    }

    pub(super) const fn credential(&self) -> &Credential {
        &self.credential
    }

    pub(super) fn root_certificate(&self) -> Option<&Path> {
        self.root_certificate.as_deref()
    }
}

impl fmt::Display for MlflowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uri.as_str().trim_end_matches('/'))
    }
}

impl fmt::Debug for MlflowPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MlflowPlace({self}, model {})", self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_place_is_refused_without_repeating_a_secret() {
        let whole = MlflowParts { uri: "http://mlflow:5000", ..MlflowParts::default() };
        for (parts, expected) in [
            (MlflowParts { uri: "sqlite:///hidden.db", ..whole }, "http://"),
            (MlflowParts { uri: "http://ada:hidden@mlflow", ..whole }, "MLFLOW_TRACKING_PASSWORD"),
            (MlflowParts { uri: "http://mlflow?hidden=1", ..whole }, "more in it"),
            (MlflowParts { password: "hidden", ..whole }, "MLFLOW_TRACKING_USERNAME"),
            (MlflowParts { model: "hid/den", ..whole }, "registered model"),
            (MlflowParts { experiment: "hid\nden", ..whole }, "MLFLOW_EXPERIMENT_NAME"),
        ] {
            let told = MlflowPlace::chosen(parts).map_or_else(|error| error.to_string(), |_| String::new());
            assert!(told.contains(expected) && !told.contains("hidden"), "{expected}: {told}");
        }
        let secret = MlflowParts { token: "hidden", ..whole };
        let shown = format!("{:?}", MlflowPlace::chosen(secret).expect("a place"));
        assert!(shown.contains("http://mlflow:5000") && !shown.contains("hidden"), "{shown}");
        assert_eq!(MlflowPlace::chosen(MlflowParts::default()).expect("nothing"), None);
    }
}
