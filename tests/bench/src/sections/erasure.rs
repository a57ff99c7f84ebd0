//! Erasing somebody who made a tenth of all calls: how soon they are gone, how long their rows take, and what others
//! notice of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, Executor, PgConnection};
use uuid::Uuid;

use super::growth;
use super::pairs::numbered_id;
use crate::figure::{Figure, Target};
use crate::rig::Rig;
use crate::scale::in_words;
use crate::window::percentile;

/// The account that a tenth of all calls are of.
const LEAVER: u32 = 1;
/// Accounts that go on calling, from the second on.
const CALLERS: u32 = 1_000;
/// Rows of one bite, and the pause after it as a part of its time: the worker's.
const BITE_ROWS: i32 = 5_000;
const PAUSE_PART: u32 = 4;
/// How soon somebody must be gone, in milliseconds.
const GONE_MS_MAX: f64 = 50.0;
/// Of a bare DELETE of as many rows.
const REMOVAL_RATIO_MAX: f64 = 3.0;
/// Of the others' latency while nobody is erased.
const OTHERS_RATIO_MAX: f64 = 1.2;

/// Fills a copy of `template`, and erases the owner of its busiest account.
pub async fn measure(rig: &Rig, template: &str) -> Result<Vec<Figure>> {
    let (database, rows) = ("erasure", rig.scale.usage_rows.1);
    Rig::say(&format!("Filling a ledger with {} usage rows, of which one user leaves", in_words(rows)));
    crate::seed::copy_database(rig, database, template).await?;
    growth::fill(rig, database, rows, rig.scale.accounts).await?;
    let mut superuser = PgConnection::connect_with(&rig.options("postgres", database)).await?;
    let bare = bare_delete(&mut superuser).await?;
    // Rows that somebody tried to delete are looked at one by one until the next vacuum, which is nobody's case.
    superuser.execute("vacuum octroi_private.usage_event").await?;
    let before = others(rig, database, Until::Passed(rig.scale.window * 2)).await?;

    Rig::say("Erasing, while the others go on");
    superuser.execute("checkpoint").await?;
    let gone_ms = delete_user(&mut superuser, LEAVER).await?;
    let stop = AtomicBool::new(false);
    let (removed, during) =
        tokio::join!(remove(&mut superuser, &stop), others(rig, database, Until::Told(&stop)));
    let ((removed_rows, removal_seconds), during) = (removed?, during?);
    let gone_again_ms = delete_user(&mut superuser, CALLERS + 2).await?;
    superuser.close().await?;
    crate::seed::drop_database(rig, database).await?;
    ensure!(removed_rows >= bare.rows, "{removed_rows} rows were removed, not {}", bare.rows);
    let size = format!("{} of {} usage rows", in_words(bare.rows), in_words(rows));
    Ok(vec![
        Figure::new(format!("identity gone, {size}"), "ms", gone_ms, None, Target::AtMost(GONE_MS_MAX)),
        Figure::new("identity gone, the session's second", "ms", gone_again_ms, None, Target::None),
        Figure::new(
            format!("physical removal vs bare DELETE, {size}"),
            "s",
            removal_seconds,
            Some(bare.seconds),
            Target::RatioAtMost(REMOVAL_RATIO_MAX),
        ),
        Figure::new(
            "others' reserve p99 during removal vs before",
            "us",
            during,
            Some(before),
            Target::RatioAtMost(OTHERS_RATIO_MAX),
        ),
    ])
}

/// What a DELETE that knows nothing of books takes.
struct Bare {
    rows: u64,
    seconds: f64,
}

