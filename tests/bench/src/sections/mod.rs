//! One file for each part of the benchmark.

pub mod check_quota;
pub mod cycle_close;
pub mod drain;
pub mod enqueue;
pub mod erasure;
pub mod export;
pub mod gateway;
pub mod growth;
pub mod held_snapshot;
pub mod pairs;
pub mod pick_up;
pub mod rls;
pub mod streams;
pub mod waiting;
pub mod webhook_door;
