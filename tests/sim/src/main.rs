//! `octroi-sim`: the stand-ins as programs of their own.

mod cli;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tokio::runtime::{Builder, Runtime};

use cli::{Cli, Failure, Service};

fn main() -> ExitCode {
    let service = Cli::parse().service;
    match runtime(&service).and_then(|runtime| runtime.block_on(run(service))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell if standard error is closed too.
            let _ = writeln!(std::io::stderr(), "octroi-sim: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// One thread is the cheapest way to serve ready-made bodies, and leaves the other cores to what is measured.
fn runtime(service: &Service) -> Result<Runtime, Failure> {
    let one_thread = matches!(service, Service::Openai(args) if args.bench);
    let mut builder = if one_thread { Builder::new_current_thread() } else { Builder::new_multi_thread() };
    builder.enable_all().build().map_err(Failure::Start)
}

async fn run(service: Service) -> Result<(), Failure> {
    match service {
        Service::Openai(args) => args.run().await,
        Service::Smtp(args) => cli::smtp::run(args).await,
        Service::Stripe(args) => args.run().await,
    }
}
