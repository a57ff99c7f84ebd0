//! Stand-ins for the outside services Octroi talks to, for tests, the local stack and the benchmark.
//!
//! Each service is one module that can run inside a test's own process (`spawn`) or from the
//! `octroi-sim` binary. A stand-in keeps its own books and breaks on command, so that a test can
//! compare what the service did with what Octroi recorded.

// Stripe's objects have more members than json! takes by default.
#![recursion_limit = "256"]

mod control;
mod holds;
pub mod http;
pub mod openai;
pub mod plan;
mod received;
pub mod stripe;
mod wait;
pub mod smtp;
