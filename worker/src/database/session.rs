//! A connection that belongs to one task: opened on first use, reopened after a loss, never shared.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgRow};
use sqlx::{ConnectOptions, PgConnection};

use super::DatabaseError;

/// How long the client waits for an answer before it calls the connection dead. Longer than the server's own limit,
/// so that it only strikes when the network swallows packets.
pub(super) const ANSWER_SECONDS: u64 = 15;

/// How long opening a connection may take.
pub(super) const CONNECT_SECONDS: u64 = 5;

/// A connection of one's own. Cheap to hold; statements stay prepared for as long as the connection lives.
#[derive(Debug)]
pub struct Session {
    options: PgConnectOptions,
    connection: Option<PgConnection>,
}

impl Session {
    pub(super) fn new(options: PgConnectOptions) -> Self {
        Self { options, connection: None }
    }

    /// Runs `call` on the connection and drops the connection when its state is in doubt.
    pub(super) async fn run<T>(
        &mut self,
        call: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, DatabaseError> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let answered = tokio::time::timeout(Duration::from_secs(ANSWER_SECONDS), call(&mut connection)).await;
        let result = match answered {
            Ok(result) => result.map_err(DatabaseError::from),
            Err(_) => Err(DatabaseError::Silent { waited_seconds: ANSWER_SECONDS }),
        };
        // After a lost or silent connection the next answer read could belong to the last question.
        if !result.as_ref().is_err_and(DatabaseError::outcome_is_unknown) {
            self.connection = Some(connection);
        }
        result
    }

    async fn connect(&self) -> Result<PgConnection, DatabaseError> {
        tokio::time::timeout(Duration::from_secs(CONNECT_SECONDS), self.options.connect())
            .await
            .map_err(|_| DatabaseError::Silent { waited_seconds: CONNECT_SECONDS })?
            .map_err(DatabaseError::from)
    }

    /// A verb over arrays answers each element once; anything else would shift verdicts onto the wrong callers.
    pub(super) fn expect_rows(rows: &[PgRow], expected: usize) -> Result<(), DatabaseError> {
        if rows.len() == expected {
            return Ok(());
        }
        Err(DatabaseError::Unreadable(format!("{} rows for {expected} items", rows.len())))
    }
}

/// A count as `bigint`. What does not fit is more than any limit, and is held as the largest `bigint`.
pub(super) fn to_bigint(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
