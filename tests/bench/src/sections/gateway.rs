//! The gateway with metering on, beside the bare upstream and beside nginx as a plain reverse proxy.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::figure::{Figure, Target};
use crate::host;
use crate::keys::{self, Key};
use crate::load::{self, Request};
use crate::rig::Rig;
use crate::upstreams::{self, Server};
use crate::window::{self, Opened, Series, Window};

/// Connections at once.
const CONNECTIONS: [usize; 3] = [1, 32, 256];
/// What a lone call may wait for it, in microseconds.
const ADDED_P50_US_MAX: f64 = 500.0;
/// Metered requests a second, at `BUSY_CONNECTIONS`.
const REQUESTS_PER_SECOND_MIN: f64 = 4_000.0;
/// CPU of worker and Postgres for a metered request, in microseconds, at `BUSY_CONNECTIONS`.
const CPU_US_MAX: f64 = 450.0;
const BUSY_CONNECTIONS: usize = 32;

/// The three ways to an answer. Octroi has a stand-in of its own, so that its books hold Octroi's calls only.
#[derive(Debug)]
pub struct Ways {
    /// The stand-in that is asked directly and through nginx.
    pub bare: Server,
    /// nginx before it.
    pub nginx: Server,
    /// The stand-in behind Octroi.
    pub upstream: Server,
    /// Octroi's worker.
    pub octroi: Server,
}

impl Ways {
    /// Starts all of them.
    pub async fn open(rig: &Rig, pace_ms: u64) -> Result<Self> {
        let bare = upstreams::stand_in(rig, "bare_upstream", pace_ms).await?;
        let nginx = upstreams::nginx(rig, bare.address).await?;
        let upstream = upstreams::stand_in(rig, "upstream", pace_ms).await?;
        let octroi = upstreams::octroi(rig, upstream.address).await?;
        Ok(Self { bare, nginx, upstream, octroi })
    }

    /// Stops them, the worker first so that it can finish.
    pub async fn close(self) -> Result<()> {
        for server in [self.octroi, self.nginx, self.upstream, self.bare] {
            server.running.stop().await?;
        }
        Ok(())
    }

    /// The processes whose CPU time a metered call costs.
    pub fn metering(&self, rig: &Rig) -> [u32; 2] {
        [self.octroi.running.pid, rig.postmaster]
    }
}

/// Measures plain answers.
pub async fn measure(rig: &Rig, ways: &Ways, keys: &[Key]) -> Result<Vec<Figure>> {
    let mut figures = Vec::new();
    for connections in CONNECTIONS {
        Rig::say(&format!("The gateway, {}", at(connections)));
        let [mut bare, mut nginx, mut ours] = [(); 3].map(|()| Series::default());
        let plain = [keys::question("", false)];
        let metered = keys::questions(keys, false);
        for _ in 0..rig.scale.rounds {
            let window = rig.scale.window;
            let metering = ways.metering(rig);
            let (bare_pid, nginx_pid) = ([ways.bare.running.pid], [ways.nginx.running.pid]);
            let ask = async |name, server: &Server, asked: &[Request], roots: &[u32]| {
                requests(server.address, asked, connections, window, roots).await.context(name)
            };
            bare.push(ask("the bare upstream", &ways.bare, &plain, &bare_pid).await?);
            nginx.push(ask("nginx", &ways.nginx, &plain, &nginx_pid).await?);
            ours.push(ask("Octroi", &ways.octroi, &metered, &metering).await?);
        }
        figures.extend(rows(connections, &bare, &nginx, &ours));
        let (memory_mb, _) = host::memory_mb(&[ways.octroi.running.pid])?;
        let (nginx_mb, _) = host::memory_mb(&[ways.nginx.running.pid])?;
        let name = format!("gateway, {}: worker memory, vs nginx", at(connections));
        figures.push(Figure::new(name, "MB", memory_mb, Some(nginx_mb), Target::None));
    }
    Ok(figures)
}

