//! An attempt to collect: what the payment method does decides.

use std::borrow::Cow;

use super::{Charge, ChargeStatus, IntentStatus, PaymentIntent};
use crate::stripe::api::payment_methods::{Behaviour, PaymentMethod};
use crate::stripe::api::{checkout, invoices};
use crate::stripe::errors::ApiError;
use crate::stripe::world::{Resource, World, fresh_id};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// The money is there.
    Paid,
    /// The issuer said no, for this reason.
    Declined(&'static str),
    /// The customer must confirm.
    RequiresAction,
    /// It takes days to know.
    Processing,
    /// There is nothing to charge.
    NoMethod,
}

/// Charges a payment intent to a payment method.
pub fn attempt(world: &mut World, intent: &str, method: Option<&str>) -> Attempt {
    let usable = |method: &&PaymentMethod| !method.detached;
    let Some(method) = method.and_then(|id| world.payment_methods.get(id)).filter(usable).cloned() else {
        return Attempt::NoMethod;
    };
    world.change::<PaymentIntent>(intent, |intent| {
        intent.payment_method = Some(method.id.clone());
        intent.decline_code = None;
    });
    match method.behaviour {
        Behaviour::Pays => {
            charge(world, intent, &method, ChargeStatus::Succeeded, None);
            succeed(world, intent);
            Attempt::Paid
        }
        Behaviour::Declines => decline(world, intent, &method, "generic_decline"),
        Behaviour::InsufficientFunds => decline(world, intent, &method, "insufficient_funds"),
        Behaviour::RequiresAction => {
            world.change::<PaymentIntent>(intent, |intent| intent.status = IntentStatus::RequiresAction);
            world.emit::<PaymentIntent>("payment_intent.requires_action", intent);
            Attempt::RequiresAction
        }
        Behaviour::Delayed => {
            let id = charge(world, intent, &method, ChargeStatus::Pending, None);
            world.change::<PaymentIntent>(intent, |intent| intent.status = IntentStatus::Processing);
            world.emit::<Charge>("charge.pending", &id);
            world.emit::<PaymentIntent>("payment_intent.processing", intent);
            Attempt::Processing
        }
    }
}

fn succeed(world: &mut World, intent: &str) {
    world.change::<PaymentIntent>(intent, |intent| intent.status = IntentStatus::Succeeded);
    if let Some(charge) = latest_charge(world, intent) {
        world.emit::<Charge>("charge.succeeded", &charge);
    }
    world.emit::<PaymentIntent>("payment_intent.succeeded", intent);
}

fn decline(world: &mut World, intent: &str, method: &PaymentMethod, code: &'static str) -> Attempt {
    let id = charge(world, intent, method, ChargeStatus::Failed, Some(code));
    fail(world, intent, &id, code);
    Attempt::Declined(code)
}

fn fail(world: &mut World, intent: &str, charge: &str, code: &'static str) {
    world.change::<PaymentIntent>(intent, |intent| {
        intent.status = IntentStatus::RequiresPaymentMethod;
        intent.decline_code = Some(code.into());
    });
    world.emit::<Charge>("charge.failed", charge);
    world.emit::<PaymentIntent>("payment_intent.payment_failed", intent);
}

fn latest_charge(world: &World, intent: &str) -> Option<String> {
    world.payment_intents.get(intent).and_then(|intent| intent.latest_charge.clone())
}

/// Enters a charge. Its event is the caller's, once the intent is as it should be.
fn charge(
    world: &mut World,
    intent: &str,
    method: &PaymentMethod,
    status: ChargeStatus,
    decline_code: Option<&'static str>,
) -> String {
    let id = fresh_id(Charge::PREFIX);
    let Some(of) = world.payment_intents.get(intent) else { return id };
    let charge = Charge {
        id: id.clone(),
        created: world.now,
        amount: of.amount,
        amount_refunded: 0,
        currency: of.currency.clone(),
        customer: of.customer.clone(),
        payment_intent: intent.to_owned(),
        payment_method: method.id.clone(),
        status,
        decline_code: decline_code.map(Cow::Borrowed),
        disputed: false,
        metadata: of.metadata.clone(),
        description: of.description.clone(),
    };
    world.charges.insert(id.clone(), charge);
    world.change::<PaymentIntent>(intent, |intent| intent.latest_charge = Some(id.clone()));
    id
}

/// The bank has decided about a delayed payment; invoice and checkout session learn of it.
pub fn settle_delayed(world: &mut World, id: &str, paid: bool) -> Result<(), ApiError> {
    let intent = world.find::<PaymentIntent>(id)?.clone();
    if intent.status != IntentStatus::Processing {
        return Err(ApiError::impossible(format!("The payment {id} is not processing.")));
    }
    if let Some(charge) = &intent.latest_charge {
        let status = if paid { ChargeStatus::Succeeded } else { ChargeStatus::Failed };
        world.change::<Charge>(charge, |charge| {
            charge.status = status;
            charge.decline_code = (!paid).then_some("generic_decline".into());
        });
        if paid { succeed(world, id) } else { fail(world, id, charge, "generic_decline") }
    }
    if let Some(invoice) = &intent.invoice {
        invoices::delayed_payment_settled(world, invoice, paid);
    }
    checkout::delayed_payment_settled(world, id, paid);
    Ok(())
}
