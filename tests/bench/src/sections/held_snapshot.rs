//! Our queue while somebody's transaction stays open: nothing that was worked off since can be cleaned up.

use anyhow::Result;
use sqlx::{Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep_until};

use crate::figure::{Figure, Target};
use crate::queues::ours;
use crate::rig::Rig;
use crate::scale::in_words;
use crate::window::{Opened, Series, Window, Work};

/// Of the rate without such a transaction.
const RATIO_MIN: f64 = 0.9;
/// Lots of jobs worked off before it is measured, each as large as what is measured, spread over the time that the
/// transaction is open.
const CHURNED: u32 = 4;

/// Measures it, with and without in turn.
pub async fn measure(rig: &Rig) -> Result<Vec<Figure>> {
    let jobs = rig.scale.jobs / 4;
    let (mut clean, mut held) = (Series::default(), Series::default());
    for _ in 0..rig.scale.rounds {
        Rig::say("Dequeue, clean");
        clean.push(after_churn(rig, jobs).await?);
        Rig::say("Dequeue, with a transaction held open");
        let mut open = rig.superuser().await?;
        open.execute("begin isolation level repeatable read").await?;
        open.execute("select count(*) from octroi_private.job").await?;
        held.push(after_churn(rig, jobs).await?);
        open.execute("commit").await?;
        open.close().await?;
    }
    let churned = in_words(u64::from(jobs * CHURNED));
    let open_for = rig.scale.held_open.as_secs();
    let name =
        format!("dequeue with a transaction held open for {open_for} s and {churned} jobs, vs without");
    let steal = held.steal_percent().max(clean.steal_percent());
    let target = Target::RatioAtLeast(RATIO_MIN);
    Ok(vec![
        Figure::new(name, "jobs/s", held.rate(), Some(clean.rate()), target)
            .with_cost((held.cpu_us(), clean.cpu_us()), steal),
    ])
}

async fn after_churn(rig: &Rig, jobs: u32) -> Result<Window> {
    let mut connection = rig.superuser().await?;
    // Not truncated: that would take the held snapshot's rows away with it.
    connection.execute("delete from octroi_private.job").await?;
    for _ in 0..CHURNED {
        let next_at = Instant::now() + rig.scale.held_open / CHURNED;
        ours::add(&mut connection, jobs).await?;
        ours::drain(rig, &mut connection, jobs).await?;
        // Both wait: what can be cleaned up meanwhile is what differs.
        sleep_until(next_at).await;
    }
    ours::add(&mut connection, jobs).await?;
    connection.execute("checkpoint").await?;
    let opened = Opened::now(&[rig.postmaster])?;
    let seconds = ours::drain(rig, &mut connection, jobs).await?;
    let work = Work { operations: f64::from(jobs), seconds, ..Work::default() };
    let window = opened.close(&[rig.postmaster], work)?;
    PgConnection::close(connection).await?;
    Ok(window)
}
