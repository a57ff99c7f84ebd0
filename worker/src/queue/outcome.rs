//! How an attempt of a job can end.

use std::time::Duration;

/// How an attempt of a job can end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The work is done.
    Done,
    /// It failed and may succeed later; the attempt counts.
    Retry,
    /// It cannot go on now through no fault of the job; it runs again after so long and the attempt does not count.
    Snooze(Duration),
    /// It failed and can never succeed; why, in words fit for the row.
    Cancel(String),
}
