//! Running the jobs of the `job` table.
//!
//! A nudge by NOTIFY or the poll floor wakes the [`Runner`], which leases due jobs of the kinds it knows and runs each
//! in a task of its own. A heartbeat extends the leases; the attempt number fences off a worker that lost one. What
//! became of an attempt is an [`Outcome`], and one `match` in [`retry`] decides it. Any number of workers may run.

mod attempt;
mod heartbeat;
mod job;
mod listener;
mod outcome;
pub mod retry;
mod runner;

pub use job::{Job, JobError};
pub use listener::listen;
pub use outcome::Outcome;
pub use retry::Failure;
pub use runner::Runner;