/// One window of plain requests, watching the processes `roots`.
pub async fn requests(
    address: SocketAddr,
    asked: &[Request],
    connections: usize,
    window: Duration,
    roots: &[u32],
) -> Result<Window> {
    window::steady(async || {
        let opened = Opened::now(roots)?;
        let work = load::requests(address, asked, connections, window).await?;
        opened.close(roots, work)
    })
    .await
}

fn rows(connections: usize, bare: &Series, nginx: &Series, ours: &Series) -> Vec<Figure> {
    let when = |holds: bool, target| if holds { target } else { Target::None };
    let (alone, busy) = (connections == 1, connections == BUSY_CONNECTIONS);
    let steal = [bare, nginx, ours].map(Series::steal_percent).into_iter().fold(0.0, f64::max);
    let cost = (ours.cpu_us(), nginx.cpu_us());
    let row = |what: &str, unit, ours: f64, line: f64, target| {
        let name = format!("gateway, {}: {what}", at(connections));
        Figure::new(name, unit, ours, Some(line), target).with_cost(cost, steal)
    };
    let p50 = |window: &Window| window.work.p50_us;
    let p99 = |window: &Window| window.work.p99_us;
    vec![
        row(
            "added p50, vs nginx's",
            "us",
            ours.above(bare, p50),
            nginx.above(bare, p50),
            when(alone, Target::AtMost(ADDED_P50_US_MAX)),
        ),
        row("added p99, vs nginx's", "us", ours.above(bare, p99), nginx.above(bare, p99), Target::None),
        row(
            "metered requests, vs nginx",
            "requests/s",
            ours.rate(),
            nginx.rate(),
            when(busy, Target::AtLeast(REQUESTS_PER_SECOND_MIN)),
        ),
        row("metered requests, vs bare upstream", "requests/s", ours.rate(), bare.rate(), Target::None),
        row(
            "CPU of worker + Postgres per request, vs nginx",
            "us",
            ours.cpu_us(),
            nginx.cpu_us(),
            when(busy, Target::AtMost(CPU_US_MAX)),
        ),
    ]
}

/// Whether the books agree: the provider's with ours, and ours with themselves.
pub async fn books(
    rig: &Rig,
    what: &str,
    upstream: SocketAddr,
    keys: &[Key],
    before: (i64, i64, i64),
) -> Result<Vec<Figure>> {
    let (requests, tokens) = upstreams::served(upstream).await?;
    let after = keys::recorded(rig, keys).await?;
    let (recorded_requests, recorded_tokens) = (after.0 - before.0, after.1 - before.1);
    let mut connection = rig.superuser().await?;
    let violated: i64 = sqlx::query_scalar("select count(*) from octroi_private.integrity")
        .fetch_one(&mut connection)
        .await?;
    let same = |name: String, unit, recorded: i64, served: i64| {
        let mut figure =
            Figure::new(name, unit, recorded as f64, Some(served as f64), Target::RatioAtLeast(1.0));
        figure.target = Some("equal".to_owned());
        figure.ok = Some(recorded == served);
        figure
    };
    let none = |name: &str, unit, found: i64| {
        Figure::new(format!("{what}: {name}"), unit, found as f64, None, Target::AtMost(0.0))
    };
    Ok(vec![
        same(
            format!("{what}: calls in usage_event, vs served upstream"),
            "calls",
            recorded_requests,
            requests,
        ),
        same(format!("{what}: tokens in usage_event, vs served upstream"), "tokens", recorded_tokens, tokens),
        none("tokens beyond what was held", "tokens", after.2 - before.2),
        none("violated invariants in octroi_private.integrity", "rows", violated),
    ])
}

/// `1 connection`, `32 connections`.
pub fn at(connections: usize) -> String {
    format!("{connections} connection{}", if connections == 1 { "" } else { "s" })
}
