//! A subscription changes: its items, its end, its trial, its collection.

use super::act::{IGNORED, missing_method};
use super::change::{self, Proration};
use super::{Status, Subscription, cycle, pending};
use crate::stripe::api::invoices::{self, Instead, Reason};
use crate::stripe::api::payment_methods::{self, Behaviour};
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::world::{Due, Resource, World};

pub(super) fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let old = world.find::<Subscription>(id)?.clone();
    let mut new = old.clone();
    check_pending(params)?;
    params.metadata(&mut new.metadata)?;
    take_cancellation_details(&mut new, params)?;
    if matches!(old.status, Status::Canceled | Status::IncompleteExpired) {
        if params.finish().is_err() {
            let message = "A canceled subscription can only update its cancellation_details and metadata.";
            return Err(ApiError::impossible(message));
        }
        world.update::<Subscription>(id, "customer.subscription.updated", |subscription| *subscription = new);
        return Ok(world.rendered::<Subscription>(id));
    }
    let items = params.objects("items")?;
    let proration = Proration::take(params)?;
    take_collection(world, &mut new, params)?;
    take_pause(&mut new, params)?;
    let ends = take_end(world, &mut new, params)?;
    let ends_change = ends.is_some()
        || old.cancel_at_period_end != new.cancel_at_period_end
        || old.cancel_at != new.cancel_at;
    if let (Some(schedule), true) = (&old.schedule, ends_change) {
        let message = format!(
            "The subscription is managed by the subscription schedule `{schedule}`, and updating any cancelation \
             behavior directly is not allowed. Please update the schedule instead."
        );
        return Err(ApiError::impossible(message));
    }
    let trial_end = params.text("trial_end")?;
    let reset = take_anchor_reset(params)?;
    let behaviours =
        ["allow_incomplete", "default_incomplete", "error_if_incomplete", "pending_if_incomplete"];
    let behaviour = params.one_of("payment_behavior", &behaviours)?;
    params.ignore(IGNORED);
    params.finish()?;
    let changes = change::read(world, &new, items)?;
    if behaviour == Some("error_if_incomplete") && !changes.is_empty() {
        refuse_unless_it_pays(world, old.payment_method(world))?;
    }
    let pays = refuse_unless_it_pays(world, old.payment_method(world)).is_ok();
    if behaviour == Some("pending_if_incomplete") && !pays && trial_end.is_none() {
        pending::hold_back(world, id, changes, proration, reset)?;
        return Ok(world.rendered::<Subscription>(id));
    }
    let before = old.render(world);
    world.change::<Subscription>(id, |subscription| *subscription = new);
    set_trial_end(world, id, trial_end.as_deref())?;
    let bill_now = change::apply(world, id, changes, proration, reset)?;
    set_end(world, id, ends.as_deref());
    plan(world, id);
    world.record_change::<Subscription>(id, "customer.subscription.updated", &before);
    if bill_now {
        change::invoice_now(world, id)?;
    }
    Ok(world.rendered::<Subscription>(id))
}

/// Only some parameters go with `payment_behavior=pending_if_incomplete`.
fn check_pending(params: &Params) -> Result<(), ApiError> {
    let other = params.names().find(|name| !pending::ALLOWED.contains(name));
    match other {
        Some(name) if params.is("payment_behavior", "pending_if_incomplete") => {
            let message = format!(
                "When `payment_behavior` is set to `pending_if_incomplete`, you can only update these attributes: {}. \
                 You passed in the following unsupported attribute: {name}.",
                pending::ALLOWED.join(", ")
            );
            Err(ApiError::parameter("parameter_invalid", name, message))
        }
        _ => Ok(()),
    }
}

fn plan(world: &mut World, id: &str) {
    let Some(subscription) = world.subscriptions.get(id).cloned() else { return };
    subscription.plan(world);
    if let Some((_, Some(at))) = subscription.pause {
        world.plan(at, Due::Resume(id.to_owned()));
    }
}

fn take_cancellation_details(new: &mut Subscription, params: &mut Params) -> Result<(), ApiError> {
    let Some(mut details) = params.object("cancellation_details")? else { return Ok(()) };
    if let Some(comment) = details.clearable("comment")? {
        new.cancellation.comment = comment;
    }
    if let Some(feedback) = details.clearable("feedback")? {
        new.cancellation.feedback = feedback;
    }
    details.finish()
}

fn take_collection(world: &World, new: &mut Subscription, params: &mut Params) -> Result<(), ApiError> {
    if let Some(method) = params.clearable("default_payment_method")? {
        if let Some(method) = &method {
            payment_methods::attached_to(world, method, &new.customer, "default_payment_method")?;
        }
        new.default_payment_method = method;
    }
    if let Some(description) = params.clearable("description")? {
        new.description = description;
    }
    if let Some(collection) = params.one_of("collection_method", &["charge_automatically", "send_invoice"])? {
        new.send_invoice = collection == "send_invoice";
    }
    if let Some(days) = params.integer("days_until_due")? {
        new.days_until_due = Some(days);
    }
    if let Some(missing) = missing_method(params)? {
        new.missing_method = missing;
    }
    Ok(())
}

