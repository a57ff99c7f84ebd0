//! What the provider is told about a caller: keyed hashes, never an id, a name or an address.

use hmac::{Hmac, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use thiserror::Error;
use uuid::Uuid;

/// Shortest accepted secret, in bytes: a shorter one could be searched for offline.
pub const MIN_KEY_BYTES: usize = 32;

/// The two identity fields Octroi writes into every generation request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamIdentity {
    /// Lets the provider act against one user instead of the whole project. 64 hex characters.
    pub safety_identifier: String,
    /// Routes like prompts of one account to one cache, and never those of two accounts. 64 hex characters.
    pub prompt_cache_key: String,
}

/// The secret was too short.
#[derive(Debug, Error)]
#[error("the key for safety identifiers must have at least {MIN_KEY_BYTES} bytes")]
pub struct KeyTooShort;

/// Derives [`UpstreamIdentity`] values under one secret (`OCTROI_SAFETY_KEY`).
#[derive(Clone)]
pub struct IdentityKey {
    mac: Hmac<Sha256>,
}

impl IdentityKey {
    /// Keys the hash once; `for_caller` clones that state instead of hashing the key again.
    pub fn new(secret: &SecretString) -> Result<Self, KeyTooShort> {
        let bytes = secret.expose_secret().as_bytes();
        if bytes.len() < MIN_KEY_BYTES {
            return Err(KeyTooShort);
        }
        let mac = Hmac::<Sha256>::new_from_slice(bytes).map_err(|_| KeyTooShort)?;
        Ok(Self { mac })
    }

    /// The identity of one call. `client_cache_key` is the client's own `prompt_cache_key`: it still separates
    /// the caches of one account, but can never name another account's.
    pub fn for_caller(&self, account: Uuid, user: Uuid, client_cache_key: Option<&str>) -> UpstreamIdentity {
        UpstreamIdentity {
            safety_identifier: self.hash(&[b"user", user.as_bytes()]),
            prompt_cache_key: self.hash(&[
                b"cache",
                account.as_bytes(),
                client_cache_key.unwrap_or_default().as_bytes(),
            ]),
        }
    }

    // The first part is a fixed label and the second a fixed length, so no two inputs share a hash.
    fn hash(&self, parts: &[&[u8]]) -> String {
        let mut mac = self.mac.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().iter().fold(String::with_capacity(64), |mut hex, byte| {
            for nibble in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
            hex
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn key() -> IdentityKey {
        IdentityKey::new(&SecretString::from("k".repeat(MIN_KEY_BYTES))).unwrap()
    }

    #[test]
    fn two_accounts_with_the_same_client_key_get_different_caches() {
        let (key, user) = (key(), Uuid::from_u128(7));
        let one = key.for_caller(Uuid::from_u128(1), user, Some("mine"));
        let two = key.for_caller(Uuid::from_u128(2), user, Some("mine"));
        assert_ne!(one.prompt_cache_key, two.prompt_cache_key);
        assert_eq!(one.safety_identifier, two.safety_identifier);
        assert_ne!(one.prompt_cache_key, key.for_caller(Uuid::from_u128(1), user, None).prompt_cache_key);
    }

    #[test]
    fn an_identity_is_stable_and_fits_the_providers_64_characters() {
        let (key, id) = (key(), Uuid::from_u128(9));
        let identity = key.for_caller(id, id, None);
        assert_eq!(identity, key.for_caller(id, id, None));
        assert_eq!((identity.safety_identifier.len(), identity.prompt_cache_key.len()), (64, 64));
        assert!(!identity.safety_identifier.contains(&id.simple().to_string()));
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(IdentityKey::new(&SecretString::from("short")).is_err());
    }
}
