//! Octroi beside other gateways, on the same stand-in, in the same run.

mod litellm;
mod onwards;
mod portkey;
mod tensorzero;

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};

use crate::child::Running;
use crate::figure::{Figure, Target};
use crate::host;
use crate::keys::{self, Key};
use crate::load::{self, Request};
use crate::rig::Rig;
use crate::sections::gateway::{self, Ways, at, requests};
use crate::window::{Series, Window};

/// Where latency and where throughput is taken.
const ALONE: usize = 1;
const BUSY: usize = 32;

/// Another gateway, running.
#[derive(Debug)]
pub struct Peer {
    name: &'static str,
    address: SocketAddr,
    asked: Request,
    /// Its processes, what it needs besides included; the gateway first.
    running: Vec<Running>,
    /// What Octroi has to reach beside it: of its added latency, and of its requests a second.
    targets: (Target, Target),
}

#[derive(Default)]
struct Contest {
    alone: Series,
    busy: Series,
    memory_mb: f64,
}

/// Starts what is installed, measures it beside Octroi, and tells what did not start.
pub async fn measure(rig: &Rig, directory: &Path) -> Result<(Vec<Figure>, Vec<String>)> {
    let keys = keys::make(rig).await?;
    let before = keys::recorded(rig, &keys).await?;
    let ways = Ways::open(rig, 0).await?;
    let (peers, left_out) = start(rig, directory, ways.bare.address).await;

    let measured = async {
        let mut figures = contest(rig, &ways, &peers, &keys).await?;
        figures.extend(gateway::books(rig, "gateway", ways.upstream.address, &keys, before).await?);
        anyhow::Ok(figures)
    }
    .await;
    // Orderly, whatever happened: some have processes of their own.
    for running in peers.into_iter().flat_map(|peer| peer.running) {
        running.stop().await?;
    }
    ways.close().await?;
    Ok((measured?, left_out))
}

async fn contest(rig: &Rig, ways: &Ways, peers: &[Peer], keys: &[Key]) -> Result<Vec<Figure>> {
    let metered = keys::questions(keys, false);
    let plain = [keys::question("", false)];
    let mut bare = Contest::default();
    let mut ours = Contest::default();
    let mut theirs: Vec<Contest> = peers.iter().map(|_| Contest::default()).collect();
    for connections in [ALONE, BUSY] {
        Rig::say(&format!("Gateways, {}", at(connections)));
        for _ in 0..rig.scale.rounds {
            let contestants = [
                ("the bare upstream", &mut bare, ways.bare.address, &plain[..], vec![ways.bare.running.pid]),
                ("Octroi", &mut ours, ways.octroi.address, &metered[..], ways.metering(rig).to_vec()),
            ];
            let others = peers.iter().zip(&mut theirs).map(|(peer, contest)| {
                let pids = peer.running.iter().map(|running| running.pid).collect();
                (peer.name, contest, peer.address, std::slice::from_ref(&peer.asked), pids)
            });
            for (name, contest, address, asked, pids) in contestants.into_iter().chain(others) {
                let window =
                    requests(address, asked, connections, rig.scale.window, &pids).await.context(name)?;
                if connections == ALONE {
                    contest.alone.push(window)
                } else {
                    contest.busy.push(window)
                }
                contest.memory_mb = host::memory_mb(&pids[..1])?.0;
            }
        }
    }
    Ok(peers
        .iter()
        .zip(&theirs)
        .flat_map(|(peer, contest)| rows(peer, &bare.alone, &ours, contest))
        .collect())
}

async fn start(rig: &Rig, directory: &Path, upstream: SocketAddr) -> (Vec<Peer>, Vec<String>) {
    Rig::say("Starting other gateways");
    let started = [
        ("onwards", onwards::start(rig, directory, upstream).await),
        ("TensorZero", tensorzero::start(rig, directory, upstream, false).await),
        ("TensorZero with Redis limits", tensorzero::start(rig, directory, upstream, true).await),
        ("Portkey", portkey::start(rig, directory, upstream).await),
        ("LiteLLM", litellm::start(rig, directory, upstream).await),
    ];
    let (mut peers, mut left_out) = (Vec::new(), Vec::new());
    for (name, peer) in started {
        let answered = match peer {
            Ok(peer) => {
                load::until_ok(peer.address, peer.asked.clone(), "it does not answer").await.map(|()| peer)
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok(peer) => peers.push(peer),
            Err(error) => left_out.push(format!("{name} was not measured: {error:#}")),
        }
    }
    for line in &left_out {
        Rig::say(line);
    }
    (peers, left_out)
}

fn rows(peer: &Peer, bare: &Series, ours: &Contest, theirs: &Contest) -> Vec<Figure> {
    let p50 = |window: &Window| window.work.p50_us;
    let row = |what: &str, unit, ours_value, theirs_value, target, of: fn(&Contest) -> &Series| {
        let (ours, theirs) = (of(ours), of(theirs));
        let steal = ours.steal_percent().max(theirs.steal_percent());
        Figure::new(format!("{what}, vs {}", peer.name), unit, ours_value, Some(theirs_value), target)
            .with_cost((ours.cpu_us(), theirs.cpu_us()), steal)
    };
    vec![
        row(
            "added p50, 1 connection",
            "us",
            ours.alone.above(bare, p50),
            theirs.alone.above(bare, p50),
            peer.targets.0,
            |contest| &contest.alone,
        ),
        row(
            "requests, 32 connections",
            "requests/s",
            ours.busy.rate(),
            theirs.busy.rate(),
            peer.targets.1,
            |contest| &contest.busy,
        ),
        row(
            "CPU per request, 32 connections",
            "us",
            ours.busy.cpu_us(),
            theirs.busy.cpu_us(),
            Target::None,
            |contest| &contest.busy,
        ),
        row("memory of the gateway", "MB", ours.memory_mb, theirs.memory_mb, Target::None, |contest| {
            &contest.busy
        }),
    ]
}
