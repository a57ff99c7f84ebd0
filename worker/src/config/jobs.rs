//! How jobs are run.

use super::{ConfigError, Variables};

const CONCURRENCY_DEFAULT: usize = 16;

/// How jobs are run.
#[derive(Debug, Clone)]
pub struct JobsConfig {
    /// Jobs run at once by this worker.
    pub concurrency: usize,
}

impl JobsConfig {
    /// Reads `OCTROI_JOB_*`.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        Ok(Self { concurrency: variables.number("OCTROI_JOB_CONCURRENCY", CONCURRENCY_DEFAULT, 1..=1024)? })
    }
}
