//! The phases of a schedule, and what happens when one is over.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::{Schedule, Status};
use crate::stripe::api::invoices::Line;
use crate::stripe::api::subscriptions::{self, Item, Subscription};
use crate::stripe::params::Metadata;
use crate::stripe::world::World;

/// What a phase says of an item.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct PhaseItem {
    pub price: String,
    /// None for a metered price.
    pub quantity: Option<i64>,
}

/// A time in which a subscription has certain items.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Phase {
    pub start: i64,
    pub end: i64,
    pub items: Vec<PhaseItem>,
    pub proration: Cow<'static, str>,
    /// Until when it is a trial.
    pub trial_end: Option<i64>,
}

fn active<'w>(world: &'w World, subscription: &Subscription) -> Option<&'w Schedule> {
    let schedule = world.schedules.get(subscription.schedule.as_deref()?)?;
    (schedule.status == Status::Active).then_some(schedule)
}

/// When the subscription's schedule has something to do.
pub fn next_phase_at(world: &World, subscription: &Subscription) -> Option<i64> {
    let schedule = active(world, subscription)?;
    schedule.phases.get(schedule.current).map(|phase| phase.end)
}

/// The subscription with the items of the phase that begins now, and the lines for the usage of those that go. An
/// item whose price the phase has stays as it is; a new one begins its first period.
pub fn enter_next(world: &mut World, old: &Subscription) -> Option<(Subscription, Vec<Line>)> {
    let schedule = active(world, old)?;
    let over = schedule.phases.get(schedule.current).is_some_and(|phase| phase.end <= world.now);
    let phase = schedule.phases.get(schedule.current + 1).cloned().filter(|_| over)?;
    let id = schedule.id.clone();
    let mut next = old.clone();
    let wanted = |item: &Item| phase.items.iter().any(|wanted| wanted.price == item.price);
    let gone = old.items.iter().filter(|item| !wanted(item));
    let lines = gone.filter_map(|item| {
        let price = world.prices.get(&item.price).filter(|price| price.meter().is_some())?;
        Some(Line::metered(world, &old.customer, &item.id, price, (item.metered_since, world.now)))
    });
    let lines = lines.collect();
    next.items.retain(wanted);
    for wanted in &phase.items {
        let quantity = wanted.quantity.unwrap_or(1);
        if let Some(item) = next.items.iter_mut().find(|item| item.price == wanted.price) {
            item.quantity = quantity;
        } else if let Some(price) = world.prices.get(&wanted.price) {
            // Its period is over before it has begun, so that the renewal bills the first one.
            next.items.push(Item::new(world.now, price, quantity, Metadata::new(), (world.now, world.now)));
        }
    }
    world.update::<Schedule>(&id, "subscription_schedule.updated", |schedule| schedule.current += 1);
    Some((next, lines))
}

/// The last phase is over: the subscription is released, or ends. Says whether it ends.
pub fn ended(world: &mut World, subscription: &Subscription) -> bool {
    let Some(schedule) = active(world, subscription).cloned() else { return false };
    let last = schedule.current + 1 == schedule.phases.len();
    let over = schedule.phases.last().is_some_and(|phase| phase.end <= world.now);
    if last && over {
        let status = if schedule.cancels { Status::Completed } else { Status::Released };
        end(world, &schedule.id, status);
    }
    last && over && schedule.cancels
}

/// The subscription is cancelled: there is nothing more to schedule.
pub fn subscription_canceled(world: &mut World, subscription: &Subscription) {
    if let Some(id) = active(world, subscription).map(|schedule| schedule.id.clone()) {
        end(world, &id, Status::Canceled);
    }
}

/// Ends a schedule.
pub(super) fn end(world: &mut World, id: &str, status: Status) {
    let now = world.now;
    world.change::<Schedule>(id, |schedule| {
        schedule.status = status;
        schedule.ended_at = Some(now);
    });
    let event = match status {
        Status::Active => return,
        Status::Completed => "subscription_schedule.completed",
        Status::Released => "subscription_schedule.released",
        Status::Canceled => "subscription_schedule.canceled",
    };
    world.emit::<Schedule>(event, id);
    let subscription = world.schedules.get(id).map(|schedule| schedule.subscription.clone());
    if let (Some(subscription), Status::Released) = (subscription, status) {
        subscriptions::leave_schedule(world, &subscription);
    }
}
