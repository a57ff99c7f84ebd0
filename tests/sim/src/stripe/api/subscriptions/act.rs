//! The endpoints of subscriptions, and how one is made of a request.

use super::create::check_price;
use super::{
    MissingMethod, NewItem, NewSubscription, Status, Subscription, cancel, cycle, subscribe, update,
};
use crate::stripe::api::invoices::{self, Reason};
use crate::stripe::api::prices::{self, Price};
use crate::stripe::api::{customers, payment_methods};
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::World;

/// Parameters of Stripe's that the stand-in takes and forgets.
pub(super) const IGNORED: &[&str] =
    &["invoice_settings", "off_session", "payment_settings", "default_tax_rates"];

const DAY: i64 = 24 * 3600;

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("subscriptions.create", create),
        ("GET", []) => Endpoint::all("subscriptions.list", list),
        ("GET", [id]) => Endpoint::one("subscriptions.retrieve", id, retrieve::<Subscription>),
        ("POST", [id]) => Endpoint::one("subscriptions.update", id, update::update),
        ("DELETE", [id]) => Endpoint::one("subscriptions.cancel", id, cancel::cancel),
        ("POST", [id, "resume"]) => Endpoint::one("subscriptions.resume", id, resume),
        _ => return None,
    })
}

/// Takes the items of a request. A `price_data` makes its price.
pub fn new_items(world: &mut World, given: Vec<Params>) -> Result<Vec<NewItem>, ApiError> {
    given.into_iter().map(|item| new_item(world, item)).collect()
}

fn new_item(world: &mut World, mut given: Params) -> Result<NewItem, ApiError> {
    let name = given.name("price");
    let price = match (given.text("price")?, given.object("price_data")?) {
        (Some(price), None) => price,
        (None, Some(mut data)) => prices::create_from(world, &mut data)?,
        _ => return Err(ApiError::missing(&name)),
    };
    let quantity = given.integer("quantity")?;
    let mut metadata = Metadata::new();
    given.metadata(&mut metadata)?;
    given.ignore(&["tax_rates", "adjustable_quantity", "discounts"]);
    given.finish()?;
    let of = world.named::<Price>(&price, &name)?;
    if of.meter().is_some() && quantity.is_some() {
        let message = "You cannot set the quantity for metered prices.";
        return Err(ApiError::parameter("parameter_invalid", &name.replace("price", "quantity"), message));
    }
    if quantity.is_some_and(|quantity| quantity < 0) {
        return Err(ApiError::parameter("parameter_invalid_integer", &name, "Invalid non-negative integer"));
    }
    Ok(NewItem { price, quantity: quantity.unwrap_or(1), metadata })
}

/// Takes `billing_mode[type]`; flexible is the default since 2025-09-30.clover.
pub fn takes_classic(params: &mut Params) -> Result<bool, ApiError> {
    let Some(mut mode) = params.object("billing_mode")? else { return Ok(false) };
    let kind = mode.one_of("type", &["classic", "flexible"])?;
    mode.ignore(&["flexible"]);
    mode.finish()?;
    Ok(kind == Some("classic"))
}

