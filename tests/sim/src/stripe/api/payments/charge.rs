//! Charges: one attempt of a payment intent at one payment method.

use serde_json::{Value, json};

use crate::stripe::api::payment_methods::billing_details;
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World};

/// What has become of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChargeStatus {
    Succeeded,
    Pending,
    Failed,
}

/// A charge.
#[derive(Clone, Debug)]
pub struct Charge {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub amount_refunded: i64,
    pub currency: String,
    pub customer: Option<String>,
    pub payment_intent: String,
    pub payment_method: String,
    pub status: ChargeStatus,
    pub decline_code: Option<&'static str>,
    pub disputed: bool,
    pub metadata: Metadata,
    pub description: Option<String>,
}

impl Charge {
    fn outcome(&self) -> Value {
        match self.decline_code {
            Some(reason) => json!({
                "advice_code": "try_again_later",
                "network_advice_code": null,
                "network_decline_code": "02",
                "network_status": "declined_by_network",
                "reason": reason,
                "risk_level": "normal",
                "risk_score": 3,
                "seller_message": "The bank did not return any further details with this decline.",
                "type": "issuer_declined",
            }),
            None => json!({
                "advice_code": null,
                "network_advice_code": null,
                "network_decline_code": null,
                "network_status": "approved_by_network",
                "reason": null,
                "risk_level": "normal",
                "risk_score": 3,
                "seller_message": "Payment complete.",
                "type": "authorized",
            }),
        }
    }

    fn method_details(&self, world: &World) -> Value {
        let Some(method) = world.payment_methods.get(&self.payment_method) else { return Value::Null };
        let mut details = json!({ "type": method.kind() });
        details[method.kind()] = method.details();
        details
    }
}

impl Resource for Charge {
    const PREFIX: &'static str = "ch_";
    const KIND: &'static str = "charge";

    fn render(&self, world: &World) -> Value {
        let paid = self.status == ChargeStatus::Succeeded;
        let status = match self.status {
            ChargeStatus::Succeeded => "succeeded",
            ChargeStatus::Pending => "pending",
            ChargeStatus::Failed => "failed",
        };
        json!({
            "id": self.id,
            "object": "charge",
            "amount": self.amount,
            "amount_captured": if paid { self.amount } else { 0 },
            "amount_refunded": self.amount_refunded,
            "application": null,
            "application_fee": null,
            "application_fee_amount": null,
            "balance_transaction": if paid { Some(format!("txn_{}", &self.id[3..])) } else { None },
            "billing_details": billing_details(),
            "calculated_statement_descriptor": "OCTROI",
            "captured": paid,
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "disputed": self.disputed,
            "failure_balance_transaction": null,
            "failure_code": self.decline_code.map(|_| "card_declined"),
            "failure_message": self.decline_code.map(|_| "Your card was declined."),
            "fraud_details": {},
            "livemode": false,
            "metadata": self.metadata,
            "on_behalf_of": null,
            "outcome": self.outcome(),
            "paid": paid,
            "payment_intent": self.payment_intent,
            "payment_method": self.payment_method,
            "payment_method_details": self.method_details(world),
            "presentment_details": null,
            "radar_options": {},
            "receipt_email": null,
            "receipt_number": null,
            "receipt_url": format!("{}/receipts/{}", world.base_url, self.id),
            "refunded": self.amount_refunded == self.amount && self.amount > 0,
            "review": null,
            "shipping": null,
            "source": null,
            "source_transfer": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": status,
            "transfer_data": null,
            "transfer_group": null,
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("GET", []) => Endpoint::all("charges.list", list),
        ("GET", [id]) => Endpoint::one("charges.retrieve", id, retrieve::<Charge>),
        ("GET", [id, "refunds"]) => {
            Endpoint::one("charges.listRefunds", id, crate::stripe::api::refunds::list_of_charge)
        }
        _ => return None,
    })
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let intent = params.text("payment_intent")?;
    let wanted = |charge: &Charge| {
        (customer.is_none() || charge.customer == customer)
            && intent.as_ref().is_none_or(|intent| charge.payment_intent == *intent)
    };
    list::page(world, params, "/v1/charges", wanted)
}
