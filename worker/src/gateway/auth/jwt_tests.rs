//! Who may call with a token: one good token of each kind, and every way a token can be bad.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{EncodingKey, Header};
use serde_json::{Value, json};

use super::*;
use crate::outbound::Outbound;

const SECRET: &[u8] = b"a secret of the identity provider, 32 bytes or more";
const ISSUER: &str = "https://project.supabase.co/auth/v1";
const USER: Uuid = Uuid::from_u128(42);

/// A provider with one key of each kind, whose key set can be changed while it runs.
struct Provider {
    ec: EncodingKey,
    rsa: EncodingKey,
    published: Arc<Mutex<Vec<Value>>>,
    fetches: Arc<AtomicUsize>,
    url: String,
}

impl Provider {
    async fn start() -> Self {
        let pkcs8 =
            EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
        let ec = EncodingKey::from_ec_der(pkcs8.as_ref());
        let pair = aws_lc_rs::rsa::KeyPair::generate(KeySize::Rsa2048).unwrap();
        let rsa = EncodingKey::from_rsa_der(pkcs1(pair.as_der().unwrap().as_ref()));
        let published = vec![
            jwk(&ec, Algorithm::ES256, "ec-1"),
            jwk(&rsa, Algorithm::RS256, "rsa-1"),
            json!({"kty": "x"}),
        ];
        let (published, fetches) = (Arc::new(Mutex::new(published)), Arc::new(AtomicUsize::new(0)));
        let (keys, count) = (Arc::clone(&published), Arc::clone(&fetches));
        let app = axum::Router::new().fallback(move || {
            count.fetch_add(1, Ordering::SeqCst);
            let set = json!({"keys": *keys.lock().unwrap()});
            async move { axum::Json(set) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/keys", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { ec, rsa, published, fetches, url }
    }

    fn verifier(&self) -> JwtVerifier {
        let jwks = Jwks::new(self.url.clone(), &Outbound::default()).unwrap();
        JwtVerifier::new(Some(SECRET), Some(jwks), Some(ISSUER), "authenticated")
    }
}

/// aws-lc writes PKCS#8, jsonwebtoken reads the PKCS#1 inside: the last OCTET STRING, after a fixed 26-byte head.
fn pkcs1(pkcs8: &[u8]) -> &[u8] {
    &pkcs8[26..]
}

fn jwk(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Value {
    let mut jwk = Jwk::from_encoding_key(key, algorithm).unwrap();
    jwk.common.key_id = Some(kid.to_owned());
    serde_json::to_value(jwk).unwrap()
}

fn claims() -> Value {
    json!({"sub": USER, "role": "authenticated", "aud": "authenticated", "iss": ISSUER, "exp": unix_seconds() + 600})
}

fn claims_with(field: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[field] = value;
    claims
}

fn claims_without(field: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(field);
    claims
}

fn hs256(claims: &Value, secret: &[u8]) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(secret)).unwrap()
}

fn signed(algorithm: Algorithm, kid: &str, key: &EncodingKey) -> String {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(algorithm) };
    jsonwebtoken::encode(&header, &claims(), key).unwrap()
}

fn unsigned(algorithm: &str) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.", part(json!({"alg": algorithm, "typ": "JWT"})), part(claims()))
}

#[tokio::test]
async fn a_good_token_of_each_kind_speaks_for_its_user() {
    let provider = Provider::start().await;
    let verifier = provider.verifier();
    let good = [
        hs256(&claims(), SECRET),
        signed(Algorithm::ES256, "ec-1", &provider.ec),
        signed(Algorithm::RS256, "rsa-1", &provider.rsa),
        hs256(&claims_with("aud", json!(["other", "authenticated"])), SECRET),
        hs256(&claims_with("exp", json!(unix_seconds() - LEEWAY_SECONDS / 2)), SECRET),
    ];
    for token in good {
        let verified = verifier.verify(&token).await;
        assert_eq!(verified.map(|token| token.user_id), Ok(USER), "{token}");
    }
}

