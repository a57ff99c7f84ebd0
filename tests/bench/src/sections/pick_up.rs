//! From a job's commit to its start, on an idle queue; the line is the same commit with a bare NOTIFY, heard by LISTEN.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sqlx::postgres::PgListener;
use sqlx::{Connection, Executor, PgConnection};

use crate::figure::{Figure, Target};
use crate::queues::ours::{self, KIND, Starts, Worker};
use crate::rig::Rig;
use crate::window::{median, percentile};

/// Half of them may take so long, and 99 % so long, in microseconds.
const P50_US_MAX: f64 = 2_000.0;
const P99_US_MAX: f64 = 10_000.0;
/// Pauses between jobs, in milliseconds, in turn: 100 jobs a second, in no step with anything.
const PAUSES_MS: [u64; 7] = [10, 4, 17, 8, 13, 6, 12];
/// The channel of the line.
const CHANNEL: &str = "bench_line";

/// Measures it, in turn with the line.
pub async fn measure(rig: &Rig) -> Result<Vec<Figure>> {
    let jobs = rig.scale.window_seconds() as usize * 100;
    let (mut ours_p50, mut ours_p99, mut line_p50, mut line_p99) = (vec![], vec![], vec![], vec![]);
    for _ in 0..rig.scale.rounds {
        Rig::say("Pick-up of jobs on an idle queue");
        let line = heard(rig, jobs).await?;
        line_p50.push(percentile(&line, 50.0));
        line_p99.push(percentile(&line, 99.0));
        let picked_up = picked_up(rig, jobs).await?;
        ours_p50.push(percentile(&picked_up, 50.0));
        ours_p99.push(percentile(&picked_up, 99.0));
    }
    let row = |name: &str, ours: &mut Vec<f64>, line: &mut Vec<f64>, most| {
        let name = format!("job, from the call of COMMIT to its start, {name}, vs bare NOTIFY to LISTEN");
        Figure::new(name, "us", median(ours), Some(median(line)), Target::AtMost(most))
    };
    Ok(vec![
        row("p50", &mut ours_p50, &mut line_p50, P50_US_MAX),
        row("p99", &mut ours_p99, &mut line_p99, P99_US_MAX),
    ])
}

/// Times from commit to start of jobs that come one by one, sorted, in microseconds.
async fn picked_up(rig: &Rig, jobs: usize) -> Result<Vec<f64>> {
    let mut connection = rig.superuser().await?;
    ours::clear(&mut connection).await?;
    let starts = Starts::default();
    let worker = Worker::start(rig, Some(Arc::clone(&starts)))?;
    // The first is not counted: connections are opened and statements prepared.
    ours::add(&mut connection, 1).await?;
    ours::done(&mut connection).await?;
    let mut committed = Vec::with_capacity(jobs);
    for pause_ms in PAUSES_MS.into_iter().cycle().take(jobs) {
        let mut transaction = connection.begin().await?;
        let id: i64 =
            sqlx::query_scalar("insert into octroi_private.job (kind, args) values ($1, '{}') returning id")
                .bind(KIND)
                .fetch_one(&mut *transaction)
                .await?;
        committed.push((id, Instant::now()));
        transaction.commit().await?;
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    ours::done(&mut connection).await?;
    worker.stop().await?;
    let starts = starts.lock().unwrap_or_else(PoisonError::into_inner);
    let mut waited = committed
        .iter()
        .map(|(id, at)| {
            Ok(starts.get(id).context("a job was never started")?.duration_since(*at).as_secs_f64() * 1e6)
        })
        .collect::<Result<Vec<f64>>>()?;
    waited.sort_by(f64::total_cmp);
    Ok(waited)
}

/// Times from commit to arrival of bare notifications, sorted, in microseconds.
async fn heard(rig: &Rig, notifications: usize) -> Result<Vec<f64>> {
    let pool = sqlx::postgres::PgPoolOptions::new()
        .max_connections(1)
        .connect_with(rig.options("postgres", rig.database()))
        .await?;
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.listen(CHANNEL).await?;
    let mut connection: PgConnection = rig.superuser().await?;
    let mut waited = Vec::with_capacity(notifications);
    for pause_ms in PAUSES_MS.into_iter().cycle().take(notifications) {
        let mut transaction = connection.begin().await?;
        transaction
            .execute("insert into bench.bare_insert (account_id, tokens) values (gen_random_uuid(), 1)")
            .await?;
        transaction.execute("notify bench_line").await?;
        let at = Instant::now();
        transaction.commit().await?;
        listener.recv().await?;
        waited.push(at.elapsed().as_secs_f64() * 1e6);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
    waited.sort_by(f64::total_cmp);
    Ok(waited)
}
