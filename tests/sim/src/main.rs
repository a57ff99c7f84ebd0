//! `octroi-sim`: the stand-ins as programs of their own.

use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use octroi_sim::http::ListenError;
use octroi_sim::openai::{self, BenchOptions, Options, Settings};
use octroi_sim::smtp::{SmtpArgs, SmtpSimError};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(about = "Stand-ins for the outside services Octroi talks to")]
struct Cli {
    #[command(subcommand)]
    service: Service,
}

#[derive(Subcommand)]
enum Service {
    /// An OpenAI-compatible server.
    Openai(OpenaiArgs),
    /// A mail server.
    Smtp(SmtpArgs),
}

#[derive(Args)]
struct OpenaiArgs {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The only key to accept; without it every caller is accepted
    #[arg(long)]
    api_key: Option<String>,
    /// A file to write the URL to once the server listens
    #[arg(long)]
    url_file: Option<PathBuf>,
    /// Milliseconds before the first token
    #[arg(long, default_value_t = 0)]
    first_token_delay_ms: u64,
    /// Milliseconds between two chunks of a stream
    #[arg(long, default_value_t = 0)]
    chunk_delay_ms: u64,
    /// Answer with ready-made bodies at the least cost, for the benchmark
    #[arg(long)]
    bench: bool,
    /// The input that each ready-made answer reports, in tokens
    #[arg(long, default_value_t = 8, requires = "bench")]
    bench_input_tokens: u64,
    /// The output that each ready-made answer reports and, streamed, its deltas
    #[arg(long, default_value_t = 64, requires = "bench")]
    bench_output_tokens: u64,
}

#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Smtp(#[from] SmtpSimError),
    #[error("cannot write the URL: {0}")]
    Url(std::io::Error),
    #[error("cannot start: {0}")]
    Start(std::io::Error),
}

fn main() -> ExitCode {
    let served = match Cli::parse().service {
        Service::Openai(args) => runtime(args.bench).and_then(|runtime| runtime.block_on(openai(args))),
        Service::Smtp(args) => runtime(false).and_then(|runtime| runtime.block_on(smtp(args))),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell if standard error is closed too.
            let _ = writeln!(std::io::stderr(), "octroi-sim: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// One thread is the cheapest way to serve ready-made bodies, and leaves the other cores to what is measured.
fn runtime(bench: bool) -> Result<Runtime, Failure> {
    let mut builder = if bench { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build().map_err(Failure::Start)
}

/// Ends when the program is told to.
fn told_to_end() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Start)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

async fn smtp(args: SmtpArgs) -> Result<(), Failure> {
    let ends = told_to_end()?;
    let handle = args.start().await?;
    announce(&handle.url(), args.url_file.as_deref())?;
    ends.await;
    Ok(())
}

async fn openai(args: OpenaiArgs) -> Result<(), Failure> {
    let ends = told_to_end()?;
    if args.bench {
        let handle = openai::spawn_bench(BenchOptions {
            listen: args.listen,
            input_tokens: args.bench_input_tokens,
            output_tokens: args.bench_output_tokens,
            first_token_delay: Duration::from_millis(args.first_token_delay_ms),
            chunk_delay: Duration::from_millis(args.chunk_delay_ms),
        })
        .await?;
        announce(handle.base_url.trim_end_matches("/v1"), args.url_file.as_deref())?;
        ends.await;
        return Ok(());
    }
    let settings = Settings {
        first_token_delay_ms: args.first_token_delay_ms,
        chunk_delay_ms: args.chunk_delay_ms,
        ..Settings::default()
    };
    let options = Options { listen: args.listen, api_key: args.api_key, settings };
    let handle = openai::spawn(options).await?;
    announce(&handle.url, args.url_file.as_deref())?;
    ends.await;
    Ok(())
}

/// Says where the server listens. The file appears whole, so that whoever waits for it can read it at once.
fn announce(url: &str, file: Option<&Path>) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "listening on {url}").and_then(|()| out.flush()).map_err(Failure::Url)?;
    let Some(file) = file else { return Ok(()) };
    let partial = file.with_extension("partial");
    std::fs::write(&partial, format!("{url}\n")).map_err(Failure::Url)?;
    std::fs::rename(&partial, file).map_err(Failure::Url)
}
