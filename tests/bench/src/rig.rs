//! Where the benchmark runs: one throwaway cluster, the built binaries, a directory of its own.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection, PgConnection};

use crate::scale::Scale;

/// What `stack/bench.sh` hands over.
#[derive(Debug, Clone, Args)]
pub struct RigArgs {
    /// Superuser of a throwaway cluster that is migrated and holds nothing else
    #[arg(long, env = "BENCH_DATABASE_URL", hide_env_values = true)]
    pub database_url: String,
    /// `octroi_worker` of the same database
    #[arg(long, env = "BENCH_WORKER_DATABASE_URL", hide_env_values = true)]
    pub worker_database_url: String,
    /// Directory of the binaries `octroi` and `octroi-sim`
    #[arg(long, env = "BENCH_BIN")]
    pub bin: PathBuf,
    /// The `pgbench` of the cluster's version
    #[arg(long, env = "BENCH_PGBENCH")]
    pub pgbench: PathBuf,
    /// The nginx to compare with
    #[arg(long, env = "BENCH_NGINX")]
    pub nginx: PathBuf,
    /// The checkout, for what is not built
    #[arg(long, env = "BENCH_CHECKOUT")]
    pub checkout: PathBuf,
    /// A directory to write configurations and logs to
    #[arg(long, env = "BENCH_STATE")]
    pub state: PathBuf,
    /// Where the figures go
    #[arg(long, env = "BENCH_JSON")]
    pub json: PathBuf,
    /// Measure little, to see that everything runs
    #[arg(long, env = "BENCH_QUICK", value_parser = clap::builder::FalseyValueParser::new())]
    pub quick: bool,
}

/// The rig, with the cluster's pid known.
#[derive(Debug, Clone)]
pub struct Rig {
    /// What was handed over.
    pub args: RigArgs,
    /// How much is measured.
    pub scale: Scale,
    /// The cluster's first process, above all others of it.
    pub postmaster: u32,
    superuser: PgConnectOptions,
}

impl Rig {
    /// Connects once to learn the cluster's pid.
    pub async fn new(args: RigArgs) -> Result<Self> {
        let superuser: PgConnectOptions =
            args.database_url.parse().context("BENCH_DATABASE_URL is no Postgres URL")?;
        let mut connection =
            PgConnection::connect_with(&superuser).await.context("the cluster does not answer")?;
        let pid: String = sqlx::query_scalar("select split_part(pg_read_file('postmaster.pid'), e'\\n', 1)")
            .fetch_one(&mut connection)
            .await?;
        let scale = if args.quick { Scale::QUICK } else { Scale::FULL };
        Ok(Self { args, scale, postmaster: pid.trim().parse()?, superuser })
    }

    /// How `user` connects to `database`. Everybody has the superuser's password in this cluster.
    pub fn options(&self, user: &str, database: &str) -> PgConnectOptions {
        self.superuser.clone().username(user).database(database)
    }

    /// A superuser's connection to the database that the gateway uses.
    pub async fn superuser(&self) -> Result<PgConnection> {
        Ok(PgConnection::connect_with(&self.superuser).await?)
    }

    /// The database that the gateway uses.
    pub fn database(&self) -> &str {
        self.superuser.get_database().unwrap_or("postgres")
    }

    /// How the worker connects to `database`.
    pub fn worker_url(&self, database: &str) -> Result<String> {
        let (server, rest) =
            self.args.worker_database_url.rsplit_once('/').context("BENCH_WORKER_DATABASE_URL is no URL")?;
        let settings = rest.split_once('?').map_or(String::new(), |(_, settings)| format!("?{settings}"));
        Ok(format!("{server}/{database}{settings}"))
    }

    /// Host and port of the cluster.
    pub fn server(&self) -> (&str, u16) {
        (self.superuser.get_host(), self.superuser.get_port())
    }

    /// The superuser's password.
    pub fn password(&self) -> Result<String> {
        let (_, rest) = self.args.database_url.split_once("://").context("BENCH_DATABASE_URL is no URL")?;
        let (login, _) = rest.rsplit_once('@').context("BENCH_DATABASE_URL names no user")?;
        let (_, password) = login.split_once(':').context("BENCH_DATABASE_URL has no password")?;
        Ok(password.to_owned())
    }

    /// Tells the user what happens now; the results themselves go to standard output.
    pub fn say(what: &str) {
        eprintln!("{what}");
    }
}
