//! The command line.

use std::path::PathBuf;

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
    /// Declare what is sold, and make it at Stripe.
    #[command(subcommand)]
    Plans(PlansCommand),
    /// Set up and repair the connection to Stripe.
    #[command(subcommand)]
    Stripe(StripeCommand),
    /// Compare ledger, reports, Stripe's meters, invoices and subscriptions; fails unless every difference is explained.
    Reconcile,
    /// Keep those who were erased erased.
    #[command(subcommand)]
    Erasure(ErasureCommand),
}

/// What to do with the plan file.
#[derive(Debug, Subcommand)]
pub enum PlansCommand {
    /// Show what changes, then make it so, here and at Stripe.
    Push {
        /// The plan file.
        #[arg(long, default_value = "plans.toml")]
        file: PathBuf,
        /// Only show.
        #[arg(long)]
        dry_run: bool,
    },
    /// Say what differs between file, database and Stripe; fails when anything does.
    Check {
        /// The plan file.
        #[arg(long, default_value = "plans.toml")]
        file: PathBuf,
    },
}

/// What to do at Stripe.
#[derive(Debug, Subcommand)]
pub enum StripeCommand {
    /// Look at everything Stripe has of our customers, as if an event had come for each.
    Backfill,
    /// Make the webhook endpoint, or give it the right events.
    Endpoint {
        /// Where the webhook function is: https://PROJECT.supabase.co/functions/v1/stripe-webhook
        url: String,
    },
}

/// What to do about those who were erased.
#[derive(Debug, Subcommand)]
pub enum ErasureCommand {
    /// Print the tombstones, a line each; keep them outside the backups.
    List,
    /// After a restore: erase again whoever is on the list.
    Replay {
        /// What `octroi erasure list` printed.
        #[arg(long)]
        from: PathBuf,
    },
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
