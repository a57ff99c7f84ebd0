//! The operator's keys, as text: one `key_id:base64` a line.
//!
//! The first line is the active key, which wraps; the others only unwrap what they wrapped before a rotation. The line
//! `index:…` is apart: blind indexes are made with it, and it stays the same when the others are rotated, because
//! equality search would otherwise lose whoever is not re-indexed yet.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::error::RingError;

/// Longest text read as a ring: more than a hundred keys.
pub const RING_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a key.
pub(crate) const KEY_BYTES: usize = 32;

/// Longest id.
const KEY_ID_BYTES_MAX: usize = 64;

/// The id of the key for blind indexes.
const INDEX_KEY_ID: &str = "index";

/// A key of the operator's, wiped when dropped.
pub struct OperatorKey {
    pub(crate) id: String,
    pub(crate) key: Zeroizing<[u8; KEY_BYTES]>,
}

/// All keys of the operator's, wiped when dropped.
pub struct KeyRing {
    wrapping: Vec<OperatorKey>,
    index: Option<OperatorKey>,
}

impl KeyRing {
    /// Reads a ring. Empty lines and lines that begin with `#` are passed over; the environment, where a line break is
    /// hard to write, may part keys by commas.
    ///
    /// # Errors
    /// A [`RingError`], which names the line.
    pub fn read(text: &str) -> Result<Self, RingError> {
        if text.len() > RING_BYTES_MAX {
            return Err(RingError::TooLong);
        }
        let mut ring = Self { wrapping: Vec::new(), index: None };
        for (line, text) in text.split(['\n', ',']).map(str::trim).enumerate() {
            if text.is_empty() || text.starts_with('#') {
                continue;
            }
            let key = OperatorKey::read(line + 1, text)?;
            if key.id == INDEX_KEY_ID {
                if ring.index.replace(key).is_some() {
                    return Err(RingError::Repeated(line + 1));
                }
            } else if ring.find(&key.id).is_some() {
                return Err(RingError::Repeated(line + 1));
            } else {
                ring.wrapping.push(key);
            }
        }
        if ring.wrapping.is_empty() {
            return Err(RingError::Empty);
        }
        if ring.index.is_none() {
            return Err(RingError::NoIndexKey);
        }
        Ok(ring)
    }

    /// The ids of the keys that wrap and unwrap, the active one first.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.wrapping.iter().map(|key| key.id.as_str())
    }

    pub(crate) fn active(&self) -> Result<&OperatorKey, RingError> {
        self.wrapping.first().ok_or(RingError::Empty)
    }

    pub(crate) fn find(&self, id: &str) -> Option<&OperatorKey> {
        self.wrapping.iter().find(|key| key.id == id)
    }

    pub(crate) fn index(&self) -> Result<&OperatorKey, RingError> {
        self.index.as_ref().ok_or(RingError::NoIndexKey)
    }
}

impl OperatorKey {
    fn read(line: usize, text: &str) -> Result<Self, RingError> {
        let (id, encoded) = text.split_once(':').ok_or(RingError::Malformed(line))?;
        let is_id = (1..=KEY_ID_BYTES_MAX).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
        if !is_id {
            return Err(RingError::Malformed(line));
        }
        // room for what the decoder may touch, so that it never grows and leaves a copy behind
        let mut bytes = Zeroizing::new(Vec::with_capacity(encoded.len() + KEY_BYTES));
        STANDARD.decode_vec(encoded.trim(), &mut bytes).map_err(|_| RingError::NotAKey(line))?;
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        if bytes.len() != KEY_BYTES {
            return Err(RingError::NotAKey(line));
        }
        key.copy_from_slice(&bytes);
        Ok(Self { id: id.to_owned(), key })
    }
}

/// Ids only.
impl fmt::Debug for KeyRing {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.ids()).finish()
    }
}
