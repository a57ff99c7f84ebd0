//! Streams through the gateway: what they add to the first token, and whether every frame comes.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};

use super::gateway::{Ways, at};
use crate::figure::{Figure, Target};
use crate::host;
use crate::keys::{self, Key};
use crate::load::{self, Request};
use crate::rig::Rig;
use crate::upstreams::OUTPUT_TOKENS;
use crate::window::{self, Opened, Series, Window};

/// Added time to the first token, in microseconds.
const ADDED_FIRST_TOKEN_US_MAX: f64 = 500.0;
/// Most the worker's resident memory may ever have been, in MB.
const WORKER_MEMORY_MB_MAX: f64 = 100.0;
/// Frames of a stream beside its deltas: the role, the finish reason, and the end.
const OTHER_FRAMES: u64 = 3;
/// Streams of a round, one after the other.
const IN_TURN: usize = 500;
/// Streams that each connection reads, when many are open.
const EACH: usize = 3;
/// Connections open evenly over this time, as clients do that know nothing of each other.
const RAMP: Duration = Duration::from_secs(1);

/// Streams as fast as they can be read, one at a time.
pub async fn measure_in_turn(rig: &Rig, ways: &Ways, keys: &[Key]) -> Result<Vec<Figure>> {
    Rig::say("Streams, one at a time");
    Ok(contest(rig, ways, keys, Shape { connections: 1, each: IN_TURN, ramp: Duration::ZERO }).await?.rows())
}

/// Paced streams, many at a time.
pub async fn measure_at_once(rig: &Rig, ways: &Ways, keys: &[Key]) -> Result<Vec<Figure>> {
    let shape = Shape { connections: rig.scale.streams, each: EACH, ramp: RAMP };
    Rig::say(&format!("Streams, {} at a time", shape.connections));
    let mut figures = contest(rig, ways, keys, shape).await?.rows();
    let (_, most_mb) = host::memory_mb(&[ways.octroi.running.pid])?;
    let (_, nginx_mb) = host::memory_mb(&[ways.nginx.running.pid])?;
    let name = format!("streams, {}: most memory of the worker, vs nginx", at(shape.connections));
    figures.push(Figure::new(name, "MB", most_mb, Some(nginx_mb), Target::AtMost(WORKER_MEMORY_MB_MAX)));
    Ok(figures)
}

#[derive(Clone, Copy)]
struct Shape {
    connections: usize,
    each: usize,
    ramp: Duration,
}

impl Shape {
    const fn frames(self) -> u64 {
        (self.connections * self.each) as u64 * (OUTPUT_TOKENS + OTHER_FRAMES)
    }
}

struct Contest {
    shape: Shape,
    bare: Series,
    nginx: Series,
    ours: Series,
    frames_lost: u64,
}

async fn contest(rig: &Rig, ways: &Ways, keys: &[Key], shape: Shape) -> Result<Contest> {
    let plain = [keys::question("", true)];
    let metered = keys::questions(keys, true);
    let [bare, nginx, ours] = [(); 3].map(|()| Series::default());
    let mut contest = Contest { shape, bare, nginx, ours, frames_lost: 0 };
    for _ in 0..rig.scale.rounds {
        let (window, _) = streams(ways.bare.address, &plain, shape, &[ways.bare.running.pid])
            .await
            .context("the bare upstream")?;
        contest.bare.push(window);
        let (window, _) =
            streams(ways.nginx.address, &plain, shape, &[ways.nginx.running.pid]).await.context("nginx")?;
        contest.nginx.push(window);
        let (window, lost) =
            streams(ways.octroi.address, &metered, shape, &ways.metering(rig)).await.context("Octroi")?;
        contest.ours.push(window);
        contest.frames_lost += lost;
    }
    Ok(contest)
}

/// One window of streams, and how many frames did not come; frames of a repeated window count too.
async fn streams(
    address: SocketAddr,
    asked: &[Request],
    shape: Shape,
    roots: &[u32],
) -> Result<(Window, u64)> {
    let mut lost = 0;
    let window = window::steady(async || {
        let opened = Opened::now(roots)?;
        let streamed = load::streams(address, asked, shape.connections, shape.each, shape.ramp).await?;
        lost += shape.frames().abs_diff(streamed.frames);
        opened.close(roots, streamed.work)
    })
    .await?;
    Ok((window, lost))
}

impl Contest {
    fn rows(&self) -> Vec<Figure> {
        let steal =
            [&self.bare, &self.nginx, &self.ours].map(Series::steal_percent).into_iter().fold(0.0, f64::max);
        let row = |what: &str, unit, ours: f64, line: Option<f64>, target| {
            let name = format!("streams, {}: {what}", at(self.shape.connections));
            Figure::new(name, unit, ours, line, target)
                .with_cost((self.ours.cpu_us(), self.nginx.cpu_us()), steal)
        };
        let above = |series: &Series, read: fn(&Window) -> f64| series.above(&self.bare, read);
        let p50: fn(&Window) -> f64 = |window| window.work.p50_us;
        let p99: fn(&Window) -> f64 = |window| window.work.p99_us;
        vec![
            row(
                "added p50 to the first token, vs nginx's",
                "us",
                above(&self.ours, p50),
                Some(above(&self.nginx, p50)),
                Target::AtMost(ADDED_FIRST_TOKEN_US_MAX),
            ),
            row(
                "added p99 to the first token, vs nginx's",
                "us",
                above(&self.ours, p99),
                Some(above(&self.nginx, p99)),
                Target::None,
            ),
            row("frames lost", "frames", self.frames_lost as f64, None, Target::AtMost(0.0)),
            row(
                "CPU of worker + Postgres per stream, vs nginx",
                "us",
                self.ours.cpu_us(),
                Some(self.nginx.cpu_us()),
                Target::None,
            ),
        ]
    }
}
