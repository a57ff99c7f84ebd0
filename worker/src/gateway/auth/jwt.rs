//! Supabase access tokens: who signed them, for whom, until when.
//!
//! The algorithm is never taken from the token alone: `HS256` is accepted only where a shared secret is configured and
//! is verified only with it; `ES256` and `RS256` only with a key of that type from the JWKS. A public key can
//! therefore never serve as an HMAC secret, and `none` has no key at all.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use uuid::Uuid;

use super::jwks::{Jwks, JwksError};

/// Clock difference tolerated on `exp` and `nbf`, seconds.
const LEEWAY_SECONDS: u64 = 30;
/// Longest token looked at, bytes.
pub const MAX_TOKEN_BYTES: usize = 8192;
/// The only role that may spend a user's quota.
const ROLE: &str = "authenticated";

/// Why a token is not accepted. Clients learn only [`JwtError::Expired`] from [`JwtError::Invalid`].
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JwtError {
    /// Malformed, badly signed, or for someone else.
    #[error("the token is not valid")]
    Invalid,
    /// Good once, no longer.
    #[error("the token has expired")]
    Expired,
    /// The keys to judge it by cannot be fetched.
    #[error("the signing keys cannot be fetched")]
    KeysUnavailable,
}

/// What a verified token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifiedToken {
    /// `sub`: the row in `auth.users`.
    pub user_id: Uuid,
    /// `exp` plus the leeway, seconds since the epoch.
    pub valid_until_unix_seconds: u64,
}

#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    role: String,
    exp: u64,
}

/// Judges tokens by the configured secret, key set, issuer and audience.
pub struct JwtVerifier {
    secret: Option<DecodingKey>,
    jwks: Option<Jwks>,
    rules: Validation,
}

impl JwtVerifier {
    /// A verifier; with neither secret nor key set every token is invalid.
    pub fn new(secret: Option<&[u8]>, jwks: Option<Jwks>, issuer: Option<&str>, audience: &str) -> Self {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.leeway = LEEWAY_SECONDS;
        rules.validate_nbf = true;
        rules.set_audience(&[audience]);
        rules.set_required_spec_claims(&["exp", "aud", "sub"]);
        if let Some(issuer) = issuer {
            rules.set_issuer(&[issuer]);
            rules.set_required_spec_claims(&["exp", "aud", "sub", "iss"]);
        }
        Self { secret: secret.map(DecodingKey::from_secret), jwks, rules }
    }

    /// The user a token speaks for.
    ///
    /// # Errors
    /// [`JwtError`]; the difference between its variants is all a client may learn.
    pub async fn verify(&self, token: &str) -> Result<VerifiedToken, JwtError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(JwtError::Invalid);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| JwtError::Invalid)?;
        if header.crit.is_some() {
            return Err(JwtError::Invalid);
        }
        match header.alg {
            Algorithm::HS256 => {
                let key = self.secret.as_ref().ok_or(JwtError::Invalid)?;
                self.check(token, key, Algorithm::HS256)
            }
            algorithm @ (Algorithm::ES256 | Algorithm::RS256) => {
                let jwks = self.jwks.as_ref().ok_or(JwtError::Invalid)?;
                let kid = header.kid.as_deref().ok_or(JwtError::Invalid)?;
                let key = jwks.key(kid, algorithm).await.map_err(|error| match error {
                    JwksError::UnknownKey => JwtError::Invalid,
                    JwksError::Unavailable => JwtError::KeysUnavailable,
                })?;
                self.check(token, &key, algorithm)
            }
            _ => Err(JwtError::Invalid),
        }
    }

    fn check(&self, token: &str, key: &DecodingKey, algorithm: Algorithm) -> Result<VerifiedToken, JwtError> {
        let mut rules = self.rules.clone();
        rules.algorithms = vec![algorithm];
        let claims = jsonwebtoken::decode::<Claims>(token, key, &rules)
            .map_err(|error| match error.kind() {
                jsonwebtoken::errors::ErrorKind::ExpiredSignature => JwtError::Expired,
                _ => JwtError::Invalid,
            })?
            .claims;
        if claims.role != ROLE || claims.sub.is_nil() {
            return Err(JwtError::Invalid);
        }
        let valid_until_unix_seconds = claims.exp.saturating_add(LEEWAY_SECONDS);
        Ok(VerifiedToken { user_id: claims.sub, valid_until_unix_seconds })
    }
}

/// Seconds since the epoch by this machine's clock; used for token expiry only, never for quotas.
pub fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
#[path = "jwt_tests.rs"]
mod tests;