/// Takes `trial_settings[end_behavior][missing_payment_method]`.
pub fn missing_method(params: &mut Params) -> Result<Option<MissingMethod>, ApiError> {
    let Some(mut settings) = params.object("trial_settings")? else { return Ok(None) };
    let mut behavior = settings.object("end_behavior")?.unwrap_or_default();
    settings.finish()?;
    let missing = behavior.one_of("missing_payment_method", &["cancel", "create_invoice", "pause"])?;
    behavior.finish()?;
    Ok(missing.map(|missing| match missing {
        "cancel" => MissingMethod::Cancel,
        "pause" => MissingMethod::Pause,
        _ => MissingMethod::CreateInvoice,
    }))
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let given = params.objects("items")?;
    let mut new = NewSubscription { customer: params.required("customer")?, ..NewSubscription::default() };
    params.metadata(&mut new.metadata)?;
    let days = params.integer("trial_period_days")?;
    new.trial_end = match params.text("trial_end")?.as_deref() {
        None => days.map(|days| world.now + days * DAY),
        Some("now") => None,
        Some(at) => Some(at.parse().map_err(|_| ApiError::wrong_type("trial_end", "integer", at))?),
    };
    new.missing_method = missing_method(params)?.unwrap_or_default();
    new.anchor = params.integer("billing_cycle_anchor")?;
    new.description = params.text("description")?;
    new.default_payment_method = params.text("default_payment_method")?;
    let collection = params.one_of("collection_method", &["charge_automatically", "send_invoice"])?;
    new.send_invoice = collection == Some("send_invoice");
    new.days_until_due = params.integer("days_until_due")?;
    new.cancel_at_period_end = params.boolean("cancel_at_period_end")?.unwrap_or(false);
    new.classic = takes_classic(params)?;
    let behaviours = ["allow_incomplete", "default_incomplete", "error_if_incomplete"];
    let behaviour = params.one_of("payment_behavior", &behaviours)?.unwrap_or("allow_incomplete");
    new.pay_later = behaviour == "default_incomplete";
    new.automatic_tax = invoices::takes_automatic_tax(world, &new.customer, params)?;
    params.ignore(IGNORED);
    params.finish()?;
    customers::living(world, &new.customer, "customer")?;
    if let Some(method) = &new.default_payment_method {
        payment_methods::attached_to(world, method, &new.customer, "default_payment_method")?;
    }
    new.items = new_items(world, given)?;
    for item in &new.items {
        check_price(world.named::<Price>(&item.price, "items")?, "items")?;
    }
    if behaviour == "error_if_incomplete" && new.trial_end.is_none() {
        let of_customer = world.customers.get(&new.customer).and_then(|of| of.default_payment_method.clone());
        update::refuse_unless_it_pays(world, new.default_payment_method.clone().or(of_customer))?;
    }
    let id = subscribe(world, new)?;
    Ok(world.rendered::<Subscription>(&id))
}

/// Cancelled subscriptions are only listed when they are asked for.
fn list(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let price = params.text("price")?;
    let status = params.text("status")?;
    let known =
        |name: &str| matches!(name, "all" | "ended") || Status::ALL.iter().any(|known| known.name() == name);
    if let Some(name) = status.as_deref().filter(|name| !known(name)) {
        return Err(ApiError::not_one_of("status", &["all", "ended", name]));
    }
    let ended = |subscription: &Subscription| {
        matches!(subscription.status, Status::Canceled | Status::IncompleteExpired)
    };
    let wanted = |subscription: &Subscription| {
        customer.as_ref().is_none_or(|customer| subscription.customer == *customer)
            && price.as_ref().is_none_or(|price| subscription.items.iter().any(|item| item.price == *price))
            && match status.as_deref() {
                None => subscription.status != Status::Canceled,
                Some("all") => true,
                Some("ended") => ended(subscription),
                Some(name) => subscription.status.name() == name,
            }
    };
    list::page(world, params, "/v1/subscriptions", wanted)
}

/// Resumes a paused subscription: a new cycle begins now, and it is active once that is paid.
fn resume(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let anchor = params.one_of("billing_cycle_anchor", &["now", "unchanged"])?;
    params.ignore(&["proration_behavior", "proration_date", "payment_behavior"]);
    params.finish()?;
    let old = world.find::<Subscription>(id)?.clone();
    if old.status != Status::Paused {
        return Err(ApiError::impossible("Only a paused subscription can be resumed."));
    }
    let now = world.now;
    world.change::<Subscription>(id, |subscription| {
        subscription.status = Status::Active;
        if anchor != Some("unchanged") {
            subscription.anchor = now;
        }
        subscription.items.iter_mut().for_each(|item| item.period.1 = now);
    });
    let resumed = world.find::<Subscription>(id)?.clone();
    let invoice = cycle::renew(world, &resumed, false, Reason::SubscriptionUpdate);
    world.emit::<Subscription>("customer.subscription.resumed", id);
    if let Some(invoice) = invoice {
        invoices::finalize_now(world, &invoice)?;
        invoices::collect(world, &invoice);
    }
    if let Some(subscription) = world.subscriptions.get(id).cloned() {
        subscription.plan(world);
    }
    Ok(world.rendered::<Subscription>(id))
}
