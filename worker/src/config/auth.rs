//! Whose tokens are believed.

use secrecy::{ExposeSecret, SecretString};

use super::{ConfigError, Variables};
use crate::outbound::Outbound;

const JWT_SECRET: &str = "OCTROI_JWT_SECRET";
const JWT_SECRET_BYTES_MIN: usize = 32;

/// Whose JWTs are believed. With neither a secret nor a key set, only API keys are taken.
#[derive(Debug, Clone)]
pub struct AuthConfig {
    /// HS256 secret.
    pub jwt_secret: Option<SecretString>,
    /// Where the ES256 and RS256 keys are published.
    pub jwks_url: Option<String>,
    /// The `iss` a token must carry; set whenever tokens are taken.
    pub issuer: Option<String>,
    /// The `aud` a token must carry.
    pub audience: String,
    /// Which addresses may be dialled.
    pub outbound: Outbound,
}

impl AuthConfig {
    /// Reads `OCTROI_JWT_*` and `OCTROI_JWKS_URL`.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let jwt_secret = variables.optional_secret(JWT_SECRET);
        if jwt_secret.as_ref().is_some_and(|secret| secret.expose_secret().len() < JWT_SECRET_BYTES_MIN) {
            return Err(ConfigError::Invalid {
                variable: JWT_SECRET,
                problem: format!(
                    "must have at least {JWT_SECRET_BYTES_MIN} bytes; HS256 is guessable below that"
                ),
            });
        }
        let outbound = Outbound::read(variables)?;
        let jwks_url = variables.http_url("OCTROI_JWKS_URL")?;
        if let Some(url) = &jwks_url {
            outbound.judge_url("OCTROI_JWKS_URL", url)?;
        }
        let issuer = if jwt_secret.is_some() || jwks_url.is_some() {
            Some(variables.required(
                "OCTROI_JWT_ISSUER",
                "set it to the `iss` of your tokens, such as https://PROJECT.supabase.co/auth/v1",
            )?)
        } else {
            None
        };
        Ok(Self {
            issuer: issuer.map(str::to_owned),
            jwt_secret,
            jwks_url,
            audience: variables.optional("OCTROI_JWT_AUDIENCE").unwrap_or("authenticated").to_owned(),
            outbound,
        })
    }
}
