//! A new checkout session.

use super::asks::{self, Asks};
use super::{Bought, Mode, PaymentStatus, Session, Status};
use crate::stripe::api::customers;
use crate::stripe::api::prices::Price;
use crate::stripe::api::subscriptions::{NewItem, NewSubscription, act};
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Due, Resource, World, fresh_id};

const MINUTE: i64 = 60;
const DAY: i64 = 24 * 60 * MINUTE;
/// The least and the most seconds a session can be open (Stripe's API reference).
const SHORTEST: i64 = 30 * MINUTE;
const LONGEST: i64 = DAY;
/// The longest reference of the caller's own, in characters.
const MAX_REFERENCE: usize = 200;

/// Parameters of Stripe's that the stand-in takes and forgets.
const IGNORED: &[&str] = &[
    "adaptive_pricing",
    "custom_text",
    "managed_payments",
    "payment_method_collection",
    "payment_method_options",
    "payment_method_types",
    "phone_number_collection",
    "saved_payment_method_options",
    "submit_type",
];

pub(super) fn create(world: &mut World, params: &mut Params) -> Answer {
    let mode = match params.one_of("mode", &["payment", "subscription"])? {
        Some("payment") => Mode::Payment,
        Some(_) => Mode::Subscription,
        None => return Err(ApiError::missing("mode")),
    };
    let line_items = params.objects("line_items")?;
    asks::takes_invoice(mode, params)?;
    let mut session = session(world, mode, params)?;
    take_subscription(world, &mut session, params)?;
    take_payment(&mut session, params)?;
    params.ignore(IGNORED);
    params.finish()?;
    if line_items.is_empty() {
        return Err(ApiError::missing("line_items"));
    }
    if let Some(customer) = &session.customer {
        customers::living(world, customer, "customer")?;
    }
    for item in act::new_items(world, line_items)? {
        buy(world, &mut session, item)?;
    }
    if session.trial_days.is_some() || session.subscribes.as_ref().is_some_and(|new| new.trial_end.is_some())
    {
        session.amount_total = 0;
    }
    world.plan(session.expires_at, Due::Expire(session.id.clone()));
    let id = session.id.clone();
    // Stripe has no event for it.
    world.sessions.insert(id.clone(), session);
    Ok(world.rendered::<Session>(&id))
}

fn session(world: &World, mode: Mode, params: &mut Params) -> Result<Session, ApiError> {
    let now = world.now;
    let expires_at = params.integer("expires_at")?.unwrap_or(now + LONGEST);
    if !(now + SHORTEST - MINUTE..=now + LONGEST + MINUTE).contains(&expires_at) {
        let message = "The `expires_at` timestamp must be at least 30 minutes and at most 24 hours from Checkout \
                       Session creation.";
        return Err(ApiError::parameter("parameter_invalid", "expires_at", message));
    }
    let ui_mode = params.one_of("ui_mode", &["hosted_page"])?;
    let success_url = params.text("success_url")?;
    if ui_mode.is_none_or(|mode| mode == "hosted_page") && success_url.is_none() {
        return Err(ApiError::missing("success_url"));
    }
    let customer = params.text("customer")?;
    let customer_email = params.text("customer_email")?;
    if customer.is_some() && customer_email.is_some() {
        let message = "You may only specify one of these parameters: customer, customer_email.";
        return Err(ApiError::parameter("parameters_exclusive", "customer_email", message));
    }
    let client_reference_id = params.text("client_reference_id")?;
    if client_reference_id.as_ref().is_some_and(|id| id.chars().count() > MAX_REFERENCE) {
        let message = format!("client_reference_id has at most {MAX_REFERENCE} characters");
        return Err(ApiError::parameter("parameter_invalid", "client_reference_id", message));
    }
    let creation = params.one_of("customer_creation", &["always", "if_required"])?;
    if creation.is_some() && mode == Mode::Subscription {
        let message = "`customer_creation` can only be used in `payment` and `setup` mode.";
        return Err(ApiError::parameter("parameter_invalid", "customer_creation", message));
    }
    let asks = Asks::take(world, customer.as_deref(), params)?;
    let mut metadata = Metadata::new();
    params.metadata(&mut metadata)?;
    Ok(Session {
        id: fresh_id(Session::PREFIX),
        created: now,
        mode,
        status: Status::Open,
        payment_status: PaymentStatus::Unpaid,
        customer,
        customer_email,
        creates_customer: mode == Mode::Subscription || creation == Some("always"),
        client_reference_id,
        metadata,
        success_url,
        cancel_url: params.text("cancel_url")?,
        expires_at,
        bought: Vec::new(),
        currency: params.text("currency")?.unwrap_or_default(),
        amount_total: 0,
        asks,
        accepted_terms: false,
        percent_off: 0,
        tax_basis_points: 0,
        invoice_metadata: Metadata::new(),
        subscribes: None,
        trial_days: None,
        payment_metadata: Metadata::new(),
        payment_description: None,
        saves_method: false,
        creates_invoice: false,
        subscription: None,
        invoice: None,
        payment_intent: None,
    })
}

