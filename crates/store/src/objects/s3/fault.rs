//! What an S3 server's refusals mean, and what to do.

use std::error::Error;
use std::fmt;

use object_store::Error as Refusal;
use object_store::client::HttpError;

use crate::StoreError;
use crate::web::causes;

/// Why an S3 server did not do what it was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum S3Fault {
    /// Nobody answers, or not in time.
    Unreachable,
    /// Its certificate is not one that is believed.
    Certificate,
    /// The key is not known, or is not the right one.
    Refused,
    /// The key may not do that.
    Forbidden,
    /// The key's time is over.
    Expired,
    /// The clocks of both sides differ too much.
    ClockSkew,
    /// There is no such bucket.
    NoBucket,
    /// The server's disk or the bucket's quota is full.
    Full,
    /// Anything else.
    Failed,
}

impl S3Fault {
    /// What to do.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Unreachable => {
                "check that the server runs and can be reached (MINIO_ENDPOINT), then try again"
            }
            Self::Certificate => "name the file of the root that signed its certificate (MINIO_CA_FILE)",
            Self::Refused => {
                "check the key (MINIO_ACCESS_KEY and MINIO_SECRET_KEY); one that expires is known by its token and in its time only \
                 (MINIO_SESSION_TOKEN)"
            }
            Self::Forbidden => {
                "let this key read, write and list the bucket (and delete in it, to prune), and check the bucket's name (MINIO_BUCKET)"
            }
            Self::Expired => {
                "the key has expired, give a new one (MINIO_ACCESS_KEY, MINIO_SECRET_KEY, MINIO_SESSION_TOKEN)"
            }
            Self::ClockSkew => "set this machine's clock, or the server's",
            Self::NoBucket => "make the bucket, or name another one (MINIO_BUCKET)",
            Self::Full => "make room on the server or raise the bucket's quota, then try again",
            Self::Failed => "look into the server's log",
        }
    }

    /// By the code that stands in a refusal.
    fn of_code(code: &str) -> Self {
        match code {
            "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "InvalidToken"
            | "AuthorizationHeaderMalformed" => Self::Refused,
            "AccessDenied" | "AllAccessDisabled" | "AccountProblem" => Self::Forbidden,
            "ExpiredToken" | "TokenRefreshRequired" | "RequestExpired" => Self::Expired,
            "RequestTimeTooSkewed" => Self::ClockSkew,
            "NoSuchBucket" => Self::NoBucket,
            "InsufficientStorage"
            | "QuotaExceeded"
            | "XMinioStorageFull"
            | "XMinioAdminBucketQuotaExceeded" => Self::Full,
            _ => Self::Failed,
        }
    }
}

/// A refusal that is an error of the store, with the server's code and words if it said any.
pub(super) fn told(refusal: &Refusal, place: &dyn fmt::Display, action: &'static str) -> StoreError {
    let (fault, problem) = read(refusal);
    StoreError::S3 { place: place.to_string(), action, fault, problem }
}

/// No answer within all the time that there was.
pub(super) fn silence(place: &dyn fmt::Display, action: &'static str) -> StoreError {
    let problem = "no answer in time".to_owned();
    StoreError::S3 { place: place.to_string(), action, fault: S3Fault::Unreachable, problem }
}

/// Whether what was asked for is not there, and nothing else is wrong.
pub(super) fn is_missing(refusal: &Refusal) -> bool {
    matches!(refusal, Refusal::NotFound { .. }) && read(refusal).0 != S3Fault::NoBucket
}

fn read(refusal: &Refusal) -> (S3Fault, String) {
    let mut cause: Option<&(dyn Error + 'static)> = Some(refusal);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<HttpError>() {
            let problem = causes(error);
            let certificate = ["certificate", "UnknownIssuer"].iter().any(|word| problem.contains(word));
            return (if certificate { S3Fault::Certificate } else { S3Fault::Unreachable }, problem);
        }
        cause = error.source();
    }
    let text = refusal.to_string();
    if let Some(code) = element(&text, "Code") {
        let message = element(&text, "Message").unwrap_or_default();
        return (S3Fault::of_code(code), format!("{code}, {message}"));
    }
    let full = text.contains(" 507 ");
    let status = text.split("status code: ").nth(1).and_then(|rest| rest.split(':').next());
    let problem = status.map_or_else(|| "it gave no reason".to_owned(), |status| format!("status {status}"));
    (if full { S3Fault::Full } else { S3Fault::Failed }, problem)
}

/// What stands in the first element of a name.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(status: &str, body: &str) -> Refusal {
        Refusal::Generic {
            store: "S3",
            source: format!("Server returned non-2xx status code: {status}: {body}").into(),
        }
    }

    #[test]
    fn codes_that_no_server_of_the_tests_gives_are_told_with_their_remedy() {
        let xml = |code: &str| {
            format!(
                "<Error><Code>{code}</Code><Message>words</Message><AWSAccessKeyId>ada</AWSAccessKeyId></Error>"
            )
        };
        for (status, body, fault, part) in [
            ("400 Bad Request", xml("ExpiredToken"), S3Fault::Expired, "has expired"),
            ("403 Forbidden", xml("RequestTimeTooSkewed"), S3Fault::ClockSkew, "clock"),
            ("507 Insufficient Storage", xml("XMinioStorageFull"), S3Fault::Full, "make room"),
            ("507 Insufficient Storage", String::new(), S3Fault::Full, "make room"),
            ("418 I'm a teapot", String::new(), S3Fault::Failed, "server's log"),
        ] {
            let error = told(&refusal(status, &body), &"s3://b", "reading");
            assert!(matches!(&error, StoreError::S3 { fault: found, .. } if *found == fault), "{error:?}");
            let told = error.to_string();
            assert!(told.contains(part) && told.contains("s3://b") && !told.contains("ada"), "{told}");
        }
    }
}
