//! Sealing of personal data.
//!
//! Every person has a data key, which seals what is known of them. It is stored wrapped by an operator key, which never
//! enters the database: it comes from a file or from the server's environment, is read for the one operation that needs
//! it, and is wiped from memory when that is over. Whoever has the database, or a dump of it, has nothing to open it
//! with; and once a person's wrapped key is deleted, nobody opens what it sealed.
//!
//! Everything here is pure; `pg_extension` brings the operator keys and makes SQL functions of it.

mod blind_index;
mod envelope;
mod error;
mod ring;

pub use blind_index::{IndexedKind, blind_index};
pub use envelope::{DataKey, WrappedKey, open, seal};
pub use error::{OpenError, RingError, SealError};
pub use ring::{KeyRing, OperatorKey, RING_BYTES_MAX};

#[cfg(test)]
mod tests;
