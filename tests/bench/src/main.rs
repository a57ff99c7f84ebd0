//! `octroi-bench`: measures Octroi beside the reference of each figure, all in one run, the contenders taking turns.
//!
//! `docs/benchmarks.md` says what each row means. `stack/bench.sh` makes the cluster and starts this.

mod child;
mod figure;
mod host;
mod keys;
mod load;
mod peers;
mod pgbench;
mod queues;
mod rig;
mod scale;
mod sections;
mod seed;
mod shop;
mod upstreams;
mod window;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};

use figure::Figure;
use rig::{Rig, RigArgs};
use sections::gateway::Ways;
use sections::{
    check_quota, cycle_close, drain, enqueue, erasure, export, gateway, growth, held_snapshot, pairs,
    pick_up, rls, streams, waiting, webhook_door,
};

/// A copy of the database as it was before the first measurement.
const TEMPLATE: &str = "bench_template";

#[derive(Parser)]
#[command(about = "Measures Octroi beside the reference of each figure")]
struct Cli {
    #[command(flatten)]
    rig: RigArgs,
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand)]
enum Part {
    /// Measure Octroi
    Run {
        /// Which sections, separated by commas; all of them by default
        #[arg(long, env = "BENCH_SECTIONS", value_delimiter = ',')]
        sections: Vec<Section>,
        /// Where `install_peers.sh` has installed other job queues
        #[arg(long, env = "BENCH_PEERS")]
        peers: Option<PathBuf>,
    },
    /// Measure Octroi and other gateways on the same upstream
    Peers {
        /// Where `stack/bench_peers.sh` has installed them
        #[arg(long, env = "BENCH_PEERS")]
        directory: PathBuf,
    },
}

/// A part of the benchmark that can be measured alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    CheckQuota,
    Pairs,
    Gateway,
    Waiting,
    Growth,
    Rls,
    Export,
    Erasure,
    PickUp,
    Drain,
    Enqueue,
    HeldSnapshot,
    WebhookDoor,
    CycleClose,
}

#[tokio::main]
async fn main() -> ExitCode {
    match measure(Cli::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            Rig::say(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

async fn measure(cli: Cli) -> Result<()> {
    let rig = Rig::new(cli.rig).await?;
    let heading = format!(
        "{}\n{}\n{} rounds of {} s each, medians{}",
        host::description(),
        seed::server_description(&rig).await?,
        rig.scale.rounds,
        rig.scale.window_seconds(),
        if rig.args.quick { "; BENCH_QUICK: these figures prove nothing" } else { "" },
    );
    Rig::say(&heading);
    let sync_us = host::page_sync_us(&rig.args.state)?;
    seed::copy_database(&rig, shop::TEMPLATE, rig.database()).await?;
    seed::prepare(&rig).await?;
    let (figures, notes) = match &cli.part {
        Part::Run { sections, peers } => run(&rig, sections, peers.as_deref()).await?,
        Part::Peers { directory } => peers::measure(&rig, directory).await?,
    };
    figure::write_json(&figures, &rig.args.json)?;
    let heading = format!(
        "{heading}\na page written and synced in {sync_us:.0} us before, {:.0} us after",
        host::page_sync_us(&rig.args.state)?
    );
    let text = format!("{heading}\n\n{}{}\n", figure::table(&figures), notes.join("\n"));
    std::fs::write(rig.args.json.with_extension("txt"), &text).context("the table cannot be written")?;
    writeln!(std::io::stdout(), "\n{text}").context("standard output is closed")
}

async fn run(rig: &Rig, sections: &[Section], peers: Option<&Path>) -> Result<(Vec<Figure>, Vec<String>)> {
    let wanted = |section| sections.is_empty() || sections.contains(&section);
    seed::copy_database(rig, TEMPLATE, rig.database()).await?;
    let mut figures = Vec::new();
    if wanted(Section::CheckQuota) {
        figures.extend(check_quota::measure(rig).await?);
    }
    if wanted(Section::Pairs) {
        figures.extend(pairs::measure(rig).await?);
    }
    if wanted(Section::Gateway) {
        figures.extend(through_the_gateway(rig).await?);
    }
    if wanted(Section::Waiting) {
        figures.extend(waiting::measure(rig, TEMPLATE).await?);
    }
    if wanted(Section::Growth) {
        figures.extend(growth::measure(rig, TEMPLATE).await?);
    }
    if wanted(Section::Rls) {
        figures.extend(rls::measure(rig, TEMPLATE).await?);
    }
    if wanted(Section::Export) {
        figures.extend(export::measure(rig, TEMPLATE).await?);
    }
    if wanted(Section::Erasure) {
        figures.extend(erasure::measure(rig, TEMPLATE).await?);
    }
    let mut notes = Vec::new();
    if wanted(Section::PickUp) {
        figures.extend(pick_up::measure(rig).await?);
    }
    if wanted(Section::Drain) {
        let (measured, left_out) = drain::measure(rig, peers).await?;
        figures.extend(measured);
        notes.extend(left_out);
    }
    if wanted(Section::Enqueue) {
        figures.extend(enqueue::measure(rig).await?);
    }
    if wanted(Section::HeldSnapshot) {
        figures.extend(held_snapshot::measure(rig).await?);
    }
    if wanted(Section::WebhookDoor) {
        figures.extend(webhook_door::measure(rig).await?);
    }
    if wanted(Section::CycleClose) {
        figures.extend(cycle_close::measure(rig).await?);
    }
    Ok((figures, notes))
}

async fn through_the_gateway(rig: &Rig) -> Result<Vec<Figure>> {
    let keys = keys::make(rig).await?;
    let mut figures = Vec::new();
    for pace_ms in [0, upstreams::PACE_MS] {
        let before = keys::recorded(rig, &keys).await?;
        let ways = Ways::open(rig, pace_ms).await?;
        let measured = async {
            let (what, mut measured) = if pace_ms == 0 {
                let mut plain = gateway::measure(rig, &ways, &keys).await?;
                plain.extend(streams::measure_in_turn(rig, &ways, &keys).await?);
                ("gateway", plain)
            } else {
                ("streams", streams::measure_at_once(rig, &ways, &keys).await?)
            };
            measured.extend(gateway::books(rig, what, ways.upstream.address, &keys, before).await?);
            anyhow::Ok(measured)
        }
        .await;
        // Orderly, whatever happened: a killed nginx would leave its workers behind.
        ways.close().await?;
        figures.extend(measured?);
    }
    Ok(figures)
}
