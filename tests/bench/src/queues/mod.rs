//! Job queues: ours, with jobs that do nothing, and others to compare with.

pub mod ours;
pub mod theirs;
