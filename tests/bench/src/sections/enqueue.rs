//! Jobs put into the queue one by one by many clients, beside the same transaction that tells nobody, and beside one that
//! always does.

use std::time::Duration;

use anyhow::Result;
use sqlx::{AssertSqlSafe, Connection, Executor};

use super::check_quota::in_clients;
use crate::figure::{Figure, Target};
use crate::pgbench::{self, ENQUEUE};
use crate::queues::ours::{self, Worker};
use crate::rig::Rig;
use crate::window::{Series, Window};

/// Clients at once.
const CLIENTS: u32 = 32;
/// How often the worker is told by hand, in milliseconds: else it would sleep on while nobody tells it.
const TOLD_EVERY_MS: u64 = 50;
/// Of the rate without NOTIFY.
const RATIO_MIN: f64 = 0.9;

/// Which trigger tells of a new job.
#[derive(Clone, Copy)]
enum Told {
    Nobody,
    WhoStandsBy,
    Everybody,
}

/// Measures it, in turn, while a worker works off what comes in.
pub async fn measure(rig: &Rig) -> Result<Vec<Figure>> {
    let (mut silent, mut ours, mut naive) = (Series::default(), Series::default(), Series::default());
    let mut connection = rig.superuser().await?;
    connection.execute(include_str!("../../sql/always_notify.sql")).await?;
    connection.close().await?;
    for _ in 0..rig.scale.rounds {
        Rig::say(&format!("Enqueue, {}", in_clients(CLIENTS)));
        silent.push(enqueue(rig, Told::Nobody).await?);
        ours.push(enqueue(rig, Told::WhoStandsBy).await?);
        naive.push(enqueue(rig, Told::Everybody).await?);
    }
    tell(rig, Told::WhoStandsBy).await?;
    let row = |other: &str, line: &Series, target| {
        let name = format!("enqueue, {}, a worker at work, vs {other}", in_clients(CLIENTS));
        Figure::new(name, "jobs/s", ours.rate(), Some(line.rate()), target)
            .with_cost((ours.cpu_us(), line.cpu_us()), ours.steal_percent().max(line.steal_percent()))
    };
    Ok(vec![
        row("without NOTIFY", &silent, Target::RatioAtLeast(RATIO_MIN)),
        row("NOTIFY each time", &naive, Target::None),
    ])
}

async fn enqueue(rig: &Rig, told: Told) -> Result<Window> {
    tell(rig, told).await?;
    let mut connection = rig.superuser().await?;
    ours::clear(&mut connection).await?;
    let worker = Worker::start(rig, None)?;
    let window = tokio::select! {
        window = pgbench::measure(rig, ENQUEUE, CLIENTS, 1) => window,
        failed = told_by_hand(rig) => failed,
    };
    let done = ours::done(&mut connection).await;
    worker.stop().await?;
    done?;
    window
}

/// Keeps the worker at work; it only ends by failing.
async fn told_by_hand(rig: &Rig) -> Result<Window> {
    let mut connection = rig.superuser().await?;
    loop {
        tokio::time::sleep(Duration::from_millis(TOLD_EVERY_MS)).await;
        connection.execute("notify octroi_job").await?;
    }
}

async fn tell(rig: &Rig, told: Told) -> Result<()> {
    let mut connection = rig.superuser().await?;
    for (trigger, is_on) in [
        ("job_inserted", matches!(told, Told::WhoStandsBy)),
        ("always_notify", matches!(told, Told::Everybody)),
    ] {
        let verb = if is_on { "enable" } else { "disable" };
        let statement = format!("alter table octroi_private.job {verb} trigger {trigger}");
        connection.execute(AssertSqlSafe(statement)).await?;
    }
    Ok(connection.close().await?)
}
