//! Opening connections: one pool for everything that is not a lane, and the limits each session carries.

use std::str::FromStr;
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};

use super::DatabaseError;
use super::session::{ANSWER_SECONDS, Session};
use crate::config::DatabaseConfig;

/// Prepared statements a connection keeps; the worker has fewer distinct ones than this.
const STATEMENT_CACHE: usize = 64;

/// How long a look-up waits for a connection: callers are better told that the database is away.
const ACQUIRE_SECONDS: u64 = 3;

/// An idle pool connection is closed after this long, so that a failover does not leave dead ones about.
const IDLE_SECONDS: u64 = 300;

/// A connection used this recently is taken to be alive.
const TRUSTED_SECONDS: u64 = 1;

/// A pool connection is replaced after this long.
const LIFETIME_SECONDS: u64 = 3600;

/// Time limits the server enforces on a session, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionLimits {
    /// Longest statement.
    pub statement_ms: u32,
    /// Longest wait for a row lock.
    pub lock_ms: u32,
}

impl SessionLimits {
    /// Look-ups, jobs and the sweep.
    pub const POOL: Self = Self { statement_ms: 8_000, lock_ms: 2_000 };
    /// Standing by for jobs: a wait for other people's transactions, asked for anew when it has lasted this long.
    pub const STAND_BY: Self = Self { statement_ms: 10_000, lock_ms: 9_000 };
    /// Metering lanes. A batch that waits for one account's rows makes every caller in it wait, so the wait is short.
    pub const LANE: Self = Self { statement_ms: 10_000, lock_ms: 250 };
    /// Pages of a bundle: tables that are searched for one person's rows take their time.
    pub const EXPORT: Self = Self { statement_ms: 14_000, lock_ms: 2_000 };
    /// Lanes for accounts whose rows are locked.
    pub const LANE_ASIDE: Self = Self { statement_ms: 10_000, lock_ms: 2_000 };
}

/// The worker's way to Postgres. Cloning shares the pool.
#[derive(Debug, Clone)]
pub struct Database {
    pool: PgPool,
    options: PgConnectOptions,
}

impl Database {
    /// Prepares a pool for the configured database. Nothing is opened before the first call.
    ///
    /// # Errors
    /// [`DatabaseError::Misuse`] when the URL cannot be read.
    pub fn new(config: &DatabaseConfig) -> Result<Self, DatabaseError> {
        let options = PgConnectOptions::from_str(config.url.expose_secret())?
            .application_name("octroi-worker")
            .statement_cache_capacity(STATEMENT_CACHE)
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(config.connections)
            .acquire_timeout(Duration::from_secs(ACQUIRE_SECONDS))
            .idle_timeout(Duration::from_secs(IDLE_SECONDS))
            .max_lifetime(Duration::from_secs(LIFETIME_SECONDS))
            // A ping before each use would double the round trips of a look-up under load.
            .test_before_acquire(false)
            .before_acquire(|connection, about| {
                Box::pin(async move {
                    if about.idle_for > Duration::from_secs(TRUSTED_SECONDS) {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(limited(options.clone(), SessionLimits::POOL));
        Ok(Self { pool, options })
    }

    /// A connection of one's own, outside the pool.
    pub fn session(&self, limits: SessionLimits) -> Session {
        Session::new(limited(self.options.clone(), limits))
    }

    /// Closes the pool; calls under way finish, later ones fail.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Waits for a call on the pool, but not for ever: a network that swallows packets ends no connection.
    pub(super) async fn answer<T>(
        &self,
        call: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, DatabaseError> {
        tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS), call)
            .await
            .map_err(|_| DatabaseError::Silent { waited_seconds: ANSWER_SECONDS })?
            .map_err(DatabaseError::from)
    }

    pub(super) fn pool(&self) -> &PgPool {
        &self.pool
    }

    pub(super) fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

fn limited(options: PgConnectOptions, limits: SessionLimits) -> PgConnectOptions {
    options.options([
        ("statement_timeout", limits.statement_ms.to_string()),
        ("lock_timeout", limits.lock_ms.to_string()),
        // The verbs' plans look costly to the planner; compiling them takes a hundred times as long as running them.
        ("jit", "off".to_owned()),
        ("idle_in_transaction_session_timeout", limits.statement_ms.to_string()),
    ])
}
