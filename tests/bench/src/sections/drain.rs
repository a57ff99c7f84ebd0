//! A backlog of jobs that do nothing, worked off by our queue and by others, each job durably completed.

use std::path::Path;

use anyhow::Result;

use crate::figure::{Figure, Target};
use crate::queues::{ours, theirs};
use crate::rig::Rig;
use crate::scale::in_words;
use crate::window::{Opened, Series, Work};

/// Measures it, the queues taking turns; beside the figures, which could not be installed.
pub async fn measure(rig: &Rig, peers: Option<&Path>) -> Result<(Vec<Figure>, Vec<String>)> {
    let jobs = rig.scale.jobs;
    let (mut contenders, mut left_out) = (Vec::new(), Vec::new());
    for queue in theirs::ALL {
        match peers.filter(|peers| queue.is_installed(peers)) {
            Some(peers) => contenders.push((queue, peers, Series::default())),
            None => left_out.push(format!("{} is not installed and was left out", queue.name)),
        }
    }
    let mut mine = Series::default();
    for _ in 0..rig.scale.rounds {
        Rig::say(&format!("A drain of {} jobs by our queue", in_words(jobs.into())));
        let mut connection = rig.superuser().await?;
        ours::clear(&mut connection).await?;
        ours::add(&mut connection, jobs).await?;
        sqlx::query("checkpoint").execute(&mut connection).await?;
        let opened = Opened::now(&[rig.postmaster])?;
        let seconds = ours::drain(rig, &mut connection, jobs).await?;
        mine.push(opened.close(&[rig.postmaster], work(jobs, seconds))?);
        for (queue, peers, series) in &mut contenders {
            Rig::say(&format!("The same by {}", queue.name));
            // Their filling of the table is inside, so nothing is said of their CPU.
            let opened = Opened::now(&[])?;
            let seconds = queue.drain(rig, peers, jobs).await?;
            series.push(opened.close(&[], work(jobs, seconds))?);
        }
    }
    let figures = contenders
        .iter()
        .map(|(queue, _, series)| {
            let name = format!("drain of {} no-op jobs, vs {}", in_words(jobs.into()), queue.name);
            Figure::new(name, "jobs/s", mine.rate(), Some(series.rate()), Target::RatioAtLeast(1.0))
                .with_cost((mine.cpu_us(), 0.0), mine.steal_percent().max(series.steal_percent()))
        })
        .collect();
    Ok((figures, left_out))
}

fn work(jobs: u32, seconds: f64) -> Work {
    Work { operations: f64::from(jobs), seconds, ..Work::default() }
}
