//! The Octroi worker: an OpenAI-compatible gateway and a job runner over one Postgres.
//!
//! It holds no rule about money, limits or periods: those are SQL verbs, called from [`database`].

pub mod bundle;
pub mod cli;
pub mod coalesce;
pub mod commands;
pub mod config;
pub mod database;
pub mod doctor;
pub mod existing_users;
pub mod gateway;
pub mod jobs;
pub mod mail;
pub mod meter;
pub mod metered_call;
pub mod openai;
pub mod outbound;
pub mod privacy_watch;
pub mod queue;
pub mod reconciliation;
pub mod refused_calls;
pub mod serve;
pub mod shutdown;
pub mod startup;
pub mod stripe;
pub mod sweeper;
pub mod telemetry;
