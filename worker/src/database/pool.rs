//! Opening connections: one pool for everything that is not a lane, and the limits each session carries.

use std::str::FromStr;
use std::time::Duration;

use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgPool};

use super::DatabaseError;
use super::session::{CONNECT_SECONDS, Session};
use crate::config::DatabaseConfig;

/// Prepared statements a connection keeps; the worker has fewer distinct ones than this.
const STATEMENT_CACHE: usize = 64;

/// An idle pool connection is closed after this long, so that a failover does not leave dead ones about.
const IDLE_SECONDS: u64 = 300;

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
    /// Metering lanes. A batch that waits on one account's row makes every caller in it wait, so the wait is short.
    pub const LANE: Self = Self { statement_ms: 10_000, lock_ms: 500 };
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
            .acquire_timeout(Duration::from_secs(CONNECT_SECONDS))
            .idle_timeout(Duration::from_secs(IDLE_SECONDS))
            .max_lifetime(Duration::from_secs(LIFETIME_SECONDS))
            // A ping before each use would double the round trips of a look-up; a dead connection fails its first call.
            .test_before_acquire(false)
            .connect_lazy_with(limited(options.clone(), SessionLimits::POOL));
        Ok(Self { pool, options })
    }

    /// A connection of one's own, outside the pool, with the lanes' time limits.
    pub fn session(&self) -> Session {
        Session::new(limited(self.options.clone(), SessionLimits::LANE))
    }

    /// Closes the pool; calls under way finish, later ones fail.
    pub async fn close(&self) {
        self.pool.close().await;
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
        ("idle_in_transaction_session_timeout", limits.statement_ms.to_string()),
    ])
}
