//! The command line.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use thiserror::Error;

pub use breach::{BreachCommand, BreachNotify, ReportFormat};

mod breach;

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
    /// Declare what models cost, show what is in force, and compare it with a cost map.
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Set up and repair the connection to Stripe.
    #[command(subcommand)]
    Stripe(StripeCommand),
    /// Rotate the keys that seal personal data, and revoke API keys that leaked.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Take in the users whom Auth had before Octroi came.
    #[command(subcommand)]
    People(PeopleCommand),
    /// Compare ledger, reports, Stripe's meters, invoices and subscriptions; fails unless every difference is explained.
    Reconcile,
    /// Prove that nobody touched the audit log.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Keep the register of breaches and look at what may be the sign of one; docs/incident-response.md leads through it.
    #[command(subcommand)]
    Breach(BreachCommand),
    /// Write tables to files, as a login that octroi_admin is granted to (OCTROI_ADMIN_DATABASE_URL).
    Export(Export),
    /// Keep those who were erased erased.
    #[command(subcommand)]
    Erasure(ErasureCommand),
}

/// What to export.
#[derive(Debug, Clone, Args)]
pub struct Export {
    /// Which tables; all of them when none is named.
    pub tables: Vec<String>,
    /// As what.
    #[arg(long, value_enum, default_value_t = ExportFormat::Csv)]
    pub format: ExportFormat,
    /// Where to. No file that is there is written over.
    #[arg(long, default_value = ".")]
    pub directory: PathBuf,
}

/// What an exported file looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// For spreadsheets: texts that one would run as a formula have an apostrophe before them.
    Csv,
    /// For programs: a JSON object to a line, exact.
    Jsonl,
}

/// What to do with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the chain of entries; fails unless it is unbroken. Prints its head, to be kept elsewhere.
    Verify {
        /// A head that an earlier run printed: a chain that was cut off before it, or made anew, fails.
        #[arg(long, value_name = "POSITION:HASH")]
        anchor: Option<Anchor>,
    },
}

/// A position of the audit chain and the hash it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// The position.
    pub position: i64,
    /// The hash, 64 hexadecimal digits in lower case.
    pub hash: String,
}

impl FromStr for Anchor {
    type Err = AnchorError;

    fn from_str(text: &str) -> Result<Self, AnchorError> {
        let (position, hash) = text.split_once(':').ok_or(AnchorError)?;
        let is_hash = hash.len() == 64 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        match position.parse() {
            Ok(position) if is_hash && position >= 0 => {
                Ok(Self { position, hash: hash.to_ascii_lowercase() })
            }
            _ => Err(AnchorError),
        }
    }
}

/// What was given is no head of the audit chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an anchor is POSITION:HASH, as `octroi audit verify` prints it")]
pub struct AnchorError;

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

/// What to do with the prices of models.
#[derive(Debug, Subcommand)]
pub enum PricesCommand {
    /// Show the prices in force and those to come.
    List,
    /// Show what changes, then make it so. A changed price begins in ten seconds; calls keep the price they were given.
    Set {
        /// The price file.
        #[arg(long, default_value = "prices.toml")]
        file: PathBuf,
        /// Only show.
        #[arg(long)]
        dry_run: bool,
    },
    /// Say what is missing, gone or different here, against a cost map as LiteLLM has it; fails when anything is.
    Check {
        /// The map, model_prices_and_context_window.json; PyPI's litellm brings one.
        #[arg(long)]
        map: PathBuf,
        /// The price file, which names what is left out on purpose.
        #[arg(long, default_value = "prices.toml")]
        file: PathBuf,
    },
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub enum KeysCommand {
    /// Wrap every data key with the active operator key; fails while any is left that another one wraps.
    Rotate,
    /// Revoke the API keys that a text contains, whole or as their SHA-256 in hexadecimal digits.
    RevokeLeaked {
        /// The text; `-` for standard input.
        file: PathBuf,
    },
}

/// What to do about users of Auth.
#[derive(Debug, Subcommand)]
pub enum PeopleCommand {
    /// Give every user an account on the default plan who has none; fails while somebody is left without.
    Backfill,
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
