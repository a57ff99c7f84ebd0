//! The customer pays, or does not.

use serde::{Deserialize, Serialize};

use super::{Mode, PaymentStatus, Session, Status};
use crate::stripe::api::customers::Customer;
use crate::stripe::api::invoices::{self, Content, Invoice, Reason};
use crate::stripe::api::payment_methods::{self, Behaviour, PaymentMethod};
use crate::stripe::api::payments::{self, Attempt, Needed};
use crate::stripe::api::subscriptions::{Subscription, subscribe};
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
        amount: session.amount_total,
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
    if session.amount_total == 0 {
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
            description: String::new(),
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
        metadata: session.metadata.clone(),
        description: None,
        with_pending_items: false,
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
