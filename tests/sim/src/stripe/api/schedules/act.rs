//! The endpoints of subscription schedules. Only schedules made from a subscription are modelled.

use super::phase::end;
use super::{Phase, PhaseItem, Schedule, Status};
use crate::stripe::api::prices::Price;
use crate::stripe::api::subscriptions::{self, Subscription};
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Interval, Resource, Unit, World, fresh_id};

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("subscriptionSchedules.create", create),
        ("GET", []) => Endpoint::all("subscriptionSchedules.list", list),
        ("GET", [id]) => Endpoint::one("subscriptionSchedules.retrieve", id, retrieve::<Schedule>),
        ("POST", [id]) => Endpoint::one("subscriptionSchedules.update", id, update),
        ("POST", [id, "release"]) => Endpoint::one("subscriptionSchedules.release", id, release),
        _ => return None,
    })
}

/// A schedule whose only phase is what the subscription is now, until the first of its items' periods ends.
fn create(world: &mut World, params: &mut Params) -> Answer {
    let id = params.required("from_subscription")?;
    let mut metadata = Metadata::new();
    params.metadata(&mut metadata)?;
    params.finish()?;
    let subscription = world.named::<Subscription>(&id, "from_subscription")?;
    if let Some(schedule) = &subscription.schedule {
        let message = format!(
            "You cannot migrate a subscription that is already attached to a schedule. Schedule already attached: \
             {schedule}."
        );
        return Err(ApiError::impossible(message));
    }
    if !subscription.is_live() {
        return Err(ApiError::impossible("Only a live subscription can have a schedule."));
    }
    let metered = |price: &str| world.prices.get(price).is_some_and(|price| price.meter().is_some());
    let items = subscription.items.iter().map(|item| PhaseItem {
        price: item.price.clone(),
        quantity: (!metered(&item.price)).then_some(item.quantity),
    });
    let phase = Phase {
        start: subscription.items.iter().map(|item| item.period.0).max().unwrap_or(world.now),
        end: subscription.first_period_end().unwrap_or(world.now),
        items: items.collect(),
        proration: "create_prorations".into(),
        trial_end: subscription.trial.map(|(_, end)| end).filter(|end| *end > world.now),
    };
    let schedule = Schedule {
        id: fresh_id(Schedule::PREFIX),
        created: world.now,
        customer: subscription.customer.clone(),
        subscription: id.clone(),
        phases: vec![phase],
        current: 0,
        cancels: false,
        status: Status::Active,
        ended_at: None,
        metadata,
    };
    let schedule_id = schedule.id.clone();
    world.add(schedule, "subscription_schedule.created");
    world.update::<Subscription>(&id, "customer.subscription.updated", |subscription| {
        subscription.schedule = Some(schedule_id.clone());
    });
    Ok(world.rendered::<Schedule>(&schedule_id))
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let wanted =
        |schedule: &Schedule| customer.as_ref().is_none_or(|customer| schedule.customer == *customer);
    list::page(world, params, "/v1/subscription_schedules", wanted)
}

fn existing(world: &World, id: &str) -> Result<Schedule, ApiError> {
    let schedule = world.find::<Schedule>(id)?;
    if schedule.status == Status::Active {
        return Ok(schedule.clone());
    }
    let message = format!("You cannot change a subscription schedule that is {}.", schedule.status.name());
    Err(ApiError::impossible(message))
}

/// Replaces the phases. The current one must be repeated, as it is.
fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let mut changed = existing(world, id)?;
    let behaviors = ["cancel", "release"];
    if let Some(behavior) = params.one_of("end_behavior", &behaviors)? {
        changed.cancels = behavior == "cancel";
    }
    params.one_of("proration_behavior", &["always_invoice", "create_prorations", "none"])?;
    params.metadata(&mut changed.metadata)?;
    let given = params.objects("phases")?;
    params.finish()?;
    if !given.is_empty() {
        let current = changed.phases.get(changed.current).cloned();
        changed.phases = read_phases(world, given, current.as_ref())?;
        changed.current = 0;
    }
    let subscription = changed.subscription.clone();
    world.update::<Schedule>(id, "subscription_schedule.updated", |schedule| *schedule = changed);
    subscriptions::replan(world, &subscription);
    Ok(world.rendered::<Schedule>(id))
}