#[tokio::test]
async fn no_bad_token_speaks_for_anyone() {
    let provider = Provider::start().await;
    let verifier = provider.verifier();
    let public_key = provider.published.lock().unwrap()[0].to_string();
    let good = hs256(&claims(), SECRET);
    let (head, rest) = good.split_once('.').unwrap();
    let (_, signature) = rest.split_once('.').unwrap();
    let forged = URL_SAFE_NO_PAD.encode(claims_with("sub", json!(Uuid::from_u128(43))).to_string());
    let critical = Header { crit: Some(vec!["b64".to_owned()]), ..Header::new(Algorithm::HS256) };
    let hs512 = Header::new(Algorithm::HS512);
    let secret = EncodingKey::from_secret(SECRET);
    let bad = [
        ("algorithm none", unsigned("none")),
        ("algorithm none in other letters", unsigned("nOnE")),
        ("HS256 without a signature", unsigned("HS256")),
        ("another secret", hs256(&claims(), b"another secret of at least thirty-two bytes")),
        ("a public key as the secret", hs256(&claims(), public_key.as_bytes())),
        ("another payload under a good signature", format!("{head}.{forged}.{signature}")),
        ("HS512", jsonwebtoken::encode(&hs512, &claims(), &secret).unwrap()),
        ("a critical extension", jsonwebtoken::encode(&critical, &claims(), &secret).unwrap()),
        ("no expiry", hs256(&claims_without("exp"), SECRET)),
        ("an expiry in words", hs256(&claims_with("exp", json!("tomorrow")), SECRET)),
        ("a negative expiry", hs256(&claims_with("exp", json!(-1)), SECRET)),
        ("another audience", hs256(&claims_with("aud", json!("anon")), SECRET)),
        ("no audience", hs256(&claims_without("aud"), SECRET)),
        ("another issuer", hs256(&claims_with("iss", json!("https://evil.example")), SECRET)),
        ("no issuer", hs256(&claims_without("iss"), SECRET)),
        ("not yet valid", hs256(&claims_with("nbf", json!(unix_seconds() + 600)), SECRET)),
        ("no user", hs256(&claims_without("sub"), SECRET)),
        ("a user that is no uuid", hs256(&claims_with("sub", json!("admin")), SECRET)),
        ("the nil user", hs256(&claims_with("sub", json!(Uuid::nil())), SECRET)),
        ("the service role", hs256(&claims_with("role", json!("service_role")), SECRET)),
        ("no role", hs256(&claims_without("role"), SECRET)),
        ("an unknown key id", signed(Algorithm::ES256, "ec-9", &provider.ec)),
        ("a key id of the other kind", signed(Algorithm::ES256, "rsa-1", &provider.ec)),
        ("a key id that is not this key's", signed(Algorithm::RS256, "ec-1", &provider.rsa)),
        ("a huge token", format!("{good}{}", "A".repeat(MAX_TOKEN_BYTES))),
        ("no token", "..".to_owned()),
    ];
    for (what, token) in bad {
        assert_eq!(verifier.verify(&token).await, Err(JwtError::Invalid), "{what}");
    }
}

#[tokio::test]
async fn an_expired_token_is_told_apart() {
    let verifier = JwtVerifier::new(Some(SECRET), None, Some(ISSUER), "authenticated");
    let token = hs256(&claims_with("exp", json!(unix_seconds() - LEEWAY_SECONDS - 1)), SECRET);
    assert_eq!(verifier.verify(&token).await, Err(JwtError::Expired));
}

#[tokio::test]
async fn what_is_not_configured_is_not_accepted() {
    let provider = Provider::start().await;
    let only_keys = JwtVerifier::new(
        None,
        Some(Jwks::new(provider.url.clone(), &Outbound::default()).unwrap()),
        None,
        "authenticated",
    );
    assert_eq!(only_keys.verify(&hs256(&claims(), SECRET)).await, Err(JwtError::Invalid));
    assert_eq!(only_keys.verify(&hs256(&claims(), b"")).await, Err(JwtError::Invalid));
    let only_secret = JwtVerifier::new(Some(SECRET), None, None, "authenticated");
    let token = signed(Algorithm::ES256, "ec-1", &provider.ec);
    assert_eq!(only_secret.verify(&token).await, Err(JwtError::Invalid));
    assert_eq!(provider.fetches.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn unknown_key_ids_do_not_hammer_the_provider() {
    let provider = Provider::start().await;
    let verifier = provider.verifier();
    for attempt in 0..20 {
        let token = signed(Algorithm::ES256, &format!("ec-{}", attempt + 100), &provider.ec);
        assert_eq!(verifier.verify(&token).await, Err(JwtError::Invalid));
    }
    assert_eq!(provider.fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_rotated_key_is_found_once_the_set_may_be_fetched_again() {
    let provider = Provider::start().await;
    let jwks = Jwks::new(provider.url.clone(), &Outbound::default()).unwrap();
    assert!(jwks.key("ec-1", Algorithm::ES256).await.is_ok());
    *provider.published.lock().unwrap() = vec![jwk(&provider.ec, Algorithm::ES256, "ec-2")];
    assert_eq!(jwks.key("ec-2", Algorithm::ES256).await.err(), Some(JwksError::UnknownKey));
    jwks.forget_last_attempt().await;
    assert!(jwks.key("ec-2", Algorithm::ES256).await.is_ok());
    assert_eq!(jwks.key("ec-1", Algorithm::ES256).await.err(), Some(JwksError::UnknownKey));
}

#[tokio::test]
async fn without_the_provider_nobody_is_judged() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    drop(listener);
    let verifier =
        JwtVerifier::new(None, Some(Jwks::new(url, &Outbound::default()).unwrap()), None, "authenticated");
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new()).unwrap();
    let token = signed(Algorithm::ES256, "ec-1", &EncodingKey::from_ec_der(pkcs8.as_ref()));
    assert_eq!(verifier.verify(&token).await, Err(JwtError::KeysUnavailable));
}
