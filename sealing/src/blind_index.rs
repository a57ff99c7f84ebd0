//! Blind indexes: a keyed hash of an e-mail address or a phone number, by which a person is found and not read.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::error::RingError;
use crate::ring::{KEY_BYTES, KeyRing};

/// What is searched by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexedKind {
    /// An e-mail address, in whatever case.
    Email,
    /// A phone number, however it is grouped.
    Phone,
}

impl IndexedKind {
    /// The kind of an SQL name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "email" => Some(Self::Email),
            "phone" => Some(Self::Phone),
            _ => None,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
        }
    }

    /// One spelling for all that mean the same. Mailbox names can differ by case, but none of two people do, and Auth
    /// lowers them too.
    fn normalise(self, value: &str) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Email => value.trim().to_lowercase(),
            Self::Phone => {
                let digits: Zeroizing<String> =
                    Zeroizing::new(value.chars().filter(char::is_ascii_digit).collect());
                // 00 is how many countries dial "+", which Auth leaves out
                digits.strip_prefix("00").unwrap_or(&digits).to_owned()
            }
        })
    }
}

/// HMAC-SHA256 of the normalised `value`, under a key derived for its kind from the ring's index key.
///
/// # Errors
/// [`RingError::NoIndexKey`].
pub fn blind_index(ring: &KeyRing, kind: IndexedKind, value: &str) -> Result<[u8; 32], RingError> {
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    Hkdf::<Sha256>::new(None, ring.index()?.key.as_slice())
        .expand_multi_info(&[b"octroi blind index ", kind.as_str().as_bytes()], key.as_mut_slice())
        // 32 bytes are far below what HKDF gives
        .map_err(|_| RingError::NoIndexKey)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_slice()).map_err(|_| RingError::NoIndexKey)?;
    mac.update(kind.normalise(value).as_bytes());
    Ok(mac.finalize().into_bytes().into())
}
