//! Tests of signed tokens: what is believed, and a table of attacks.

use std::sync::LazyLock;

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, encode};
use rsa::pkcs1::EncodeRsaPrivateKey as _;
use rsa::traits::PublicKeyParts as _;
use serde_json::json;

use super::*;
use crate::access::Role;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const NOW: u64 = 2_000_000_000;

/// A pair of keys of one algorithm, and its public part as a set has it.
struct Pair {
    algorithm: Algorithm,
    key: EncodingKey,
    jwk: Value,
}

impl Pair {
    fn new(id: &str, algorithm: Algorithm, key: EncodingKey) -> Self {
        let mut jwk =
            serde_json::to_value(Jwk::from_encoding_key(&key, algorithm).expect("a key")).expect("JSON");
        jwk["kid"] = json!(id);
        Self { algorithm, key, jwk }
    }

    /// A fresh pair of EdDSA.
    fn edwards(id: &str) -> Self {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": id, "x": base64(pair.public_key_raw())});
        Self { algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(&pair.serialize_der()), jwk }
    }
}

/// One pair for each algorithm, and the RSA key's public part as DER, which an attacker may know.
static PAIRS: LazyLock<(Vec<Pair>, Vec<u8>)> = LazyLock::new(|| {
    let rsa = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2_048).expect("a key");
    let der = rsa.to_pkcs1_der().expect("DER");
    let modulus = rsa.n().to_bytes_be();
    let ec = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    let pairs = vec![
        Pair::new("r", Algorithm::RS256, EncodingKey::from_rsa_der(der.as_bytes())),
        Pair::new("e", Algorithm::ES256, EncodingKey::from_ec_der(&ec.serialize_der())),
        Pair::edwards("d"),
    ];
    (pairs, modulus)
});

fn pair(algorithm: Algorithm) -> &'static Pair {
    PAIRS.0.iter().find(|pair| pair.algorithm == algorithm).expect("one for each")
}

fn settings() -> TokenSettings {
    TokenSettings {
        secret_file: None,
        jwks_file: None,
        issuer: "https://issuer".to_owned(),
        audience: "klinecast".to_owned(),
        leeway_seconds: 30,
        roles_claim: "roles".to_owned(),
    }
}

fn jwks() -> String {
    json!({ "keys": PAIRS.0.iter().map(|pair| pair.jwk.clone()).collect::<Vec<_>>() }).to_string()
}

fn tokens() -> Tokens {
    Tokens::new(settings(), Some(SECRET), Some(&jwks())).expect("keys")
}

/// Claims that are believed: the library looks at the machine's clock.
fn claims() -> Value {
    let now = crate::clock::wall_time() / 1_000;
    json!({"sub": "ada", "iss": "https://issuer", "aud": "klinecast", "exp": now + 600, "roles": ["operator"]})
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().expect("an object").remove(name);
    claims
}

fn signed(header: &Header, claims: &Value, key: &EncodingKey) -> String {
    encode(header, claims, key).expect("signed")
}

fn secret_signed(claims: &Value) -> String {
    signed(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(SECRET))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..=chunk.len() {
            text.push(char::from(DIGITS[(word >> (18 - 6 * at)) as usize & 63]));
        }
    }
    text
}

/// A token with this header, put together by hand; the signature is whatever is given.
fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let part = |value: &Value| base64(value.to_string().as_bytes());
    format!("{}.{}.{}", part(header), part(claims), base64(signature))
}

#[test]
fn every_algorithm_is_believed_with_its_key() {
    let tokens = tokens();
    let mut seen = vec![secret_signed(&claims())];
    for pair in &PAIRS.0 {
        let mut header = Header::new(pair.algorithm);
        seen.push(signed(&header, &claims(), &pair.key));
        header.kid = pair.jwk["kid"].as_str().map(str::to_owned);
        seen.push(signed(&header, &claims(), &pair.key));
    }
    for token in seen {
        let identity = tokens.verify(&token, 0).expect("believed");
        assert_eq!((identity.name.as_str(), identity.role), ("ada", Some(Role::Operator)));
    }
    let nameless = tokens.verify(&secret_signed(&without("roles")), 0).expect("believed");
    assert_eq!(nameless.role, None);
}

