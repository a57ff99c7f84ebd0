//! `settle_many`: records what calls used.

use std::cell::Cell;

use pgrx::JsonB;
use pgrx::Uuid;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::{
    BYTEAARRAYOID, INT2ARRAYOID, INT4ARRAYOID, INT4OID, INT8ARRAYOID, JSONBARRAYOID, TEXTARRAYOID,
    UUIDARRAYOID,
};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::error::VerbError;
use crate::statement::{Kept, Slot, argument, check_lengths, run, same};

thread_local! {
    static LOCK: Kept = const { Cell::new(None) };
    static REOPEN: Kept = const { Cell::new(None) };
    static SETTLE: Kept = const { Cell::new(None) };
    static SETTLE_MANY: Kept = const { Cell::new(None) };
    static KEEP: Kept = const { Cell::new(None) };
    static FOLLOW_UP: Kept = const { Cell::new(None) };
}

const CALLS: [pg_sys::Oid; 18] = [
    UUIDARRAYOID,
    INT8ARRAYOID,
    INT8ARRAYOID,
    INT8ARRAYOID,
    INT8ARRAYOID,
    INT8ARRAYOID,
    INT8ARRAYOID,
    INT8ARRAYOID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    TEXTARRAYOID,
    JSONBARRAYOID,
    INT4ARRAYOID,
    INT4ARRAYOID,
    TEXTARRAYOID,
    INT8ARRAYOID,
    INT4OID,
    INT4OID,
];
const ANSWERS: [pg_sys::Oid; 4] = [UUIDARRAYOID, INT2ARRAYOID, TEXTARRAYOID, BYTEAARRAYOID];

/// Request, outcome, tokens, cost, overrun, what remains, and whether there is more to do than to count.
type Settled =
    (Option<Uuid>, Option<String>, Option<i64>, Option<i64>, Option<i64>, Option<i64>, Option<bool>);

/// Closes calls with what they used; `sql/settle_many.sql` says how. One row a call, in the order given.
///
/// Raises 2202E when the arrays differ in length and 54000 for more than a thousand calls.
#[pg_extern(volatile, parallel_unsafe)]
#[allow(clippy::too_many_arguments, clippy::type_complexity)]
fn settle_many(
    request_ids: Array<'_, Uuid>,
    input_tokens: Array<'_, i64>,
    cached_input_tokens: Array<'_, i64>,
    cache_write_tokens: Array<'_, i64>,
    audio_input_tokens: Array<'_, i64>,
    output_tokens: Array<'_, i64>,
    reasoning_tokens: Array<'_, i64>,
    audio_output_tokens: Array<'_, i64>,
    response_models: Array<'_, &str>,
    service_tiers: Array<'_, &str>,
    sources: Array<'_, &str>,
    raw_usages: Array<'_, JsonB>,
    latency_ms: Array<'_, i32>,
    first_token_ms: Array<'_, i32>,
    upstream_request_ids: Array<'_, &str>,
    response_statuses: Array<'_, i16>,
    response_content_types: Array<'_, &str>,
    response_bodies: Array<'_, &[u8]>,
    cache_write_12h_tokens: Array<'_, i64>,
) -> Result<
    TableIterator<
        'static,
        (
            name!(request_id, Option<Uuid>),
            name!(outcome, Option<String>),
            name!(total_tokens, Option<i64>),
            name!(cost_nano_usd, Option<i64>),
            name!(overrun_tokens, Option<i64>),
            name!(remaining, Option<i64>),
        ),
    >,
    ErrorReport,
