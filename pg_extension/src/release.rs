//! `release_many`: gives holds back unspent.

use std::cell::Cell;

use pgrx::Uuid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::{TEXTARRAYOID, UUIDARRAYOID};
use pgrx::prelude::*;

use crate::error::VerbError;
use crate::statement::{Kept, argument, check_lengths, run};

thread_local! {
    static LOCK: Kept = const { Cell::new(None) };
    static RELEASE: Kept = const { Cell::new(None) };
}

const CALLS: [pg_sys::Oid; 2] = [UUIDARRAYOID, TEXTARRAYOID];

/// Closes calls that did not happen; `sql/release.sql` says how. One row a call, in the order given.
///
/// Raises 2202E when the arrays differ in length and 54000 for more than a thousand calls.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::type_complexity)]
fn release_many(
    request_ids: Array<'_, Uuid>,
    reasons: Array<'_, &str>,
) -> Result<
    TableIterator<'static, (name!(request_id, Option<Uuid>), name!(outcome, Option<String>))>,
    ErrorReport,
> {
    check_lengths(&[("request_ids", request_ids.len()), ("reasons", reasons.len())])?;
    let calls = [argument(request_ids, UUIDARRAYOID), argument(reasons, TEXTARRAYOID)];
    let rows = Spi::connect_mut(|client| {
        // a release touches the same rows as a settle, and takes the same locks
        run(client, &LOCK, include_str!("../sql/settle_lock.sql"), &CALLS[..1], &calls[..1])?;
        let table = run(client, &RELEASE, include_str!("../sql/release.sql"), &CALLS, &calls)?;
        table.map(|row| Ok((row.get(1)?, row.get(2)?))).collect::<Result<Vec<_>, VerbError>>()
    })?;
    Ok(TableIterator::new(rows))
}
