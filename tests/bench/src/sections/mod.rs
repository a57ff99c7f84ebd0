//! One file for each part of the benchmark.

pub mod check_quota;
pub mod erasure;
pub mod gateway;
pub mod growth;
pub mod pairs;
pub mod streams;
