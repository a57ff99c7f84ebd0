//! The command line.

use clap::{Args, Parser, Subcommand};

/// Meters, limits and bills OpenAI usage from inside Postgres. Configured by environment variables; see
/// docs/operations.md.
#[derive(Debug, Parser)]
#[command(name = "octroi", version, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway and the jobs until SIGTERM.
    Serve(Serve),
    /// Check configuration, database, rights and versions, and say what to do about each fault.
    Doctor,
}

/// What `octroi serve` leaves to other workers.
#[derive(Debug, Clone, Copy, Args)]
pub struct Serve {
    /// Run no jobs and no sweep; another worker has to.
    #[arg(long, conflicts_with = "no_gateway")]
    pub no_jobs: bool,
    /// Serve no API calls.
    #[arg(long)]
    pub no_gateway: bool,
}
