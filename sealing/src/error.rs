//! What can go wrong. No error says anything of a key or of what is sealed.

use thiserror::Error;

/// A key ring that cannot be used. Lines are counted from 1.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RingError {
    /// A line that is not `key_id:base64`.
    #[error(
        "line {0} of the operator keys is not key_id:base64, with an id of 1 to 64 letters, digits, '.', '_' or '-'"
    )]
    Malformed(usize),
    /// A key of another length.
    #[error("line {0} of the operator keys does not hold 32 bytes in base64")]
    NotAKey(usize),
    /// An id that stands twice.
    #[error("line {0} of the operator keys has the id of an earlier line")]
    Repeated(usize),
    /// No key to wrap with.
    #[error("there is no operator key: the first line that is not index:… is the active one")]
    Empty,
    /// No key for blind indexes.
    #[error("the operator keys lack the line index:…, which blind indexes are made with")]
    NoIndexKey,
    /// More text than a ring has.
    #[error("the operator keys are longer than {RING_BYTES_MAX} bytes", RING_BYTES_MAX = crate::RING_BYTES_MAX)]
    TooLong,
}

/// The system has no random bytes to give.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the operating system gave no random bytes")]
pub struct SealError;

/// Something sealed that does not open.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum OpenError {
    /// Not made by this version, or cut off.
    #[error("it is not in a known format")]
    Format,
    /// The operator key that wrapped it is not in the ring.
    #[error("the operator key that wrapped it is not in the ring")]
    UnknownKey,
    /// Another key, another place, or altered: the cipher cannot tell which.
    #[error("it was sealed by another key or for another place, or was altered")]
    Refused,
}
