//! The customer pays, or does not.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Mode, PaymentStatus, Session, Status};
use crate::stripe::api::customers::Customer;
use crate::stripe::api::invoices::{self, Content, Invoice, Reason};
use crate::stripe::api::payment_methods::{self, Behaviour, PaymentMethod};
use crate::stripe::api::payments::{self, Attempt, Needed};
use crate::stripe::api::subscriptions::{Subscription, subscribe};
use crate::stripe::api::tax_ids::TaxId;
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{World, fresh_id};

const DAY: i64 = 24 * 3600;

/// What the customer does on the page.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Completion {
    /// What they pay with. A `declines` leaves the session open, for another try.
    pub pays_with: Behaviour,
    /// The address they give, if the session does not know it.
    pub email: Option<String>,
    /// Where they say they are, a country of two letters; the United States if they say nothing.
    pub country: Option<String>,
    /// What the promotion code that they enter takes off, in percent.
    pub percent_off: i64,
    /// The tax id that they give, `eu_vat:DE123456789`.
    pub tax_id: Option<String>,
    /// They do not accept the terms.
    pub refuses_terms: bool,
}

/// Completes an open session, as its customer would.
pub fn complete(world: &mut World, id: &str, completion: &Completion) -> Result<(), ApiError> {
    let session = world.find::<Session>(id)?.clone();
    if session.status != Status::Open {
        return Err(ApiError::impossible(format!("The session {id} is {}.", session.status.name())));
    }
    if !matches!(completion.pays_with, Behaviour::Pays | Behaviour::Delayed) {
        return declined(world, &session, completion.pays_with);
    }
    fill_in(world, &session, completion)?;
    let session = world.find::<Session>(id)?.clone();
    let customer = customer_of(world, &session, completion);
    let method = PaymentMethod::new(world.now, completion.pays_with);
    let method_id = method.id.clone();
    world.payment_methods.insert(method_id.clone(), method);
    match session.mode {
        Mode::Subscription => start_subscription(world, &session, customer, &method_id)?,
        Mode::Payment => pay_once(world, &session, customer, &method_id)?,
    }
    world.change::<Session>(id, |session| session.status = Status::Complete);
    world.emit::<Session>("checkout.session.completed", id);
    Ok(())
}

/// What the customer enters beside a card. What the page does not ask for cannot be entered.
fn fill_in(world: &mut World, session: &Session, completion: &Completion) -> Result<(), ApiError> {
    let asks = &session.asks;
    let refused = |message: &str| Err(ApiError::impossible(message));
    if completion.percent_off != 0 && !asks.promotion_codes {
        return refused("The page has no field for a promotion code.");
    }
    if completion.tax_id.is_some() && !asks.tax_ids {
        return refused("The page has no field for a tax id.");
    }
    if asks.requires_terms && completion.refuses_terms {
        return refused("The terms of service are not accepted.");
    }
    let country = completion.country.clone().unwrap_or_else(|| "US".to_owned());
    let taxes = world.settings.tax_basis_points.filter(|_| asks.automatic_tax).unwrap_or(0);
    world.change::<Session>(&session.id, |session| {
        session.accepted_terms = session.asks.requires_terms;
        session.percent_off = completion.percent_off;
        session.tax_basis_points = taxes;
    });
    let Some(customer) = &session.customer else { return Ok(()) };
    let tax_id = completion.tax_id.as_deref().and_then(|given| given.split_once(':'));
    let now = world.now;
    world.update::<Customer>(customer, "customer.updated", |customer| {
        if asks.updates_address {
            customer.address = Some(json!({ "city": null, "country": country, "line1": null, "line2": null,
                "postal_code": null, "state": null }));
        }
        if let Some((kind, value)) = tax_id {
            customer.tax_ids.push(TaxId::new(now, kind, value));
        }
    });
    Ok(())
}

/// The card is declined: the payment failed, and the customer is still on the page.
fn declined(world: &mut World, session: &Session, behaviour: Behaviour) -> Result<(), ApiError> {
    let intent = payments::open(world, needed(session, session.customer.clone()));
    let method = PaymentMethod::new(world.now, behaviour);
    let method_id = method.id.clone();
    world.payment_methods.insert(method_id.clone(), method);
    payments::attempt(world, &intent, Some(&method_id));
    Ok(())
}

fn needed(session: &Session, customer: Option<String>) -> Needed {
    Needed {
        amount: session.amounts().total(),
        currency: session.currency.clone(),
        customer,
        metadata: session.payment_metadata.clone(),
        description: session.payment_description.clone(),
        ..Needed::default()
    }
}

/// Who buys: the session's customer, or one made of what the page asks for.
fn customer_of(world: &mut World, session: &Session, completion: &Completion) -> Option<String> {
    let email = session.customer_email.clone().or_else(|| completion.email.clone());
    if session.customer_email.is_none() && session.customer.is_none() {
        let email = email.clone();
        world.change::<Session>(&session.id, |session| session.customer_email = email);
    }
    if session.customer.is_some() || !session.creates_customer {
        return session.customer.clone();
    }
    let customer = Customer { email, ..Customer::new(world.now) };
    let id = customer.id.clone();
    world.add(customer, "customer.created");
    world.change::<Session>(&session.id, |session| session.customer = Some(id.clone()));
    Some(id)
}

