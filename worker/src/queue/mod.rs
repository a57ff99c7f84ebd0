//! Running the jobs of the `job` table.
//!
//! A nudge by NOTIFY or the poll floor wakes the [`Runner`], which leases due jobs of the kinds its [`Handler`] knows and
//! runs each in a task of its own. A heartbeat extends the leases; the attempt number fences off a worker that lost one.
//! What became of an attempt is an [`Outcome`], and one `match` in [`retry`] decides it; outcomes are written down many at
//! a time. Any number of workers may run.

mod attempt;
mod handler;
mod heartbeat;
mod job;
mod listener;
mod outcome;
mod place;
mod recorder;
pub mod retry;
mod runner;
mod stand_by;

pub use handler::{Begun, Handler};
pub use job::{Job, JobError};
pub use listener::listen;
pub use outcome::Outcome;
pub use retry::Failure;
pub use runner::Runner;
