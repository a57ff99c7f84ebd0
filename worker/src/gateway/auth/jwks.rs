//! The public keys of the identity provider, kept fresh while they rotate.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm};
use jsonwebtoken::{Algorithm, DecodingKey};
use tokio::sync::Mutex;

use crate::outbound::Outbound;

/// Longest a fetch of the key set may take, seconds.
const FETCH_TIMEOUT_SECONDS: u64 = 5;
/// Least time between two fetches, seconds: unknown key ids cannot be used to hammer the provider.
const FETCH_INTERVAL_SECONDS: u64 = 10;
/// Age at which a known set is fetched again, seconds; it bounds how long a withdrawn key is trusted.
const REFRESH_AFTER_SECONDS: u64 = 600;
/// Age past which a set that could not be refreshed is no longer trusted, seconds.
const TRUST_SECONDS: u64 = 3600;
/// Largest key set read, bytes.
const MAX_SET_BYTES: usize = 262_144;
/// Most keys kept of one set.
const MAX_KEYS: usize = 64;

/// Why no key could be given for a token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum JwksError {
    /// The provider does not list this key id for this algorithm.
    #[error("no key with this id")]
    UnknownKey,
    /// The provider could not be asked and nothing trusted is at hand.
    #[error("the key set cannot be fetched")]
    Unavailable,
}

struct KeySet {
    keys: HashMap<String, (Algorithm, Arc<DecodingKey>)>,
    fetched_at: Instant,
}

/// A JWKS endpoint: keys by id, fetched on demand, at most once in [`FETCH_INTERVAL_SECONDS`].
pub struct Jwks {
    url: String,
    client: reqwest::Client,
    set: RwLock<Option<Arc<KeySet>>>,
    last_attempt_at: Mutex<Option<Instant>>,
}

impl Jwks {
    /// Keys published at `url`; nothing is fetched until the first token needs one.
    ///
    /// # Errors
    /// When the HTTP client cannot be built (no usable TLS roots).
    pub fn new(url: String, outbound: &Outbound) -> Result<Self, reqwest::Error> {
        let client = outbound.http_client().timeout(Duration::from_secs(FETCH_TIMEOUT_SECONDS)).build()?;
        Ok(Self { url, client, set: RwLock::new(None), last_attempt_at: Mutex::new(None) })
    }

    /// The key `kid`, if the provider lists it for exactly `algorithm`.
    ///
    /// # Errors
    /// [`JwksError::UnknownKey`] after a fetch that was recent enough; [`JwksError::Unavailable`] without one.
    pub async fn key(&self, kid: &str, algorithm: Algorithm) -> Result<Arc<DecodingKey>, JwksError> {
        let known = self.trusted();
        let found = known.as_ref().and_then(|set| set.find(kid, algorithm));
        let stale = known
            .as_ref()
            .is_none_or(|set| set.fetched_at.elapsed() >= Duration::from_secs(REFRESH_AFTER_SECONDS));
        match (found, stale) {
            (Some(key), false) => Ok(key),
            (Some(key), true) => {
                // Others go on with the known key while one request renews the set.
                if let Ok(last_attempt_at) = self.last_attempt_at.try_lock() {
                    self.refresh(last_attempt_at).await;
                }
                let renewed = self.trusted();
                Ok(renewed.map_or(Ok(key), |set| set.find(kid, algorithm).ok_or(JwksError::UnknownKey))?)
            }
            (None, _) => {
                self.refresh(self.last_attempt_at.lock().await).await;
                let set = self.trusted().ok_or(JwksError::Unavailable)?;
                set.find(kid, algorithm).ok_or(JwksError::UnknownKey)
            }
        }
    }

    fn trusted(&self) -> Option<Arc<KeySet>> {
        let set = self.set.read().unwrap_or_else(PoisonError::into_inner).clone()?;
        (set.fetched_at.elapsed() < Duration::from_secs(TRUST_SECONDS)).then_some(set)
    }

    async fn refresh(&self, mut last_attempt_at: tokio::sync::MutexGuard<'_, Option<Instant>>) {
        let interval = Duration::from_secs(FETCH_INTERVAL_SECONDS);
        if last_attempt_at.is_some_and(|at| at.elapsed() < interval) {
            return;
        }
        *last_attempt_at = Some(Instant::now());
        match self.fetch().await {
            Ok(keys) => {
                let set = Arc::new(KeySet { keys, fetched_at: Instant::now() });
                *self.set.write().unwrap_or_else(PoisonError::into_inner) = Some(set);
            }
            Err(reason) => tracing::warn!(reason, "the JWKS endpoint gave no usable key set"),
        }
    }

    /// Lets a test fetch again at once.
    #[cfg(test)]
    pub(super) async fn forget_last_attempt(&self) {
        *self.last_attempt_at.lock().await = None;
    }

    async fn fetch(&self) -> Result<HashMap<String, (Algorithm, Arc<DecodingKey>)>, &'static str> {
        let mut reply = self.client.get(&self.url).send().await.map_err(|_| "request failed")?;
        if !reply.status().is_success() {
            return Err("unexpected status");
        }
        let mut body = Vec::new();
        while let Some(chunk) = reply.chunk().await.map_err(|_| "reading failed")? {
            if body.len() + chunk.len() > MAX_SET_BYTES {
                return Err("too large");
            }
            body.extend_from_slice(&chunk);
        }
        read_keys(&body).ok_or("not a key set")
    }
}

impl KeySet {
    fn find(&self, kid: &str, algorithm: Algorithm) -> Option<Arc<DecodingKey>> {
        let (key_algorithm, key) = self.keys.get(kid)?;
        (*key_algorithm == algorithm).then(|| Arc::clone(key))
    }
}

/// Keys that cannot be used here (other types, other curves, no id) are skipped, not fatal: providers publish mixed sets.
fn read_keys(body: &[u8]) -> Option<HashMap<String, (Algorithm, Arc<DecodingKey>)>> {
    let document: serde_json::Value = serde_json::from_slice(body).ok()?;
    let keys = document.get("keys")?.as_array()?;
    Some(keys.iter().take(MAX_KEYS).filter_map(read_key).collect())
}

fn read_key(value: &serde_json::Value) -> Option<(String, (Algorithm, Arc<DecodingKey>))> {
    let jwk: Jwk = serde_json::from_value(value.clone()).ok()?;
    let algorithm = match &jwk.algorithm {
        AlgorithmParameters::EllipticCurve(ec) if ec.curve == EllipticCurve::P256 => Algorithm::ES256,
        AlgorithmParameters::RSA(_) => Algorithm::RS256,
        _ => return None,
    };
    let declared = match jwk.common.key_algorithm {
        None => Some(algorithm),
        Some(KeyAlgorithm::ES256) => Some(Algorithm::ES256),
        Some(KeyAlgorithm::RS256) => Some(Algorithm::RS256),
        Some(_) => None,
    };
    if declared != Some(algorithm) {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some((jwk.common.key_id?, (algorithm, Arc::new(key))))
}