fn take_subscription(world: &World, session: &mut Session, params: &mut Params) -> Result<(), ApiError> {
    if session.mode != Mode::Subscription {
        return Ok(());
    }
    let mut data = params.object("subscription_data")?.unwrap_or_default();
    let mut new = NewSubscription::default();
    data.metadata(&mut new.metadata)?;
    new.description = data.text("description")?;
    new.anchor = data.integer("billing_cycle_anchor")?;
    new.classic = act::takes_classic(&mut data)?;
    new.missing_method = act::missing_method(&mut data)?.unwrap_or_default();
    new.trial_end = data.integer("trial_end")?;
    session.trial_days = data.integer("trial_period_days")?;
    data.ignore(&["invoice_settings", "proration_behavior", "default_tax_rates"]);
    data.finish()?;
    if new.trial_end.is_some_and(|end| end < world.now + 2 * DAY) {
        let message = "The `trial_end` date has to be at least 2 days in the future.";
        return Err(ApiError::parameter("parameter_invalid", "subscription_data[trial_end]", message));
    }
    session.subscribes = Some(new);
    Ok(())
}

fn take_payment(session: &mut Session, params: &mut Params) -> Result<(), ApiError> {
    if session.mode != Mode::Payment {
        return Ok(());
    }
    let mut data = params.object("payment_intent_data")?.unwrap_or_default();
    data.metadata(&mut session.payment_metadata)?;
    session.payment_description = data.text("description")?;
    session.saves_method = data.one_of("setup_future_usage", &["off_session", "on_session"])?.is_some();
    data.ignore(&["receipt_email", "statement_descriptor", "statement_descriptor_suffix", "capture_method"]);
    data.finish()?;
    if let Some(mut creation) = params.object("invoice_creation")? {
        session.creates_invoice = creation.boolean("enabled")?.unwrap_or(false);
        if let Some(mut data) = creation.object("invoice_data")? {
            data.metadata(&mut session.invoice_metadata)?;
            data.ignore(&["account_tax_ids", "custom_fields", "description", "footer", "rendering_options"]);
            data.finish()?;
        }
        creation.finish()?;
    }
    Ok(())
}

fn buy(world: &World, session: &mut Session, item: NewItem) -> Result<(), ApiError> {
    let price = world.named::<Price>(&item.price, "line_items[price]")?;
    if !price.active {
        let message = "The price specified is inactive. This field only accepts active prices.";
        return Err(ApiError::parameter("price_inactive", "line_items[price]", message));
    }
    if session.mode == Mode::Payment && price.recurring.is_some() {
        let message = "You specified `payment` mode but passed a recurring price. Either switch to `subscription` \
                       mode or use only one-time prices.";
        return Err(ApiError::parameter("parameter_invalid", "mode", message));
    }
    if session.mode == Mode::Subscription && price.recurring.is_none() {
        return Err(ApiError::impossible(
            "The stand-in does not model one-time prices in `subscription` mode.",
        ));
    }
    if session.currency.is_empty() {
        session.currency.clone_from(&price.currency);
    }
    if session.currency != price.currency {
        return Err(ApiError::impossible("All prices of a session must have the same currency."));
    }
    if price.meter().is_none() {
        session.amount_total += price.amount(item.quantity);
    }
    if let Some(new) = &mut session.subscribes {
        new.items.push(item.clone());
    }
    let NewItem { price, quantity, metadata } = item;
    session.bought.push(Bought { id: fresh_id("li_"), price, quantity, metadata });
    Ok(())
}