fn start_subscription(
    world: &mut World,
    session: &Session,
    customer: Option<String>,
    method: &str,
) -> Result<(), ApiError> {
    let (Some(customer), Some(mut new)) = (customer, session.subscribes.clone()) else { return Ok(()) };
    payment_methods::attach_to(world, method, &customer)?;
    new.customer = customer;
    new.trial_end = new.trial_end.or_else(|| session.trial_days.map(|days| world.now + days * DAY));
    new.default_payment_method = Some(method.to_owned());
    new.checkout_session = Some(session.id.clone());
    new.automatic_tax = session.asks.automatic_tax;
    new.percent_off = session.percent_off;
    let trial = new.trial_end.is_some();
    let id = subscribe(world, new)?;
    let invoice = world.find::<Subscription>(&id)?.latest_invoice.clone();
    let paid = invoice.as_deref().and_then(|id| world.invoices.get(id)).map(|invoice| invoice.status);
    let payment_status = match paid {
        _ if trial => PaymentStatus::NoPaymentRequired,
        None => PaymentStatus::NoPaymentRequired,
        Some(invoices::Status::Paid) => PaymentStatus::Paid,
        Some(_) => PaymentStatus::Unpaid,
    };
    world.change::<Session>(&session.id, |session| {
        session.subscription = Some(id);
        session.invoice = invoice;
        session.payment_status = payment_status;
    });
    Ok(())
}

fn pay_once(
    world: &mut World,
    session: &Session,
    customer: Option<String>,
    method: &str,
) -> Result<(), ApiError> {
    if session.amounts().total() == 0 {
        receipt(world, session, customer);
        world.change::<Session>(&session.id, |session| {
            session.payment_status = PaymentStatus::NoPaymentRequired
        });
        return Ok(());
    }
    if let (Some(customer), true) = (&customer, session.saves_method) {
        payment_methods::attach_to(world, method, customer)?;
    }
    let intent = payments::open(world, needed(session, customer.clone()));
    world.change::<Session>(&session.id, |session| session.payment_intent = Some(intent.clone()));
    if payments::attempt(world, &intent, Some(method)) == Attempt::Paid {
        world.change::<Session>(&session.id, |session| session.payment_status = PaymentStatus::Paid);
        receipt(world, session, customer);
    }
    Ok(())
}

/// With `invoice_creation` a one-off payment has a paid invoice as well.
fn receipt(world: &mut World, session: &Session, customer: Option<String>) {
    let (Some(customer), true) = (customer, session.creates_invoice) else { return };
    let line = |bought: &super::Bought| {
        let price = world.prices.get(&bought.price)?;
        let source = invoices::Source::InvoiceItem { id: fresh_id("ii_"), proration_of: None };
        Some(invoices::Line {
            id: fresh_id("il_"),
            source,
            price: Some(price.id.clone()),
            quantity: bought.quantity,
            amount: price.amount(bought.quantity),
            description: world.products.get(&price.product).map(|of| of.name.clone()).unwrap_or_default(),
            period: (world.now, world.now),
            metadata: Metadata::new(),
        })
    };
    let lines = session.bought.iter().filter_map(line).collect();
    let content = Content {
        customer,
        subscription: None,
        subscription_metadata: Metadata::new(),
        reason: Reason::Manual,
        currency: session.currency.clone(),
        period: (world.now, world.now),
        lines,
        auto_advance: false,
        instead: None,
        send_invoice: false,
        days_until_due: None,
        default_payment_method: None,
        metadata: session.invoice_metadata.clone(),
        description: None,
        with_pending_items: false,
        automatic_tax: session.asks.automatic_tax,
        percent_off: session.percent_off,
    };
    let invoice = invoices::draft(world, content);
    invoices::settle_receipt(world, &invoice);
    world.change::<Invoice>(&invoice, |invoice| invoice.checkout_session = Some(session.id.clone()));
    world.change::<Session>(&session.id, |session| session.invoice = Some(invoice));
}

/// The bank has decided about a delayed payment of a session's.
pub fn delayed_payment_settled(world: &mut World, intent: &str, paid: bool) {
    let invoice = world.payment_intents.get(intent).and_then(|intent| intent.invoice.clone());
    let of_intent = |session: &&Session| {
        session.payment_intent.as_deref() == Some(intent) || (invoice.is_some() && session.invoice == invoice)
    };
    let Some(session) = world.sessions.iter().rev().find(of_intent).cloned() else { return };
    if paid {
        world.change::<Session>(&session.id, |session| session.payment_status = PaymentStatus::Paid);
        receipt(world, &session, session.customer.clone());
        world.emit::<Session>("checkout.session.async_payment_succeeded", &session.id);
    } else {
        world.emit::<Session>("checkout.session.async_payment_failed", &session.id);
    }
}

/// `POST /v1/checkout/sessions/{id}/expire`
pub(super) fn expire(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let session = world.find::<Session>(id)?;
    if session.status != Status::Open {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout Session has a status \
             of {}.",
            session.status.name()
        );
        return Err(ApiError::impossible(message));
    }
    expire_now(world, id);
    Ok(world.rendered::<Session>(id))
}

/// The session's time is over, unless the customer was faster.
pub fn expire_when_due(world: &mut World, id: &str) {
    if world.sessions.get(id).is_some_and(|session| session.status == Status::Open) {
        expire_now(world, id);
    }
}

fn expire_now(world: &mut World, id: &str) {
    world.change::<Session>(id, |session| session.status = Status::Expired);
    world.emit::<Session>("checkout.session.expired", id);
}
