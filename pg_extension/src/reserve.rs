//! `reserve_many`: decides calls and holds what they may spend.

use std::cell::Cell;

use pgrx::Uuid;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::{BYTEAARRAYOID, INT4ARRAYOID, INT4OID, INT8ARRAYOID, TEXTARRAYOID, UUIDARRAYOID};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::error::VerbError;
use crate::statement::{Kept, Slot, argument, check_lengths, run};

thread_local! {
    static OPEN: Kept = const { Cell::new(None) };
    static LOCK: Kept = const { Cell::new(None) };
    static RESERVE: Kept = const { Cell::new(None) };
    static RESERVE_MANY: Kept = const { Cell::new(None) };
}

const CALLERS: [pg_sys::Oid; 4] = [UUIDARRAYOID, UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID];
const CALLS: [pg_sys::Oid; 12] = [
    UUIDARRAYOID,
    UUIDARRAYOID,
    UUIDARRAYOID,
    UUIDARRAYOID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    INT8ARRAYOID,
    INT8ARRAYOID,
    INT4ARRAYOID,
    TEXTARRAYOID,
    BYTEAARRAYOID,
    INT4OID,
];

type Verdict = (
    Option<Uuid>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<TimestampWithTimeZone>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<TimestampWithTimeZone>,
    Option<TimestampWithTimeZone>,
    Option<i64>,
    Option<String>,
);

/// Decides calls in order of arrival; `sql/reserve_many.sql` says how. One row a call, in the order given.
///
/// Raises 2202E when the arrays differ in length and 54000 for more than a thousand calls.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
fn reserve_many(
    request_ids: Array<'_, Uuid>,
    account_ids: Array<'_, Uuid>,
    api_key_ids: Array<'_, Uuid>,
    user_ids: Array<'_, Uuid>,
    models: Array<'_, &str>,
    endpoints: Array<'_, &str>,
    input_tokens: Array<'_, i64>,
    output_tokens: Array<'_, i64>,
    choices: Array<'_, i32>,
    idempotency_keys: Array<'_, &str>,
    body_hashes: Array<'_, &[u8]>,
    lease_seconds: i32,
) -> Result<
    TableIterator<
        'static,
        (
            name!(request_id, Option<Uuid>),
            name!(verdict, Option<String>),
            name!(reason, Option<String>),
            name!(output_tokens, Option<i64>),
            name!(hold_tokens, Option<i64>),
            name!(hold_cost_nano_usd, Option<i64>),
            name!(expires_at, Option<TimestampWithTimeZone>),
            name!(scope, Option<String>),
            name!(meter, Option<String>),
            name!(period, Option<String>),
            name!(granted, Option<i64>),
            name!(used, Option<i64>),
            name!(reserved, Option<i64>),
            name!(remaining, Option<i64>),
            name!(period_start, Option<TimestampWithTimeZone>),
            name!(resets_at, Option<TimestampWithTimeZone>),
            name!(retry_after_seconds, Option<i64>),
            name!(plan, Option<String>),
        ),
    >,
    ErrorReport,
> {
    check_lengths(&[
        ("request_ids", request_ids.len()),
        ("account_ids", account_ids.len()),
        ("api_key_ids", api_key_ids.len()),
        ("user_ids", user_ids.len()),
        ("models", models.len()),
        ("endpoints", endpoints.len()),
        ("input_tokens", input_tokens.len()),
        ("output_tokens", output_tokens.len()),
        ("choices", choices.len()),
        ("idempotency_keys", idempotency_keys.len()),
        ("body_hashes", body_hashes.len()),
    ])?;
    let is_lone = request_ids.len() == 1;
    let calls = [
        argument(request_ids, UUIDARRAYOID),
        argument(account_ids, UUIDARRAYOID),
        argument(api_key_ids, UUIDARRAYOID),
        argument(user_ids, UUIDARRAYOID),
        argument(models, TEXTARRAYOID),
        argument(endpoints, TEXTARRAYOID),
        argument(input_tokens, INT8ARRAYOID),
        argument(output_tokens, INT8ARRAYOID),
        argument(choices, INT4ARRAYOID),
        argument(idempotency_keys, TEXTARRAYOID),
        argument(body_hashes, BYTEAARRAYOID),
        argument(lease_seconds, INT4OID),
    ];
    let rows = Spi::connect_mut(|client| {
        // Nearly every lone call is plainly granted; what is not falls through to the statement for many.
        if is_lone {
            let granted = decide(client, &RESERVE, include_str!("../sql/reserve.sql"), &calls)?;
            if !granted.is_empty() {
                return Ok(granted);
            }
        }
        run(client, &OPEN, include_str!("../sql/reserve_open.sql"), &CALLERS, &calls[1..5])?;
        run(client, &LOCK, include_str!("../sql/reserve_lock.sql"), &CALLERS, &calls[1..5])?;
        decide(client, &RESERVE_MANY, include_str!("../sql/reserve_many.sql"), &calls)
    })?;
    Ok(TableIterator::new(rows))
}

fn decide(
    client: &mut SpiClient<'_>,
    slot: &'static Slot,
    sql: &str,
    calls: &[DatumWithOid<'_>],
) -> Result<Vec<Verdict>, VerbError> {
    run(client, slot, sql, &CALLS, calls)?
        .map(|row| {
            Ok((
                row.get(1)?,
                row.get(2)?,
                row.get(3)?,
                row.get(4)?,
                row.get(5)?,
                row.get(6)?,
                row.get(7)?,
                row.get(8)?,
                row.get(9)?,
                row.get(10)?,
                row.get(11)?,
                row.get(12)?,
                row.get(13)?,
                row.get(14)?,
                row.get(15)?,
                row.get(16)?,
                row.get(17)?,
                row.get(18)?,
            ))
        })
        .collect()
}
