//! The command line: one subcommand for each stand-in.

mod openai;
mod smtp;
mod stripe;

use std::io::Write;
use std::path::Path;

use clap::{Parser, Subcommand};
use octroi_sim::http::ListenError;
use octroi_sim::smtp::SmtpSimError;
use octroi_sim::stripe::{StartError, StateFileError};
use tokio::signal::unix::{SignalKind, signal};

#[derive(Parser)]
#[command(about = "Stand-ins for the outside services Octroi talks to")]
pub struct Cli {
    #[command(subcommand)]
    pub service: Service,
}

#[derive(Subcommand)]
pub enum Service {
    /// An OpenAI-compatible server.
    Openai(openai::OpenaiArgs),
    /// A mail server.
    Smtp(smtp::SmtpCommand),
    /// A Stripe-compatible server.
    Stripe(stripe::StripeArgs),
}

/// Why a stand-in did not run.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Listen(#[from] ListenError),
    #[error(transparent)]
    Stripe(#[from] StartError),
    #[error(transparent)]
    StateFile(#[from] StateFileError),
    #[error(transparent)]
    Smtp(#[from] SmtpSimError),
    #[error("cannot write the URL: {0}")]
    Url(std::io::Error),
    #[error("cannot start: {0}")]
    Start(std::io::Error),
}

/// Waits until the program is told to end. Listens for that from the moment it is called.
fn ends() -> Result<impl Future<Output = ()>, Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::Start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::Start)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
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
