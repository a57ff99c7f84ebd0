//! LISTEN on a connection of its own.

use std::time::Duration;

use sqlx::postgres::{PgListener, PgPoolOptions};

use super::session::CONNECT_SECONDS;
use super::{Database, DatabaseError};

/// The channel that says "look at the job table"; it carries nothing else.
const JOB_CHANNEL: &str = "octroi_job";

/// Notifications of new jobs, for as long as the connection lives.
#[derive(Debug)]
pub struct JobNudges(PgListener);

impl Database {
    /// Opens a connection and LISTENs on it.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn job_nudges(&self) -> Result<JobNudges, DatabaseError> {
        let pool = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(Duration::from_secs(CONNECT_SECONDS))
            .connect_lazy_with(self.options().clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        // A silent reconnect would hide the notifications lost meanwhile.
        listener.eager_reconnect(false);
        listener.listen(JOB_CHANNEL).await?;
        Ok(JobNudges(listener))
    }
}

impl JobNudges {
    /// Waits for the next notification.
    ///
    /// # Errors
    /// [`DatabaseError::Unavailable`] when the connection is lost; open another one.
    pub async fn next(&mut self) -> Result<(), DatabaseError> {
        match self.0.try_recv().await? {
            Some(_) => Ok(()),
            None => {
                Err(DatabaseError::Unavailable(sqlx::Error::Io(std::io::ErrorKind::ConnectionAborted.into())))
            }
        }
    }
}
