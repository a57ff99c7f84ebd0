//! Refunds, in as many parts as there is money left on the charge.

use serde_json::{Value, json};

use crate::stripe::api::payments::{Charge, ChargeStatus, PaymentIntent};
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// A refund.
#[derive(Clone, Debug)]
pub struct Refund {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub currency: String,
    pub charge: String,
    pub payment_intent: String,
    pub reason: Option<&'static str>,
    pub status: &'static str,
    pub metadata: Metadata,
}

impl Resource for Refund {
    const PREFIX: &'static str = "re_";
    const KIND: &'static str = "refund";

    fn render(&self, _world: &World) -> Value {
        json!({
            "id": self.id,
            "object": "refund",
            "amount": self.amount,
            "balance_transaction": format!("txn_{}", &self.id[3..]),
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "destination_details": { "card": { "reference": "", "reference_status": "pending",
                "reference_type": "acquirer_reference_number", "type": "refund" }, "type": "card" },
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "reason": self.reason,
            "receipt_number": null,
            "source_transfer_reversal": null,
            "status": self.status,
            "transfer_reversal": null,
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("refunds.create", create),
        ("GET", []) => Endpoint::all("refunds.list", list),
        ("GET", [id]) => Endpoint::one("refunds.retrieve", id, retrieve::<Refund>),
        ("POST", [id]) => Endpoint::one("refunds.update", id, update),
        _ => return None,
    })
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let charge = params.text("charge")?;
    let intent = params.text("payment_intent")?;
    let amount = params.integer("amount")?;
    let reason = params.one_of("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let mut metadata = Metadata::new();
    params.metadata(&mut metadata)?;
    params.finish()?;
    let charge = match (charge, intent) {
        (Some(charge), _) => charge,
        (None, Some(intent)) => {
            let intent = world.named::<PaymentIntent>(&intent, "payment_intent")?;
            let none = || ApiError::impossible(format!("The payment {} has no charge to refund.", intent.id));
            intent.latest_charge.clone().ok_or_else(none)?
        }
        (None, None) => return Err(ApiError::missing("charge")),
    };
    let charge = world.named::<Charge>(&charge, "charge")?.clone();
    let left = charge.amount - charge.amount_refunded;
    let amount = amount.unwrap_or(left);
    if charge.status != ChargeStatus::Succeeded {
        return Err(ApiError::impossible(format!("Charge {} was not paid.", charge.id)));
    }
    if charge.disputed {
        let message = format!("Charge {} has been charged back; cannot issue a refund.", charge.id);
        return Err(ApiError::impossible_because("charge_disputed", message));
    }
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.id);
        return Err(ApiError::impossible_because("charge_already_refunded", message));
    }
    if amount < 1 || amount > left {
        let message =
            format!("Refund amount ({amount}) is greater than unrefunded amount on charge ({left})");
        return Err(ApiError::parameter("parameter_invalid_integer", "amount", message));
    }
    let refund = Refund {
        id: fresh_id(Refund::PREFIX),
        created: world.now,
        amount,
        currency: charge.currency,
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent,
        reason,
        status: "succeeded",
        metadata,
    };
    let id = refund.id.clone();
    world.add(refund, "refund.created");
    world.update::<Charge>(&charge.id, "charge.refunded", |charge| charge.amount_refunded += amount);
    world.emit::<Refund>("charge.refund.updated", &id);
    Ok(world.rendered::<Refund>(&id))
}

/// A refund fails after all: the bank sent the money back, and the charge has it again.
pub fn fail(world: &mut World, id: &str) -> Result<(), ApiError> {
    let refund = world.find::<Refund>(id)?.clone();
    if refund.status == "failed" {
        return Err(ApiError::impossible(format!("The refund {id} has failed already.")));
    }
    world.change::<Charge>(&refund.charge, |charge| charge.amount_refunded -= refund.amount);
    world.change::<Refund>(id, |refund| refund.status = "failed");
    world.emit::<Refund>("refund.failed", id);
    Ok(())
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let charge = params.text("charge")?;
    let intent = params.text("payment_intent")?;
    let wanted = |refund: &Refund| {
        charge.as_ref().is_none_or(|charge| refund.charge == *charge)
            && intent.as_ref().is_none_or(|intent| refund.payment_intent == *intent)
    };
    list::page(world, params, "/v1/refunds", wanted)
}

/// `GET /v1/charges/{id}/refunds`
pub fn list_of_charge(world: &mut World, id: &str, params: &mut Params) -> Answer {
    world.find::<Charge>(id)?;
    list::page(world, params, &format!("/v1/charges/{id}/refunds"), |refund: &Refund| refund.charge == id)
}

fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let mut changed = world.find::<Refund>(id)?.clone();
    params.metadata(&mut changed.metadata)?;
    params.finish()?;
    world.update::<Refund>(id, "refund.updated", |refund| *refund = changed);
    Ok(world.rendered::<Refund>(id))
}