#[test]
fn claims_that_are_not_right_are_named() {
    let tokens = tokens();
    let now = crate::clock::wall_time() / 1_000;
    for (claims, expected) in [
        (with("exp", json!(now - 31)), TokenError::Time),
        (with("nbf", json!(now + 40)), TokenError::Time),
        (with("iss", json!("https://else")), TokenError::Issuer),
        (with("iss", json!(["https://else"])), TokenError::Issuer),
        (with("aud", json!("else")), TokenError::Audience),
        (with("aud", json!(["else", "other"])), TokenError::Audience),
        (without("exp"), TokenError::Claims),
        (without("iss"), TokenError::Claims),
        (without("aud"), TokenError::Claims),
        (without("sub"), TokenError::Claims),
        (with("exp", json!("soon")), TokenError::Claims),
    ] {
        assert_eq!(tokens.verify(&secret_signed(&claims), 0), Err(expected), "{claims}");
    }
    // What lies within the leeway, and an audience among several.
    for claims in
        [with("exp", json!(now - 20)), with("nbf", json!(now + 20)), with("aud", json!(["a", "klinecast"]))]
    {
        assert!(tokens.verify(&secret_signed(&claims), 0).is_ok(), "{claims}");
    }
}

#[test]
fn attacks_fail() {
    let tokens = tokens();
    let header = |alg: &str| json!({"alg": alg, "typ": "JWT"});
    let (public, claims) = (&PAIRS.1, claims());
    // No signature, in the spellings that have fooled others.
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        for signature in [&b""[..], b"x"] {
            assert_eq!(
                tokens.verify(&forged(&header(alg), &claims, signature), 0),
                Err(TokenError::Unreadable),
                "{alg}"
            );
        }
    }
    // A public key used as the secret of HS256: with and without the id of the key that it belongs to.
    let mut confused = Header::new(Algorithm::HS256);
    for id in [None, Some("r".to_owned())] {
        confused.kid = id;
        for secret in [
            public.as_slice(),
            jwks().as_bytes(),
            pair(Algorithm::RS256).jwk["n"].as_str().expect("n").as_bytes(),
        ] {
            let token = signed(&confused, &claims, &EncodingKey::from_secret(secret));
            assert_eq!(tokens.verify(&token, 0), Err(TokenError::Signature));
        }
    }
    // A token of one algorithm that says another one in its header.
    let honest = signed(&Header::new(Algorithm::EdDSA), &claims, &pair(Algorithm::EdDSA).key);
    let parts: Vec<&str> = honest.split('.').collect();
    for alg in ["ES256", "RS256", "HS256"] {
        let token = format!("{}.{}.{}", base64(header(alg).to_string().as_bytes()), parts[1], parts[2]);
        assert_eq!(tokens.verify(&token, 0), Err(TokenError::Signature), "{alg}");
    }
    // Algorithms that nobody here uses, and a family's stronger sister.
    for alg in ["HS384", "HS512", "RS384", "PS256", "ES384"] {
        assert_eq!(tokens.verify(&forged(&header(alg), &claims, b"x"), 0), Err(TokenError::NoKey), "{alg}");
    }
    // Other claims under an honest signature, a signature cut short, one too many parts.
    let raised = format!(
        "{}.{}.{}",
        parts[0],
        base64(with("roles", json!(["admin"])).to_string().as_bytes()),
        parts[2]
    );
    assert_eq!(tokens.verify(&raised, 0), Err(TokenError::Signature));
    let cut = honest.get(..honest.len() - 2).unwrap_or_default();
    assert!(tokens.verify(cut, 0).is_err());
    for torn in [format!("{honest}.x"), format!("{}.{}", parts[0], parts[1]), String::new(), "..".to_owned()]
    {
        assert!(tokens.verify(&torn, 0).is_err(), "{torn}");
    }
}