/// Deletes the rows and takes it back, twice: the second time they are in memory, as they are for whoever comes after.
async fn bare_delete(superuser: &mut PgConnection) -> Result<Bare> {
    let mut bare = Bare { rows: 0, seconds: 0.0 };
    for _ in 0..2 {
        superuser.execute("checkpoint").await?;
        let mut transaction = superuser.begin().await?;
        transaction.execute("set local session_replication_role = 'replica'").await?;
        let began = Instant::now();
        let deleted = sqlx::query("delete from octroi_private.usage_event where account_id = $1")
            .bind(numbered_id(LEAVER))
            .execute(&mut *transaction)
            .await?;
        bare = Bare { rows: deleted.rows_affected(), seconds: began.elapsed().as_secs_f64() };
        transaction.rollback().await?;
    }
    ensure!(bare.rows > 0, "there is nothing to remove");
    Ok(bare)
}

/// The transaction that forgets the user, in milliseconds.
async fn delete_user(superuser: &mut PgConnection, number: u32) -> Result<f64> {
    let began = Instant::now();
    let deleted = sqlx::query("delete from auth.users where id = $1")
        .bind(numbered_id(number))
        .execute(&mut *superuser)
        .await?;
    let ms = began.elapsed().as_secs_f64() * 1e3;
    ensure!(deleted.rows_affected() == 1, "there is no user to delete");
    Ok(ms)
}

/// Removes the calls as the worker's job does: rows, and seconds.
async fn remove(superuser: &mut PgConnection, stop: &AtomicBool) -> Result<(u64, f64)> {
    let removed = remove_all(superuser).await;
    stop.store(true, Ordering::Release);
    removed
}

async fn remove_all(superuser: &mut PgConnection) -> Result<(u64, f64)> {
    let receipt: Uuid = sqlx::query_scalar("select id from octroi_private.erasure_receipt")
        .fetch_one(&mut *superuser)
        .await
        .context("there is no receipt")?;
    let (began, mut rows) = (Instant::now(), 0);
    loop {
        let asked = Instant::now();
        let query = sqlx::query_as("select rows_done, is_done from octroi_private.remove_usage($1, $2)");
        let (done, is_done): (i64, bool) =
            query.bind(receipt).bind(BITE_ROWS).fetch_one(&mut *superuser).await?;
        rows += u64::try_from(done)?;
        if is_done {
            return Ok((rows, began.elapsed().as_secs_f64()));
        }
        tokio::time::sleep(asked.elapsed() / PAUSE_PART).await;
    }
}

/// How long the others are watched.
enum Until<'s> {
    /// So long.
    Passed(Duration),
    /// Until somebody says so.
    Told(&'s AtomicBool),
}

impl Until<'_> {
    fn is_over(&self, began: Instant) -> bool {
        match self {
            Self::Passed(time) => began.elapsed() >= *time,
            Self::Told(stop) => stop.load(Ordering::Acquire),
        }
    }
}

/// The 99th percentile of the others' reserve, in microseconds; each is settled.
async fn others(rig: &Rig, database: &str, until: Until<'_>) -> Result<f64> {
    let mut backend = PgConnection::connect_with(&rig.options("bench_backend", database)).await?;
    let callers = CALLERS.min(rig.scale.accounts - 1);
    let (began, mut latencies_us, mut turn) = (Instant::now(), Vec::new(), 0_u32);
    // The first round opens what each account needs, once a month.
    while !until.is_over(began) || turn < callers * 2 {
        let account_id = numbered_id(2 + turn * 97 % callers);
        let request_id = Uuid::now_v7();
        let asked = Instant::now();
        let verdict: String = sqlx::query_scalar(
            "select verdict from octroi_private.reserve($1, $2, null, $2, 'gpt-5.4-mini', 100, 500)",
        )
        .bind(request_id)
        .bind(account_id)
        .fetch_one(&mut backend)
        .await?;
        let latency_us = asked.elapsed().as_secs_f64() * 1e6;
        ensure!(verdict == "granted", "a call was not granted: {verdict}");
        sqlx::query("select outcome from octroi_private.settle($1, 90, 100)")
            .bind(request_id)
            .execute(&mut backend)
            .await?;
        if turn >= callers {
            latencies_us.push(latency_us);
        }
        turn += 1;
    }
    latencies_us.sort_by(f64::total_cmp);
    Ok(percentile(&latencies_us, 99.0))
}