> {
    check_lengths(&[
        ("request_ids", request_ids.len()),
        ("input_tokens", input_tokens.len()),
        ("cached_input_tokens", cached_input_tokens.len()),
        ("cache_write_tokens", cache_write_tokens.len()),
        ("audio_input_tokens", audio_input_tokens.len()),
        ("output_tokens", output_tokens.len()),
        ("reasoning_tokens", reasoning_tokens.len()),
        ("audio_output_tokens", audio_output_tokens.len()),
        ("response_models", response_models.len()),
        ("service_tiers", service_tiers.len()),
        ("sources", sources.len()),
        ("raw_usages", raw_usages.len()),
        ("latency_ms", latency_ms.len()),
        ("first_token_ms", first_token_ms.len()),
        ("upstream_request_ids", upstream_request_ids.len()),
        ("response_statuses", response_statuses.len()),
        ("response_content_types", response_content_types.len()),
        ("response_bodies", response_bodies.len()),
        ("cache_write_12h_tokens", cache_write_12h_tokens.len()),
    ])?;
    let last = i32::try_from(request_ids.len()).unwrap_or(i32::MAX);
    let has_answers = response_bodies.iter().any(|body| body.is_some());
    let ids = argument(request_ids, UUIDARRAYOID);
    let answers = [
        same(&ids),
        argument(response_statuses, INT2ARRAYOID),
        argument(response_content_types, TEXTARRAYOID),
        argument(response_bodies, BYTEAARRAYOID),
    ];
    let calls = [
        ids,
        argument(input_tokens, INT8ARRAYOID),
        argument(cached_input_tokens, INT8ARRAYOID),
        argument(cache_write_tokens, INT8ARRAYOID),
        argument(audio_input_tokens, INT8ARRAYOID),
        argument(output_tokens, INT8ARRAYOID),
        argument(reasoning_tokens, INT8ARRAYOID),
        argument(audio_output_tokens, INT8ARRAYOID),
        argument(response_models, TEXTARRAYOID),
        argument(service_tiers, TEXTARRAYOID),
        argument(sources, TEXTARRAYOID),
        argument(raw_usages, JSONBARRAYOID),
        argument(latency_ms, INT4ARRAYOID),
        argument(first_token_ms, INT4ARRAYOID),
        argument(upstream_request_ids, TEXTARRAYOID),
        argument(cache_write_12h_tokens, INT8ARRAYOID),
    ];
    let rows = Spi::connect_mut(|client| {
        let ids = &calls[..1];
        let id_type = &CALLS[..1];
        // Nearly every lone call is open; what is not falls through to the statement for many.
        let mut rows = Vec::new();
        if last == 1 {
            rows = close(client, &SETTLE, include_str!("../sql/settle.sql"), &calls, 1, 1)?;
        }
        if rows.is_empty() {
            run(client, &LOCK, include_str!("../sql/settle_lock.sql"), id_type, ids)?;
            rows = close(client, &SETTLE_MANY, include_str!("../sql/settle_many.sql"), &calls, 1, last)?;
        }
        for (row, ord) in rows.iter_mut().zip(1..) {
            if row.1.as_deref() == Some("expired") {
                *row = close_late(client, &calls, ord)?;
            }
        }
        if has_answers {
            run(client, &KEEP, include_str!("../sql/settle_keep.sql"), &ANSWERS, &answers)?;
        }
        let followed_up: Vec<Uuid> = rows
            .iter()
            .filter(|row| {
                row.6 == Some(true) && row.1.as_deref().is_some_and(|outcome| outcome.starts_with("settled"))
            })
            .filter_map(|row| row.0)
            .collect();
        if !followed_up.is_empty() {
            let followed_up = [argument(followed_up, UUIDARRAYOID)];
            run(client, &FOLLOW_UP, include_str!("../sql/settle_follow_up.sql"), id_type, &followed_up)?;
        }
        Ok::<_, VerbError>(rows)
    })?;
    Ok(TableIterator::new(rows.into_iter().map(|row| (row.0, row.1, row.2, row.3, row.4, row.5))))
}

/// A call that had expired gets a hold again, as far as there is room, and is closed with it.
fn close_late(
    client: &mut SpiClient<'_>,
    calls: &[DatumWithOid<'static>],
    ord: i32,
) -> Result<Settled, VerbError> {
    let which = [same(&calls[0]), argument(ord, INT4OID)];
    run(client, &REOPEN, include_str!("../sql/settle_reopen.sql"), &[UUIDARRAYOID, INT4OID], &which)?;
    close(client, &SETTLE_MANY, include_str!("../sql/settle_many.sql"), calls, ord, ord)?
        .pop()
        .ok_or(VerbError::Raced)
}

fn close(
    client: &mut SpiClient<'_>,
    slot: &'static Slot,
    sql: &str,
    calls: &[DatumWithOid<'static>],
    first: i32,
    last: i32,
) -> Result<Vec<Settled>, VerbError> {
    let mut arguments: Vec<_> = calls.iter().map(same).collect();
    arguments.push(argument(first, INT4OID));
    arguments.push(argument(last, INT4OID));
    run(client, slot, sql, &CALLS, &arguments)?
        .map(|row| {
            Ok((row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?))
        })
        .collect()
}
