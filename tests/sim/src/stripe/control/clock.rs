//! The clock is moved, and everything due on the way is done at its own time.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::stripe::state::Sim;
use crate::stripe::world::ClockReport;
use crate::wait;

/// How long the clock waits at each stop for the webhooks of that moment, in real time.
const WEBHOOK_WAIT: Duration = Duration::from_secs(30);

/// How to move the clock.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Advance {
    /// To this Unix second; the past is refused.
    pub to: Option<i64>,
    /// By so many seconds.
    pub seconds: Option<i64>,
    /// Only to the next moment at which something happens, if that comes first.
    pub step: bool,
    /// Makes the clock stand still where it gets to, or run on.
    pub freeze: Option<bool>,
}

/// Where the clock has got to.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Advanced {
    /// What the clock shows.
    #[serde(flatten)]
    pub clock: ClockReport,
    /// Whether it is where it was to go; a step may stop before.
    pub reached: bool,
}

/// The latest time the clock can show, in Unix seconds: the year 5000.
const LATEST: i64 = 95_617_584_000;

/// Why the clock was not moved.
#[derive(Debug, thiserror::Error)]
#[error(
    "the stand-in's clock shows {now} and cannot be set to {to}: it goes forward only, and to the year 5000 at most"
)]
pub struct CannotSet {
    now: i64,
    to: i64,
}

/// Moves the clock. At each moment at which something happens it waits for the webhooks to be answered, since an
/// invoice's hour begins when they are.
pub async fn advance(sim: &Sim, advance: Advance) -> Result<Advanced, CannotSet> {
    let target = {
        let mut world = sim.world();
        if let Some(freeze) = advance.freeze {
            world.clock.freeze(freeze);
        }
        let now = world.clock.now();
        let to = advance.to.unwrap_or(now.saturating_add(advance.seconds.unwrap_or(0)));
        if !(now..=LATEST).contains(&to) {
            return Err(CannotSet { now, to });
        }
        to
    };
    loop {
        let (stop, happened) = {
            let mut world = sim.world();
            let events = world.events.len();
            let next = world.clock.next_due().map_or(target, |due| due.min(target));
            let stop = next.max(world.now);
            world.clock.set(stop);
            world.catch_up();
            (stop, world.events.len() > events)
        };
        let busy = sim.world().outbox.busy();
        let watched = busy.clone();
        // An endpoint that does not answer must not stop the clock for ever.
        let _ = wait::until(busy, WEBHOOK_WAIT, || *watched.borrow() == 0).await;
        if stop >= target || (advance.step && happened) {
            return Ok(Advanced { clock: sim.world().clock.report(), reached: stop >= target });
        }
    }
}