fn take_pause(new: &mut Subscription, params: &mut Params) -> Result<(), ApiError> {
    if params.clears("pause_collection") {
        new.pause = None;
    }
    let Some(mut pause) = params.object("pause_collection")? else { return Ok(()) };
    let behavior = pause.one_of("behavior", &["keep_as_draft", "mark_uncollectible", "void"])?;
    let resumes_at = pause.integer("resumes_at")?;
    pause.finish()?;
    let instead = match behavior {
        Some("keep_as_draft") => Instead::KeepAsDraft,
        Some("mark_uncollectible") => Instead::MarkUncollectible,
        Some(_) => Instead::Void,
        None => return Err(ApiError::missing("pause_collection[behavior]")),
    };
    new.pause = Some((instead, resumes_at));
    Ok(())
}

/// Takes when it is to end. Words for `cancel_at` are returned: they are resolved once the items have changed.
fn take_end(world: &World, new: &mut Subscription, params: &mut Params) -> Result<Option<String>, ApiError> {
    let at_period_end = params.boolean("cancel_at_period_end")?;
    let cancel_at = params.clearable("cancel_at")?;
    if at_period_end.is_some() && cancel_at.as_ref().is_some_and(Option::is_some) {
        let message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end.";
        return Err(ApiError::parameter("parameters_exclusive", "cancel_at", message));
    }
    if let Some(at_period_end) = at_period_end {
        new.cancel_at_period_end = at_period_end;
        new.cancel_at = None;
    }
    let words = match cancel_at {
        None => None,
        Some(None) => {
            new.cancel_at = None;
            None
        }
        Some(Some(given)) if matches!(given.as_str(), "min_period_end" | "max_period_end") => Some(given),
        Some(Some(given)) => {
            let at: i64 = given.parse().map_err(|_| ApiError::wrong_type("cancel_at", "integer", &given))?;
            if at <= world.now {
                let message = "Invalid timestamp: must be an integer Unix timestamp in the future.";
                return Err(ApiError::parameter("parameter_invalid", "cancel_at", message));
            }
            new.cancel_at_period_end = false;
            new.cancel_at = Some(at);
            None
        }
    };
    let ends = new.cancel_at_period_end || new.cancel_at.is_some() || words.is_some();
    new.canceled_at = if ends { new.canceled_at.or(Some(world.now)) } else { None };
    new.cancellation.reason = ends.then_some("cancellation_requested".into());
    Ok(words)
}

fn set_end(world: &mut World, id: &str, words: Option<&str>) {
    let Some(words) = words else { return };
    world.change::<Subscription>(id, |subscription| {
        let ends = subscription.items.iter().map(|item| item.period.1);
        subscription.cancel_at = if words == "min_period_end" { ends.min() } else { ends.max() };
        subscription.cancel_at_period_end = false;
    });
}

/// Takes `billing_cycle_anchor[type]`, an object since 2026-09-30.endive.
fn take_anchor_reset(params: &mut Params) -> Result<bool, ApiError> {
    let Some(mut anchor) = params.object("billing_cycle_anchor")? else { return Ok(false) };
    let kind = anchor.one_of("type", &["now", "unchanged"])?;
    anchor.finish()?;
    Ok(kind == Some("now"))
}

/// Ends a trial now, with its invoice, or moves its end.
fn set_trial_end(world: &mut World, id: &str, trial_end: Option<&str>) -> Result<(), ApiError> {
    let Some(given) = trial_end else { return Ok(()) };
    let subscription = world.find::<Subscription>(id)?.clone();
    let now = world.now;
    if given != "now" {
        let end: i64 = given.parse().map_err(|_| ApiError::wrong_type("trial_end", "integer", given))?;
        if end <= now {
            let message = "Invalid timestamp: must be an integer Unix timestamp in the future.";
            return Err(ApiError::parameter("parameter_invalid", "trial_end", message));
        }
        world.change::<Subscription>(id, |subscription| {
            let start = subscription.trial.map_or(now, |(start, _)| start);
            subscription.trial = Some((start, end));
            subscription.status = Status::Trialing;
            subscription.anchor = end;
            subscription.items.iter_mut().for_each(|item| item.period.1 = end);
        });
        return Ok(());
    }
    if subscription.status != Status::Trialing {
        return Ok(());
    }
    world.change::<Subscription>(id, |subscription| {
        subscription.trial = subscription.trial.map(|(start, _)| (start, now));
        subscription.anchor = now;
        subscription.items.iter_mut().for_each(|item| item.period.1 = now);
    });
    let ended = world.find::<Subscription>(id)?.clone();
    if let Some(invoice) = cycle::renew(world, &ended, true, Reason::SubscriptionUpdate) {
        invoices::finalize_now(world, &invoice)?;
        invoices::collect(world, &invoice);
    }
    Ok(())
}

/// With `payment_behavior=error_if_incomplete` nothing changes unless the payment succeeds.
pub(super) fn refuse_unless_it_pays(world: &World, method: Option<String>) -> Result<(), ApiError> {
    let method = method.and_then(|id| world.payment_methods.get(&id));
    match method.map(|method| method.behaviour) {
        Some(Behaviour::Pays | Behaviour::Delayed) => Ok(()),
        Some(Behaviour::InsufficientFunds) => Err(ApiError::declined("insufficient_funds", None)),
        Some(Behaviour::RequiresAction) => Err(ApiError::declined("authentication_required", None)),
        Some(Behaviour::Declines) => Err(ApiError::declined("generic_decline", None)),
        None => {
            let message = "This customer has no attached payment source or default payment method.";
            Err(ApiError::impossible_because("resource_missing", message))
        }
    }
}
