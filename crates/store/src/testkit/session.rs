//! Keys that expire, of the test server's own token service: made as that service makes them, which itself gives none that ends
//! within 15 minutes.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sha2::{Digest, Sha256};

use super::TestS3;

/// What the service signs with; shorter than a block of SHA-256.
const SIGNING_KEY: &[u8] = b"what the service of the tests signs with";
const ROLE: &str = "arn:aws:iam::role/Trainer";
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The service's settings: one role, which may do all.
pub(super) fn service() -> String {
    let all = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"] }],
    });
    let trust = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": ["sts:AssumeRole"] }],
    });
    let service = serde_json::json!({
        "sts": {
            "tokenDuration": "1h", "maxSessionLength": "12h", "issuer": "seaweedfs-sts", "signingKey": base64(SIGNING_KEY),
        },
        "policy": { "defaultEffect": "Deny", "storeType": "memory" },
        "policies": [{ "name": "All", "document": all }],
        "roles": [{ "roleName": "Trainer", "roleArn": ROLE, "trustPolicy": trust, "attachedPolicies": ["All"] }],
    });
    service.to_string()
}

impl TestS3 {
    /// How a server [with sessions](TestS3::with_sessions) is reached by a key of its token service that ends so long from now.
    #[must_use]
    pub fn session(&self, lasting: Duration) -> [(&'static str, String); 4] {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = hex::encode(Sha256::digest(now.as_nanos().to_be_bytes()))[..32].to_owned();
        let key = hex::encode(Sha256::digest(format!("access-key:{id}")))[..16].to_owned();
        let claims = serde_json::json!({
            "iss": "seaweedfs-sts", "sub": id, "jti": id, "sid": id, "snam": "tests", "typ": "session",
            "iat": now.as_secs() - 60, "nbf": now.as_secs() - 60, "exp": now.as_secs() + lasting.as_secs(),
            "role": ROLE, "assumed": "Trainer:tests", "pol": ["All"], "idp": "", "ext_uid": "", "prov_iss": "",
            "principal": "arn:aws:sts::000000000000:assumed-role/Trainer/tests",
        });
        let signed = [r#"{"alg":"HS256","typ":"JWT"}"#.to_owned(), claims.to_string()]
            .map(|part| of_url(part.as_bytes()));
        let signed = signed.join(".");
        let token = format!("{signed}.{}", of_url(&mac(signed.as_bytes())));
        let [endpoint, ..] = self.settings();
        [
            endpoint,
            ("MINIO_ACCESS_KEY", format!("ASIA{key}")),
            ("MINIO_SECRET_KEY", base64(&mac(format!("secret-key:{id}").as_bytes()))),
            ("MINIO_SESSION_TOKEN", token),
        ]
    }
}

/// HMAC with SHA-256 (RFC 2104).
fn mac(message: &[u8]) -> Vec<u8> {
    let pad = |byte: u8| {
        let mut block = [byte; 64];
        block.iter_mut().zip(SIGNING_KEY).for_each(|(byte, key)| *byte ^= key);
        block
    };
    let inner = Sha256::new().chain_update(pad(0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().to_vec()
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let sextet = (bits >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= three.len() { char::from(ALPHABET[sextet]) } else { '=' });
        }
    }
    text
}

/// As tokens have it: for addresses, without padding.
fn of_url(bytes: &[u8]) -> String {
    base64(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let found = ["", "f", "fo", "foo", "foobar"].map(|text| base64(text.as_bytes()));
        assert_eq!(found, ["", "Zg==", "Zm8=", "Zm9v", "Zm9vYmFy"]);
        assert_eq!((base64(&[0xfb, 0xff]), of_url(&[0xfb, 0xff])), ("+/8=".to_owned(), "-_8".to_owned()));
    }
}
