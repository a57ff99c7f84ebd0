//! Data keys, wrapped by operator keys, and values sealed by data keys: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha).
//!
//! Its nonce is long enough to be drawn at random for ever. A version byte stands first, so that another cipher can
//! follow without a flag day, and is authenticated with the rest.
//!
//! ```text
//! wrapped key:  1 | length of id | id | nonce (24) | data key (32) | tag (16)     bound to: the id
//! sealed value: 1 | nonce (24) | text | tag (16)                                  bound to: its place
//! ```

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::error::{OpenError, RingError, SealError};
use crate::ring::{KEY_BYTES, KeyRing, OperatorKey};

const VERSION: u8 = 1;
const NONCE_BYTES: usize = 24;

/// Says what a ciphertext is for, so that none of one sort can be passed off as the other.
const WRAPPED_DOMAIN: &[u8] = b"octroi wrapped key\0";
const SEALED_DOMAIN: &[u8] = b"octroi sealed value\0";

/// The key of one person, wiped when dropped.
pub struct DataKey(Zeroizing<[u8; KEY_BYTES]>);

/// A data key as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrappedKey(Vec<u8>);

impl DataKey {
    /// A fresh key.
    ///
    /// # Errors
    /// [`SealError`] without randomness.
    pub fn new() -> Result<Self, SealError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        getrandom::fill(key.as_mut_slice()).map_err(|_| SealError)?;
        Ok(Self(key))
    }

    /// Wraps it by the active operator key.
    ///
    /// # Errors
    /// [`SealError`] without randomness.
    pub fn wrap(&self, ring: &KeyRing) -> Result<WrappedKey, SealError> {
        let OperatorKey { id, key } = ring.active().map_err(|_: RingError| SealError)?;
        let id_bytes = u8::try_from(id.len()).map_err(|_| SealError)?;
        let mut wrapped = vec![VERSION, id_bytes];
        wrapped.extend_from_slice(id.as_bytes());
        let bound_to = [WRAPPED_DOMAIN, &wrapped].concat();
        wrapped.extend(encrypt(key, &bound_to, self.0.as_slice())?);
        Ok(WrappedKey(wrapped))
    }
}

impl WrappedKey {
    /// As read from its row. Whether it is one shows when it is unwrapped.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// As it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The operator key that wrapped it.
    ///
    /// # Errors
    /// [`OpenError::Format`].
    pub fn operator_key_id(&self) -> Result<&str, OpenError> {
        let (header, _) = self.parts()?;
        std::str::from_utf8(&header[2..]).map_err(|_| OpenError::Format)
    }

    /// The data key inside.
    ///
    /// # Errors
    /// An [`OpenError`].
    pub fn unwrap_with(&self, ring: &KeyRing) -> Result<DataKey, OpenError> {
        let operator_key = ring.find(self.operator_key_id()?).ok_or(OpenError::UnknownKey)?;
        let (header, sealed) = self.parts()?;
        let plain = decrypt(&operator_key.key, &[WRAPPED_DOMAIN, header].concat(), sealed)?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if plain.len() != KEY_BYTES {
            return Err(OpenError::Format);
        }
        key.copy_from_slice(&plain);
        Ok(DataKey(key))
    }

    /// The same data key wrapped by the active operator key, and looked into before it takes the place of this one.
    ///
    /// # Errors
    /// An [`OpenError`] when this one does not open, or the new one would not.
    pub fn rewrap(&self, ring: &KeyRing) -> Result<Self, OpenError> {
        let data_key = self.unwrap_with(ring)?;
        let rewrapped = data_key.wrap(ring).map_err(|SealError| OpenError::Refused)?;
        let inside = rewrapped.unwrap_with(ring)?;
        if bool::from(inside.0.as_slice().ct_eq(data_key.0.as_slice())) {
            Ok(rewrapped)
        } else {
            Err(OpenError::Refused)
        }
    }

    /// Version, length and id; nonce and ciphertext.
    fn parts(&self) -> Result<(&[u8], &[u8]), OpenError> {
        match self.0.as_slice() {
            [VERSION, id_bytes, ..] => {
                self.0.split_at_checked(2 + usize::from(*id_bytes)).ok_or(OpenError::Format)
            }
            _ => Err(OpenError::Format),
        }
    }
}

/// Seals `plain` for `place`, which says table, column and person: anywhere else it does not open.
///
/// # Errors
/// [`SealError`] without randomness.
pub fn seal(data_key: &DataKey, place: &str, plain: &str) -> Result<Vec<u8>, SealError> {
    let mut sealed = vec![VERSION];
    sealed.extend(encrypt(&data_key.0, &bound_to(place), plain.as_bytes())?);
    Ok(sealed)
}

/// Opens what was sealed for `place`.
///
/// # Errors
/// An [`OpenError`].
pub fn open(data_key: &DataKey, place: &str, sealed: &[u8]) -> Result<Zeroizing<String>, OpenError> {
    let [VERSION, sealed @ ..] = sealed else { return Err(OpenError::Format) };
    let plain = decrypt(&data_key.0, &bound_to(place), sealed)?;
    std::str::from_utf8(&plain).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| OpenError::Format)
}

fn bound_to(place: &str) -> Vec<u8> {
    [SEALED_DOMAIN, &[VERSION], place.as_bytes()].concat()
}

/// Nonce and ciphertext.
fn encrypt(key: &[u8; KEY_BYTES], bound_to: &[u8], plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let mut nonce = [0; NONCE_BYTES];
    getrandom::fill(&mut nonce).map_err(|_| SealError)?;
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: bound_to })
        .map_err(|_| SealError)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

fn decrypt(key: &[u8; KEY_BYTES], bound_to: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError::Format)?;
    XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad: bound_to })
        .map(Zeroizing::new)
        .map_err(|_| OpenError::Refused)
}
