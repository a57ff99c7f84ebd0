//! What a schedule does to its subscription.

use super::Subscription;
use crate::stripe::world::World;

/// The subscription goes on without its schedule.
pub fn leave_schedule(world: &mut World, id: &str) {
    world.update::<Subscription>(id, "customer.subscription.updated", |subscription| {
        subscription.schedule = None;
    });
    replan(world, id);
}

/// Enters in the agenda when something happens to the subscription next.
pub fn replan(world: &mut World, id: &str) {
    if let Some(subscription) = world.subscriptions.get(id).cloned() {
        subscription.plan(world);
    }
}
