//! The bundle of everything about a person, through the worker's door: how long it takes, and what it holds in memory.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use sqlx::{Connection, PgConnection};
use uuid::Uuid;

use super::growth;
use crate::figure::{Figure, Target};
use crate::host;
use crate::load::{self, Request};
use crate::pgbench::claims;
use crate::rig::Rig;
use crate::scale::in_words;
use crate::upstreams;
use crate::window::median;

/// How long the larger one may take, in seconds.
const SECONDS_MAX: f64 = 5.0;
/// Of the most memory with a tenth of the rows: flat, but for what a longer run leaves to the allocator.
const MEMORY_RATIO_MAX: f64 = 1.2;
/// How soon the worker has written down what it handed out, and the pause between looks.
const WRITTEN_DOWN_MAX: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What one worker did with bundles of so many rows.
struct Exported {
    rows: u64,
    /// Median, from the question to the last byte.
    seconds: f64,
    bytes: usize,
    /// Of the worker: before the first bundle, and the most there ever was.
    memory_mb: (f64, f64),
    cpu_seconds: f64,
}

/// Measures one after the other, each with a database of one person's calls and a worker of its own.
pub async fn measure(rig: &Rig, template: &str) -> Result<Vec<Figure>> {
    let many = rig.scale.export_rows;
    let few = exported(rig, template, many / 10).await?;
    let many = exported(rig, template, many).await?;
    let what = format!("export of {} usage rows", in_words(many.rows));
    Ok(vec![
        Figure::new(what.clone(), "s", many.seconds, None, Target::AtMost(SECONDS_MAX))
            .with_cost((many.cpu_seconds * 1e6, 0.0), 0.0),
        Figure::new(format!("{what}: the zip"), "MB", many.bytes as f64 / 1e6, None, Target::None),
        Figure::new(
            format!("{what}: worker's most memory, vs {}", in_words(few.rows)),
            "MB",
            many.memory_mb.1,
            Some(few.memory_mb.1),
            Target::RatioAtMost(MEMORY_RATIO_MAX),
        ),
        Figure::new(
            format!("{what}: worker's most memory, vs before"),
            "MB",
            many.memory_mb.1,
            Some(many.memory_mb.0),
            Target::None,
        ),
    ])
}

async fn exported(rig: &Rig, template: &str, rows: u64) -> Result<Exported> {
    let database = format!("export_{rows}");
    Rig::say(&format!("Exporting {} usage rows", in_words(rows)));
    crate::seed::copy_database(rig, &database, template).await?;
    growth::fill(rig, &database, rows, 1).await?;
    let upstream = upstreams::stand_in(rig, "upstream", 0).await?;
    let worker = upstreams::octroi_on(rig, &database, upstream.address).await?;
    let pid = [worker.running.pid];
    let (before, _) = host::memory_mb(&pid)?;
    let cpu_before = host::cpu_us(&[worker.running.pid, rig.postmaster])?;
    let mut connection = PgConnection::connect_with(&rig.options("postgres", &database)).await?;
    let (mut seconds, mut bytes) = (Vec::new(), 0);
    for _ in 0..rig.scale.rounds {
        let (request_id, path) = offer(&mut connection).await?;
        let asked = Instant::now();
        bytes = load::fetch(worker.address, Request::get(&path)).await?.len();
        seconds.push(asked.elapsed().as_secs_f64());
        handed_out(&mut connection, request_id, rows).await?;
    }
    let cpu_us = host::cpu_us(&[worker.running.pid, rig.postmaster])? - cpu_before;
    let (_, most) = host::memory_mb(&pid)?;
    connection.close().await?;
    worker.running.stop().await?;
    upstream.running.stop().await?;
    crate::seed::drop_database(rig, &database).await?;
    Ok(Exported {
        rows,
        seconds: median(&mut seconds),
        bytes,
        memory_mb: (before, most),
        cpu_seconds: cpu_us / 1e6 / rig.scale.rounds as f64,
    })
}

/// The first user asks for everything about them.
async fn offer(connection: &mut PgConnection) -> Result<(Uuid, String)> {
    let mut transaction = connection.begin().await?;
    sqlx::query(
        "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
    )
    .bind(claims(1))
    .execute(&mut *transaction)
    .await?;
    let offer = sqlx::query_as("select request_id, path from octroi.export_my_data()")
        .fetch_one(&mut *transaction)
        .await
        .context("no bundle is offered")?;
    transaction.commit().await?;
    Ok(offer)
}

/// The bundle was whole, and nothing was left out of it. The worker writes that down once the last byte is on its way.
async fn handed_out(connection: &mut PgConnection, request_id: Uuid, rows: u64) -> Result<()> {
    let deadline = Instant::now() + WRITTEN_DOWN_MAX;
    loop {
        let written: Option<i64> = sqlx::query_scalar(
            "select (evidence ->> 'rows')::bigint from octroi_private.privacy_request where id = $1 and state = 'done'",
        )
        .bind(request_id)
        .fetch_optional(&mut *connection)
        .await?
        .flatten();
        match written {
            Some(written) if u64::try_from(written)? >= rows => return Ok(()),
            Some(written) => bail!("{written} rows were handed out, not {rows}"),
            None => ensure!(Instant::now() < deadline, "the bundle was not whole"),
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
