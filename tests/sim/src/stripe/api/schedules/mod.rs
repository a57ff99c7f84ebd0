//! Subscription schedules: what a subscription's items are to be from a later time on.

mod act;
mod phase;
mod render;

use serde_json::Value;

pub use act::endpoint;
pub use phase::{Phase, PhaseItem, ended, enter_next, next_phase_at, subscription_canceled};

use crate::stripe::params::Metadata;
use crate::stripe::world::{Resource, World};

/// How far a schedule has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Active,
    /// Its phases are over, and it ended the subscription.
    Completed,
    /// The subscription goes on without it.
    Released,
    /// The subscription was cancelled.
    Canceled,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::Released => "released",
            Self::Canceled => "canceled",
        }
    }
}

/// A schedule.
#[derive(Clone, Debug)]
pub struct Schedule {
    pub id: String,
    pub created: i64,
    pub customer: String,
    pub subscription: String,
    pub phases: Vec<Phase>,
    /// Which phase it is in.
    pub current: usize,
    /// Whether its end cancels the subscription, instead of releasing it.
    pub cancels: bool,
    pub status: Status,
    pub ended_at: Option<i64>,
    pub metadata: Metadata,
}

impl Resource for Schedule {
    const PREFIX: &'static str = "sub_sched_";
    const KIND: &'static str = "subscription schedule";

    fn render(&self, world: &World) -> Value {
        render::schedule(self, world)
    }
}
