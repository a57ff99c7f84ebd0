//! Sealing in SQL: what `octroi-sealing` does, with the operator keys brought to it.
//!
//! Nothing here raises for a missing key or for a value that does not open: pgrx can only raise the SQLSTATEs that
//! Postgres has. The functions return null, `operator_key_problem` says why when the keys are the reason, and
//! `supabase/migrations/*_sealing.sql` raises OC050 and OC051.

use octroi_sealing::{DataKey, IndexedKind, WrappedKey};
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::prelude::*;

use crate::error::VerbError;
use crate::operator_keys;

/// The ids of the operator keys in use, the active one first; none when they cannot be used. Never a key.
#[pg_extern(volatile)]
fn operator_key_ids() -> Vec<String> {
    operator_keys::ring().map(|ring| ring.ids().map(str::to_owned).collect()).unwrap_or_default()
}

/// Why the operator keys cannot be used, in words for the operator; null when they can.
#[pg_extern(volatile)]
fn operator_key_problem() -> Option<String> {
    operator_keys::ring().err().map(|problem| problem.to_string())
}

/// A fresh data key, wrapped by the active operator key.
#[pg_extern(volatile)]
fn new_data_key() -> Option<Vec<u8>> {
    let ring = operator_keys::ring().ok()?;
    Some(DataKey::new().ok()?.wrap(&ring).ok()?.as_bytes().to_vec())
}

/// The id of the operator key that wrapped a data key; null when it is none.
#[pg_extern(immutable, parallel_safe)]
fn wrapping_key_id(wrapped: &[u8]) -> Option<String> {
    WrappedKey::from_bytes(wrapped).operator_key_id().ok().map(str::to_owned)
}

/// The same data key, wrapped by the active operator key and checked.
#[pg_extern(volatile)]
fn rewrap(wrapped: &[u8]) -> Option<Vec<u8>> {
    let ring = operator_keys::ring().ok()?;
    Some(WrappedKey::from_bytes(wrapped).rewrap(&ring).ok()?.as_bytes().to_vec())
}

/// Seals a text for a place, which names table, column and person.
#[pg_extern(volatile)]
fn seal(wrapped: &[u8], place: &str, plain: &str) -> Option<Vec<u8>> {
    octroi_sealing::seal(&data_key(wrapped)?, place, plain).ok()
}

/// Opens what was sealed for a place.
#[pg_extern(volatile)]
fn open(wrapped: &[u8], place: &str, sealed: &[u8]) -> Option<String> {
    let plain = octroi_sealing::open(&data_key(wrapped)?, place, sealed).ok()?;
    // Postgres gets a copy of its own, in memory that ends with the statement
    Some(plain.as_str().to_owned())
}

/// What a person is found by: a keyed hash of an `email` or a `phone`.
///
/// Raises 22023 for another kind.
#[pg_extern(volatile)]
fn blind_index(kind: &str, value: &str) -> Result<Option<Vec<u8>>, ErrorReport> {
    let kind = IndexedKind::from_name(kind).ok_or_else(|| VerbError::UnknownIndexedKind(kind.to_owned()))?;
    let Ok(ring) = operator_keys::ring() else { return Ok(None) };
    Ok(octroi_sealing::blind_index(&ring, kind, value).ok().map(|index| index.to_vec()))
}

fn data_key(wrapped: &[u8]) -> Option<DataKey> {
    let ring = operator_keys::ring().ok()?;
    WrappedKey::from_bytes(wrapped).unwrap_with(&ring).ok()
}