#[test]
fn keys_that_a_token_brings_along_are_not_used() {
    let tokens = tokens();
    let mine = Pair::edwards("d");
    let mut header = Header::new(Algorithm::EdDSA);
    header.jku = Some("http://127.0.0.1:1/keys".to_owned());
    header.x5u = Some("http://127.0.0.1:1/certificate".to_owned());
    header.jwk = serde_json::from_value(mine.jwk.clone()).ok();
    assert!(header.jwk.is_some());
    for id in [None, Some("d".to_owned())] {
        header.kid = id;
        assert_eq!(tokens.verify(&signed(&header, &claims(), &mine.key), 0), Err(TokenError::Signature));
    }
    header.kid = Some("../../etc/passwd".to_owned());
    assert_eq!(tokens.verify(&signed(&header, &claims(), &mine.key), 0), Err(TokenError::NoKey));
    // They do not spoil a token that is honest otherwise.
    header.kid = Some("d".to_owned());
    assert!(tokens.verify(&signed(&header, &claims(), &pair(Algorithm::EdDSA).key), 0).is_ok());
    header.crit = Some(vec!["b64".to_owned()]);
    let demanding = signed(&header, &claims(), &pair(Algorithm::EdDSA).key);
    assert_eq!(tokens.verify(&demanding, 0), Err(TokenError::Critical));
}

#[test]
fn a_token_that_is_too_long_is_not_looked_at() {
    let long = secret_signed(&with("x", json!("y".repeat(TOKEN_BYTES_MAX))));
    assert_eq!(tokens().verify(&long, 0), Err(TokenError::TooLong));
}

#[test]
fn a_token_that_was_believed_is_not_believed_after_its_end() {
    let tokens = tokens();
    let token = secret_signed(&claims());
    let first = tokens.verify(&token, NOW).expect("believed");
    assert!(Arc::ptr_eq(&first, &tokens.verify(&token, 0).expect("remembered")));
    // Past its end the token is looked at anew; the library's clock, which is the machine's, believes it still.
    assert!(!Arc::ptr_eq(&first, &tokens.verify(&token, u64::MAX).expect("looked at anew")));
}

#[test]
fn only_the_key_of_a_tokens_name_is_used_and_without_a_name_there_must_be_one() {
    let other = Pair::edwards("d2");
    let set = json!({ "keys": [pair(Algorithm::EdDSA).jwk, other.jwk] }).to_string();
    let tokens = Tokens::new(settings(), None, Some(&set)).expect("keys");
    let mut header = Header::new(Algorithm::EdDSA);
    assert_eq!(tokens.verify(&signed(&header, &claims(), &other.key), 0), Err(TokenError::NoKey));
    header.kid = Some("d2".to_owned());
    assert!(tokens.verify(&signed(&header, &claims(), &other.key), 0).is_ok());
    header.kid = Some("d".to_owned());
    assert_eq!(tokens.verify(&signed(&header, &claims(), &other.key), 0), Err(TokenError::Signature));
}

#[test]
fn keys_that_cannot_be_trusted_are_not_taken() {
    let new = |secret: Option<&[u8]>, jwks: Option<&str>| Tokens::new(settings(), secret, jwks).err();
    assert_eq!(new(Some(b"short\n"), None), Some(KeysError::ShortSecret(5)));
    assert!(matches!(new(None, Some("nonsense")), Some(KeysError::Set(_))));
    assert!(matches!(new(None, Some("{}")), Some(KeysError::Set(_))));
    let symmetric = json!({"kty": "oct", "k": base64(SECRET), "kid": "s", "alg": "HS256"});
    let mut encrypting = pair(Algorithm::ES256).jwk.clone();
    encrypting["use"] = json!("enc");
    let mut misnamed = pair(Algorithm::RS256).jwk.clone();
    misnamed["alg"] = json!("HS256");
    let mut small = pair(Algorithm::RS256).jwk.clone();
    small["n"] = json!(base64(&[0x81; 128]));
    let [mut short, mut off] =
        [Algorithm::EdDSA, Algorithm::ES256].map(|algorithm| pair(algorithm).jwk.clone());
    short["x"] = json!("AAAA");
    off["y"] = json!("AAAA");
    for key in [symmetric, encrypting, misnamed, small, short, off, json!({"kty": "new"}), json!(7)] {
        assert_eq!(new(None, Some(&json!({"keys": [key]}).to_string())), Some(KeysError::Empty), "{key}");
    }
}
