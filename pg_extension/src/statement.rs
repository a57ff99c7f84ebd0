//! SQL statements that a backend prepares once and keeps.

use std::cell::Cell;
use std::thread::LocalKey;

use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::Oid;
use pgrx::prelude::*;
use pgrx::spi::{OwnedPreparedStatement, SpiClient, SpiTupleTable};

use crate::error::VerbError;

/// Calls that one statement takes: keeps one transaction, and the locks it holds, short.
pub const MAX_BATCH_CALLS: usize = 1000;

/// A prepared statement, once there is one. A backend is one thread, and ends with its plans: the plan is leaked,
/// because freeing it in a thread's destructor would run after Postgres has torn its memory down.
pub type Kept = Cell<Option<&'static OwnedPreparedStatement>>;

/// A [`Kept`] plan of this backend.
pub type Slot = LocalKey<Kept>;

/// Runs `sql` through the plan kept in `slot`, with a fresh snapshot.
pub fn run<'conn>(
    client: &mut SpiClient<'conn>,
    slot: &'static Slot,
    sql: &str,
    types: &[Oid],
    arguments: &[DatumWithOid<'_>],
) -> Result<SpiTupleTable<'conn>, VerbError> {
    let plan = match slot.get() {
        Some(plan) => plan,
        None => {
            let types: Vec<PgOid> = types.iter().map(|oid| PgOid::from(*oid)).collect();
            let plan: &'static _ = Box::leak(Box::new(client.prepare_mut(sql, &types)?.keep()));
            slot.set(Some(plan));
            plan
        }
    };
    Ok(client.update(plan, None, arguments)?)
}

/// Checks that every named array describes as many calls as the first, and that they fit one batch.
pub fn check_lengths(arrays: &[(&'static str, usize)]) -> Result<(), VerbError> {
    let expected = arrays.first().map_or(0, |(_, length)| *length);
    if expected > MAX_BATCH_CALLS {
        return Err(VerbError::BatchTooLarge { got: expected, most: MAX_BATCH_CALLS });
    }
    match arrays.iter().find(|(_, length)| *length != expected) {
        Some((argument, got)) => Err(VerbError::LengthMismatch { argument, expected, got: *got }),
        None => Ok(()),
    }
}

/// An argument as the statement takes it, with its array passed on as it came.
pub fn argument<T: IntoDatum>(value: T, oid: Oid) -> DatumWithOid<'static> {
    // SAFETY: the oid is that of the SQL argument this value was read from.
    unsafe { DatumWithOid::new(value, oid) }
}

/// The same argument once more, for a second statement.
pub fn same(argument: &DatumWithOid<'static>) -> DatumWithOid<'static> {
    // SAFETY: the datum and its oid come from one argument, which outlives the call.
    unsafe { DatumWithOid::new_from_datum(argument.datum(), argument.oid()) }
}
