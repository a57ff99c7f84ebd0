//! An invoice that no subscription made.

use super::draft::{Content, draft, takes_automatic_tax};
use super::{Invoice, Reason};
use crate::stripe::api::subscriptions::Subscription;
use crate::stripe::api::{customers, payment_methods};
use crate::stripe::endpoint::Answer;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::World;

pub(super) fn create(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.required("customer")?;
    let subscription = params.text("subscription")?;
    let collection = params.one_of("collection_method", &["charge_automatically", "send_invoice"])?;
    let mut metadata = Metadata::new();
    params.metadata(&mut metadata)?;
    let pending = params.one_of("pending_invoice_items_behavior", &["exclude", "include"])?;
    let auto_advance = params.boolean("auto_advance")?.unwrap_or(false);
    let default_payment_method = params.text("default_payment_method")?;
    let description = params.text("description")?;
    let days_until_due = params.integer("days_until_due")?;
    let currency = params.text("currency")?;
    let automatic_tax = takes_automatic_tax(world, &customer, params)?;
    params.ignore(&["footer", "rendering", "payment_settings", "statement_descriptor", "custom_fields"]);
    params.finish()?;
    let of_customer = customers::living(world, &customer, "customer")?.currency.clone();
    if let Some(method) = &default_payment_method {
        payment_methods::attached_to(world, method, &customer, "default_payment_method")?;
    }
    let subscribed = match &subscription {
        Some(id) => Some(world.named::<Subscription>(id, "subscription")?.clone()),
        None => None,
    };
    let content = Content {
        customer,
        subscription_metadata: subscribed.as_ref().map(|of| of.metadata.clone()).unwrap_or_default(),
        currency: currency
            .or(subscribed.map(|of| of.currency))
            .or(of_customer)
            .unwrap_or_else(|| "usd".to_owned()),
        subscription,
        reason: Reason::Manual,
        period: (world.now, world.now),
        lines: Vec::new(),
        auto_advance,
        instead: None,
        send_invoice: collection == Some("send_invoice"),
        days_until_due,
        default_payment_method,
        metadata,
        description,
        with_pending_items: pending == Some("include"),
        automatic_tax,
        percent_off: 0,
    };
    let id = draft(world, content);
    Ok(world.rendered::<Invoice>(&id))
}
