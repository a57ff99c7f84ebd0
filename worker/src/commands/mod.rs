//! What an operator runs by hand: plans, Stripe's endpoint and backfill, keys, audit, exports,
//! reconciliation. One file per command.

mod audit;
mod backfill;
mod breach;
mod breach_report;
mod catalogue;
mod erasure;
pub mod export;
mod plan_file;
mod plans;
mod price_map;
mod prices;
mod progress;
mod reconcile;
mod revoke_leaked_keys;
mod rotate_data_keys;
mod webhook_endpoint;

use std::io::Write;

use thiserror::Error;

use crate::cli::{
    AuditCommand, BreachCommand, ErasureCommand, KeysCommand, PlansCommand, PricesCommand, StripeCommand,
};
use crate::config::{ConfigError, DatabaseConfig, StripeConfig, Variables};
use crate::database::{Database, DatabaseError};
use crate::queue::Failure;
use crate::stripe::{Stripe, StripeError};

pub use catalogue::{CatalogueProblem, Step, StepKind};
pub use plan_file::{PlanFileError, parse as read_toml};

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CommandError {
    /// A variable is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The plan file cannot be read.
    #[error(transparent)]
    PlanFile(#[from] PlanFileError),
    /// The prices have faults, one per line.
    #[error("the prices cannot be declared:\n{0}")]
    Prices(String),
    /// The plans have faults, one per line.
    #[error("the plans cannot be declared:\n{0}")]
    Plans(String),
    /// SQL does not do it; these are its words.
    #[error("{0}")]
    Refused(String),
    /// There is no such breach.
    #[error("there is no breach {0}")]
    NoBreach(i64),
    /// The database failed.
    #[error(transparent)]
    Database(DatabaseError),
    /// Stripe failed.
    #[error(transparent)]
    Stripe(#[from] StripeError),
    /// What is at Stripe stands in the way.
    #[error(transparent)]
    Catalogue(#[from] CatalogueProblem),
    /// A step that jobs take too failed.
    #[error(transparent)]
    Step(#[from] Failure),
    /// The file with leaked keys cannot be read.
    #[error("{path} cannot be read: {source}")]
    LeakedKeys {
        /// The file.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// There is no such table to export.
    #[error("there is no table {name} to export; there are {there_are}")]
    NoSuchTable {
        /// What was asked for.
        name: String,
        /// What could be.
        there_are: String,
    },
    /// The list of tombstones cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Tombstones {
        /// Where it should be.
        path: std::path::PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Nobody reads the output any more, or a file cannot be made.
    #[error("the output cannot be written: {0}")]
    Output(#[from] std::io::Error),
}

impl From<DatabaseError> for CommandError {
    fn from(error: DatabaseError) -> Self {
        match (error.sqlstate(), error.server_message()) {
            (Some("OC030"), Some((message, detail))) => Self::Plans(detail.unwrap_or(message)),
            (Some("OC055" | "22023" | "23514"), Some((message, _))) => Self::Refused(message),
            _ => Self::Database(error),
        }
    }
}

/// What a command works with.
pub struct Command<'c> {
    database: Database,
    variables: &'c Variables,
    out: &'c mut (dyn Write + Send),
}

impl<'c> Command<'c> {
    /// Reads the configuration. Nothing is connected yet.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub fn new(variables: &'c Variables, out: &'c mut (dyn Write + Send)) -> Result<Self, CommandError> {
        let database = Database::new(&DatabaseConfig::read(variables)?)?;
        Ok(Self { database, variables, out })
    }

    /// The way to Stripe, if it is configured.
    fn optional_stripe(&self) -> Result<Option<Stripe>, CommandError> {
        Ok(StripeConfig::read(self.variables)?.as_ref().map(Stripe::new).transpose()?)
    }

    fn stripe(&self) -> Result<Stripe, CommandError> {
        let missing = ConfigError::Missing {
            variable: "STRIPE_SECRET_KEY",
            advice: "set it to a restricted key of your Stripe account; docs/operations.md says which rights it needs",
        };
        Ok(self.optional_stripe()?.ok_or(missing)?)
    }

    /// Runs `octroi plans …`; false when `check` found differences.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub async fn plans(mut self, command: &PlansCommand) -> Result<bool, CommandError> {
        match command {
            PlansCommand::Push { file, dry_run } => plans::push(&mut self, file, *dry_run).await,
            PlansCommand::Check { file } => plans::check(&mut self, file).await,
        }
    }

    /// Runs `octroi prices …`; false when `check` found differences.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub async fn prices(mut self, command: &PricesCommand) -> Result<bool, CommandError> {
        match command {
            PricesCommand::List => prices::list(&mut self).await.map(|()| true),
            PricesCommand::Set { file, dry_run } => {
                prices::set(&mut self, file, *dry_run).await.map(|()| true)
            }
            PricesCommand::Check { map, file } => prices::check(&mut self, map, file).await,
        }
    }

    /// Runs `octroi stripe …`.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub async fn at_stripe(mut self, command: &StripeCommand) -> Result<bool, CommandError> {
        match command {
            StripeCommand::Backfill => backfill::run(&mut self).await.map(|()| true),
            StripeCommand::Endpoint { url } => webhook_endpoint::run(&mut self, url).await.map(|()| true),
        }
    }

    /// Runs `octroi audit …`; false unless the chain is whole.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub async fn audit(mut self, command: &AuditCommand) -> Result<bool, CommandError> {
        match command {
            AuditCommand::Verify { anchor } => audit::verify(&mut self, anchor.as_ref()).await,
        }
    }

    /// Runs `octroi keys …`; false when a rotation leaves keys behind.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub async fn keys(mut self, command: &KeysCommand) -> Result<bool, CommandError> {
        match command {
            KeysCommand::Rotate => rotate_data_keys::run(&mut self).await,
            KeysCommand::RevokeLeaked { file } => {
                revoke_leaked_keys::run(&mut self, file).await.map(|()| true)
            }
        }
    }

    /// Runs `octroi erasure …`.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub async fn erasure(mut self, command: &ErasureCommand) -> Result<bool, CommandError> {
        match command {
            ErasureCommand::List => erasure::list(&mut self).await.map(|()| true),
            ErasureCommand::Replay { from } => erasure::replay(&mut self, from).await.map(|()| true),
        }
    }

    /// Runs `octroi reconcile`; false unless everything is explained.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub async fn reconcile(mut self) -> Result<bool, CommandError> {
        reconcile::run(&mut self).await
    }

    /// Runs `octroi breach …`.
    ///
    /// # Errors
    /// A [`CommandError`].
    pub async fn breach(mut self, command: &BreachCommand) -> Result<bool, CommandError> {
        breach::run(&mut self, command).await.map(|()| true)
    }
}
