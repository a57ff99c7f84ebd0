//! `reserve_many`: decides calls and holds what they may spend.

use std::cell::Cell;

use pgrx::Uuid;
use pgrx::datum::DatumWithOid;
use pgrx::pg_sys::panic::ErrorReport;
use pgrx::pg_sys::{
    BOOLARRAYOID, BOOLOID, BYTEAARRAYOID, INT4ARRAYOID, INT4OID, INT8ARRAYOID, TEXTARRAYOID, UUIDARRAYOID,
};
use pgrx::prelude::*;
use pgrx::spi::SpiClient;

use crate::error::VerbError;
use crate::segments::segments;
use crate::statement::{Kept, Slot, argument, check_lengths, run, same};

thread_local! {
    static MISSING: Kept = const { Cell::new(None) };
    static FORGET: Kept = const { Cell::new(None) };
    static OPEN: Kept = const { Cell::new(None) };
    static LOCK: Kept = const { Cell::new(None) };
    static RESERVE: Kept = const { Cell::new(None) };
    static RESERVE_MANY: Kept = const { Cell::new(None) };
}

const CALLERS: [pg_sys::Oid; 4] = [UUIDARRAYOID, UUIDARRAYOID, UUIDARRAYOID, TEXTARRAYOID];
const CALLS: [pg_sys::Oid; 17] = [
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
    BOOLARRAYOID,
    INT8ARRAYOID,
    INT4OID,
    INT4OID,
    BOOLOID,
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
    Option<String>,
    Option<i64>,
    Option<i32>,
    Option<i64>,
    Option<String>,
    Option<String>,
);

/// Decides calls in order of arrival; `sql/reserve_many.sql` says how. One row a call, in the order given.
///
/// Raises 2202E when the arrays differ in length, 54000 for more than a thousand calls, and 40001 when a rule was
/// changed twice in the middle of it.
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
    waits: bool,
    reasoning: Array<'_, bool>,
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
            name!(output_bound, Option<String>),
            name!(needed, Option<i64>),
            name!(wait_seconds, Option<i32>),
            name!(ticket, Option<i64>),
            name!(on_disconnect, Option<String>),
            name!(set_by, Option<String>),
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
        ("reasoning", reasoning.len()),
    ])?;
    let last = i32::try_from(request_ids.len()).unwrap_or(i32::MAX);
    let segments = segments(&request_ids, &account_ids, &idempotency_keys);
    let calls = vec![
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
        argument(reasoning, BOOLARRAYOID),
    ];
    let rows = Spi::connect_mut(|client| {
        let mut batch = Batch { client, calls, waits, locked: Vec::new() };
        // Nearly every lone call is plainly granted; what is not falls through to the statement for many.
        if last == 1 {
            batch.lock()?;
            let granted = if batch.locked.is_empty() { Vec::new() } else { batch.grant_plainly()? };
            if !granted.is_empty() {
                return Ok(granted);
            }
        }
        batch.open_or_lock(last == 1)?;
        let mut rows = Vec::new();
        for (first, last) in segments {
            rows.extend(batch.decide(first, last)?);
        }
        Ok::<_, VerbError>(rows)
    })?;
    Ok(TableIterator::new(rows))
}

/// One call of the verb: its arguments, and the balances it has locked.
struct Batch<'client, 'conn> {
    client: &'client mut SpiClient<'conn>,
    calls: Vec<DatumWithOid<'static>>,
    waits: bool,
    locked: Vec<i64>,
}

impl Batch<'_, '_> {
    fn lock(&mut self) -> Result<(), VerbError> {
        let table =
            run(self.client, &LOCK, include_str!("../sql/reserve_lock.sql"), &CALLERS, &self.calls[1..5])?;
        self.locked = table.first().get(1)?.unwrap_or_default();
        Ok(())
    }

    /// Opens what is not open, and locks. A lone call that holds locks already has found everything open.
    fn open_or_lock(&mut self, is_lone: bool) -> Result<(), VerbError> {
        if is_lone && !self.locked.is_empty() {
            return Ok(());
        }
        let callers = &self.calls[1..5];
        let table =
            run(self.client, &MISSING, include_str!("../sql/reserve_missing.sql"), &CALLERS, callers)?;
        if table.first().get(1)?.unwrap_or(true) {
            let table = run(self.client, &OPEN, include_str!("../sql/reserve_open.sql"), &CALLERS, callers)?;
            self.locked = table.first().get(1)?.unwrap_or_default();
            Ok(())
        } else {
            self.lock()
        }
    }

    fn grant_plainly(&mut self) -> Result<Vec<Verdict>, VerbError> {
        self.verdicts(&RESERVE, include_str!("../sql/reserve.sql"), 1, 1)
    }

    /// Decides calls `first` to `last`. What a concurrent change of rules or a racing twin left undecided, and what
    /// was released before, is decided once more on a new snapshot.
    fn decide(&mut self, first: i32, last: i32) -> Result<Vec<Verdict>, VerbError> {
        let sql = include_str!("../sql/reserve_many.sql");
        let mut rows = self.verdicts(&RESERVE_MANY, sql, first, last)?;
        if rows.iter().any(is_undecided) {
            run(
                self.client,
                &FORGET,
                include_str!("../sql/reserve_forget.sql"),
                &CALLERS[..2],
                &self.calls[..2],
            )?;
            for (row, ord) in rows.iter_mut().zip(first..) {
                if is_undecided(row) {
                    *row = self.verdicts(&RESERVE_MANY, sql, ord, ord)?.pop().ok_or(VerbError::Raced)?;
                }
            }
        }
        if rows.iter().any(|row| row.1.as_deref() == Some("raced")) {
            return Err(VerbError::Raced);
        }
        Ok(rows)
    }

    fn verdicts(
        &mut self,
        slot: &'static Slot,
        sql: &str,
        first: i32,
        last: i32,
    ) -> Result<Vec<Verdict>, VerbError> {
        let mut arguments: Vec<_> = self.calls.iter().map(same).collect();
        arguments.push(argument(self.locked.clone(), INT8ARRAYOID));
        arguments.push(argument(first, INT4OID));
        arguments.push(argument(last, INT4OID));
        arguments.push(argument(self.waits, BOOLOID));
        run(self.client, slot, sql, &CALLS, &arguments)?
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
                    row.get(19)?,
                    row.get(20)?,
                    row.get(21)?,
                    row.get(22)?,
                    row.get(23)?,
                    row.get(24)?,
                ))
            })
            .collect()
    }
}

fn is_undecided(row: &Verdict) -> bool {
    row.1.as_deref() == Some("raced")
        || (row.1.as_deref() == Some("replayed") && row.2.as_deref() == Some("released"))
}
