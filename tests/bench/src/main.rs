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
mod rig;
mod scale;
mod sections;
mod seed;
mod upstreams;
mod window;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};

use figure::Figure;
use rig::{Rig, RigArgs};
use sections::gateway::Ways;
use sections::{check_quota, erasure, gateway, growth, pairs, streams};

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
    Growth,
    Erasure,
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
    seed::prepare(&rig).await?;
    let (figures, notes) = match &cli.part {
        Part::Run { sections } => (run(&rig, sections).await?, Vec::new()),
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

async fn run(rig: &Rig, sections: &[Section]) -> Result<Vec<Figure>> {
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
    if wanted(Section::Growth) {
        figures.extend(growth::measure(rig, TEMPLATE).await?);
    }
    if wanted(Section::Erasure) {
        figures.extend(erasure::measure(rig, TEMPLATE).await?);
    }
    Ok(figures)
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
