//! What carries out jobs, as the runner sees it.

use std::pin::Pin;
use std::time::Duration;

use super::{Failure, Outcome};
use crate::database::ClaimedJob;

/// A job that is ready to run.
pub struct Begun {
    /// How long it may run.
    pub longest: Duration,
    /// Runs it to its outcome.
    pub work: Pin<Box<dyn Future<Output = Result<Outcome, Failure>> + Send>>,
}

/// What carries out jobs.
pub trait Handler: Send + Sync + 'static {
    /// The kinds it can carry out. No others are claimed: they wait for a worker that can.
    fn kinds(&self) -> Vec<&'static str>;

    /// Makes a job of its row. Nothing is done yet.
    ///
    /// # Errors
    /// [`Failure::BadArguments`] when the arguments do not fit the kind.
    fn begin(&self, claimed: &ClaimedJob) -> Result<Begun, Failure>;
}
