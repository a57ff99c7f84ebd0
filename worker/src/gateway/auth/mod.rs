//! Who is calling: an Octroi key or a Supabase access token, as a bearer.

mod credentials;
mod jwks;
mod jwt;
mod refusals;

use std::time::{Duration, Instant};

use http::HeaderMap;
use moka::future::Cache;
use secrecy::ExposeSecret;
use uuid::Uuid;

pub use jwks::{Jwks, JwksError};
pub use jwt::{JwtError, JwtVerifier, VerifiedToken};
pub use refusals::Refusals;

use super::errors::GatewayError;
use crate::config::AuthConfig;
use crate::database::{AccountState, Database, DatabaseError, KeyState};
use crate::metered_call::Caller;
use crate::openai::{Endpoint, EndpointSet};
use credentials::Credentials;
use refusals::Reason;

/// Callers remembered.
const MAX_CALLERS: u64 = 50_000;
/// How long a caller is remembered, seconds. It saves a look-up, not a check: `reserve` judges key, membership and
/// account again at every call, and what has no reservation asks [`Authenticator::caller_now`].
const CALLER_TTL_SECONDS: u64 = 30;
/// How long what the database said of a key is believed, seconds. `reserve` knows a key by its id: which of its secrets
/// still work, and on which endpoints, is known here alone.
const KEY_TTL_SECONDS: u64 = 1;

/// Finds the caller behind a request.
pub struct Authenticator {
    database: Database,
    verifier: JwtVerifier,
    known: Cache<[u8; 32], KnownCaller>,
    refusals: Refusals,
}

#[derive(Clone, Copy)]
struct KnownCaller {
    caller: Caller,
    endpoints: EndpointSet,
    expiry: Expiry,
}

/// Until when a caller is known.
#[derive(Clone, Copy)]
enum Expiry {
    /// A key.
    At(Instant),
    /// A token, which ends by itself; seconds since the epoch.
    WithToken { unix_seconds: u64 },
}

impl KnownCaller {
    fn is_current(&self) -> bool {
        match self.expiry {
            Expiry::At(instant) => Instant::now() < instant,
            Expiry::WithToken { unix_seconds } => jwt::unix_seconds() <= unix_seconds,
        }
    }

    fn on(self, endpoint: Endpoint) -> Result<Caller, GatewayError> {
        if self.endpoints.contains(endpoint) {
            Ok(self.caller)
        } else {
            Err(GatewayError::EndpointNotAllowed { endpoint })
        }
    }
}

impl Authenticator {
    /// Judges keys by `database` and tokens by `config`.
    ///
    /// # Errors
    /// When the client for the JWKS endpoint cannot be built.
    pub fn new(database: Database, config: &AuthConfig) -> Result<Self, reqwest::Error> {
        let jwks = config.jwks_url.clone().map(|url| Jwks::new(url, &config.outbound)).transpose()?;
        let secret = config.jwt_secret.as_ref().map(|secret| secret.expose_secret().as_bytes());
        let verifier = JwtVerifier::new(secret, jwks, config.issuer.as_deref(), &config.audience);
        let known = Cache::builder()
            .max_capacity(MAX_CALLERS)
            .time_to_live(Duration::from_secs(CALLER_TTL_SECONDS))
            .build();
        Ok(Self { database, verifier, known, refusals: Refusals::default() })
    }

    /// What was refused since it was last told.
    pub fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// The caller of `endpoint`, possibly as known for some seconds: for calls that go through `reserve`.
    ///
    /// # Errors
    /// 401, 403 or 503 as a [`GatewayError`].
    pub async fn caller(&self, headers: &HeaderMap, endpoint: Endpoint) -> Result<Caller, GatewayError> {
        let credentials = Credentials::read(headers)?;
        let id = credentials.sha256();
        if let Some(known) = self.known.get(&id).await
            && known.is_current()
        {
            return known.on(endpoint);
        }
        let known = self.look_up(&credentials).await?;
        self.known.insert(id, known).await;
        known.on(endpoint)
    }

    /// The caller as of now.
    ///
    /// # Errors
    /// 401, 403 or 503 as a [`GatewayError`].
    pub async fn caller_now(&self, headers: &HeaderMap) -> Result<Caller, GatewayError> {
        let credentials = Credentials::read(headers)?;
        Ok(self.look_up(&credentials).await?.caller)
    }

    async fn look_up(&self, credentials: &Credentials<'_>) -> Result<KnownCaller, GatewayError> {
        match credentials {
            Credentials::Key(_) => self.look_up_key(&credentials.sha256()).await,
            Credentials::Token { token, account_id } => self.look_up_user(token, *account_id).await,
        }
    }

    async fn look_up_key(&self, key_sha256: &[u8; 32]) -> Result<KnownCaller, GatewayError> {
        let expiry = Expiry::At(Instant::now() + Duration::from_secs(KEY_TTL_SECONDS));
        let found = self.database.authenticate_key(key_sha256).await.map_err(unavailable)?;
        let Some(key) = found else {
            self.refusals.count(Reason::UnknownKey, (None, None));
            return Err(GatewayError::InvalidCredentials);
        };
        let (reason, refusal) = match key.state {
            KeyState::Active => {
                let caller = Caller {
                    api_key_id: Some(key.api_key_id),
                    account_id: key.account_id,
                    user_id: key.user_id,
                };
                return Ok(KnownCaller { caller, endpoints: key.endpoints, expiry });
            }
            KeyState::Revoked => (Reason::RevokedKey, GatewayError::InvalidCredentials),
            KeyState::Expired => (Reason::ExpiredKey, GatewayError::ExpiredCredentials),
            KeyState::Suspended => (Reason::Suspended, GatewayError::AccountSuspended),
        };
        self.refusals.count(reason, (Some(key.account_id), Some(key.api_key_id)));
        Err(refusal)
    }

    async fn look_up_user(&self, token: &str, account_id: Option<Uuid>) -> Result<KnownCaller, GatewayError> {
        let token = self.verifier.verify(token).await.map_err(|error| match error {
            JwtError::Invalid => {
                self.refusals.count(Reason::BadToken, (None, None));
                GatewayError::InvalidCredentials
            }
            JwtError::Expired => GatewayError::ExpiredCredentials,
            JwtError::KeysUnavailable => GatewayError::AuthUnavailable,
        })?;
        let found = self.database.authenticate_user(token.user_id, account_id).await.map_err(unavailable)?;
        let Some(user) = found else {
            // A user without even a personal account was deleted after the token was issued, or is older than Octroi.
            if account_id.is_none()
                && self.database.is_without_account(token.user_id).await.map_err(unavailable)?
            {
                return Err(GatewayError::NoAccount);
            }
            let missing = account_id.map_or(GatewayError::InvalidCredentials, |_| GatewayError::NotAMember);
            let reason = if account_id.is_some() { Reason::NotAMember } else { Reason::BadToken };
            self.refusals.count(reason, (None, None));
            return Err(missing);
        };
        match user.state {
            AccountState::Active => {}
            AccountState::Suspended => {
                self.refusals.count(Reason::Suspended, (Some(user.account_id), None));
                return Err(GatewayError::AccountSuspended);
            }
        }
        let caller = Caller { api_key_id: None, account_id: user.account_id, user_id: user.user_id };
        let expiry = Expiry::WithToken { unix_seconds: token.valid_until_unix_seconds };
        Ok(KnownCaller { caller, endpoints: EndpointSet::ALL, expiry })
    }
}

fn unavailable(error: DatabaseError) -> GatewayError {
    tracing::warn!(%error, "looking up a caller failed");
    GatewayError::MeteringUnavailable
}