fn read_phases(world: &World, given: Vec<Params>, current: Option<&Phase>) -> Result<Vec<Phase>, ApiError> {
    let mut phases: Vec<Phase> = Vec::new();
    for one in given {
        let phase = read_phase(world, one, phases.last().map(|phase| phase.end))?;
        phases.push(phase);
    }
    let (Some(first), Some(current)) = (phases.first(), current) else { return Ok(phases) };
    if first.start != current.start {
        let message = "The first phase must be the current one, and begin when that began.";
        return Err(ApiError::parameter("parameter_invalid", "phases[0][start_date]", message));
    }
    if first.items != current.items {
        let message = "The stand-in does not model changes of the current phase's items.";
        return Err(ApiError::parameter("parameter_invalid", "phases[0][items]", message));
    }
    if first.trial_end != current.trial_end {
        let message = "The stand-in does not model changes of the current phase's trial.";
        return Err(ApiError::parameter("parameter_invalid", "phases[0][trial_end]", message));
    }
    if first.end <= world.now {
        let message = "The current phase must end in the future.";
        return Err(ApiError::parameter("parameter_invalid", "phases[0][end_date]", message));
    }
    Ok(phases)
}

fn read_phase(world: &World, mut given: Params, after: Option<i64>) -> Result<Phase, ApiError> {
    let start_name = given.name("start_date");
    let end_name = given.name("end_date");
    let start = given.integer("start_date")?.or(after).ok_or_else(|| ApiError::missing(&start_name))?;
    if after.is_some_and(|after| after != start) {
        let message = "A phase must begin when the one before it ends.";
        return Err(ApiError::parameter("parameter_invalid", &start_name, message));
    }
    let end = match (given.integer("end_date")?, duration(&mut given)?) {
        (Some(end), None) => end,
        (None, Some(duration)) => duration.end_after(start, start),
        _ => return Err(ApiError::missing(&end_name)),
    };
    if end <= start {
        return Err(ApiError::parameter("parameter_invalid", &end_name, "A phase must end after it begins."));
    }
    let behaviors = ["always_invoice", "create_prorations", "none"];
    let proration = given.one_of("proration_behavior", &behaviors)?.unwrap_or("create_prorations");
    let items = given.objects("items")?.into_iter().map(|item| read_item(world, item));
    let items = items.collect::<Result<Vec<PhaseItem>, ApiError>>()?;
    let trial_end = given.integer("trial_end")?;
    given.ignore(&["metadata", "billing_cycle_anchor"]);
    given.finish()?;
    Ok(Phase { start, end, items, proration: proration.into(), trial_end })
}

fn duration(given: &mut Params) -> Result<Option<Interval>, ApiError> {
    let Some(mut duration) = given.object("duration")? else { return Ok(None) };
    let units = ["day", "week", "month", "year"];
    let unit = duration.one_of("interval", &units)?.and_then(Unit::of);
    let count = duration.integer("interval_count")?.unwrap_or(1);
    duration.finish()?;
    let unit = unit.ok_or_else(|| ApiError::missing("duration[interval]"))?;
    Ok(Some(Interval { unit, count: count.max(1) }))
}

fn read_item(world: &World, mut given: Params) -> Result<PhaseItem, ApiError> {
    let name = given.name("price");
    let price = given.required("price")?;
    let quantity = given.integer("quantity")?;
    given.ignore(&["metadata", "discounts", "tax_rates"]);
    given.finish()?;
    let of = world.named::<Price>(&price, &name)?;
    subscriptions::check_price(of, &name)?;
    match (of.meter().is_some(), quantity) {
        (true, Some(_)) => Err(ApiError::impossible("You cannot set the quantity for metered prices.")),
        (true, None) => Ok(PhaseItem { price, quantity: None }),
        (false, quantity) => Ok(PhaseItem { price, quantity: Some(quantity.unwrap_or(1)) }),
    }
}

/// Lets the subscription go on as it is, without the schedule.
fn release(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.ignore(&["preserve_cancel_date"]);
    params.finish()?;
    existing(world, id)?;
    end(world, id, Status::Released);
    Ok(world.rendered::<Schedule>(id))
}
