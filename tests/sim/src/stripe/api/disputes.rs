//! Disputes. The customer's bank opens and decides them, so both are control calls.

use serde_json::{Value, json};

use crate::stripe::api::payments::{Charge, ChargeStatus};
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// How long the evidence may take, in seconds: seven days.
const EVIDENCE_TIME: i64 = 7 * 24 * 3600;

/// How far a dispute has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DisputeStatus {
    NeedsResponse,
    Won,
    Lost,
}

/// A dispute.
#[derive(Clone, Debug)]
pub struct Dispute {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub currency: String,
    pub charge: String,
    pub payment_intent: String,
    pub reason: String,
    pub status: DisputeStatus,
    pub metadata: Metadata,
}

/// The members of a dispute's evidence, all of them empty.
const EVIDENCE: &[&str] = &[
    "access_activity_log",
    "billing_address",
    "cancellation_policy",
    "cancellation_policy_disclosure",
    "cancellation_rebuttal",
    "customer_communication",
    "customer_email_address",
    "customer_name",
    "customer_purchase_ip",
    "customer_signature",
    "duplicate_charge_documentation",
    "duplicate_charge_explanation",
    "duplicate_charge_id",
    "product_description",
    "receipt",
    "refund_policy",
    "refund_policy_disclosure",
    "refund_refusal_explanation",
    "service_date",
    "service_documentation",
    "shipping_address",
    "shipping_carrier",
    "shipping_date",
    "shipping_documentation",
    "shipping_tracking_number",
    "uncategorized_file",
    "uncategorized_text",
];

impl Resource for Dispute {
    const PREFIX: &'static str = "du_";
    const KIND: &'static str = "dispute";

    fn render(&self, world: &World) -> Value {
        let mut evidence: serde_json::Map<String, Value> =
            EVIDENCE.iter().map(|name| ((*name).to_owned(), Value::Null)).collect();
        evidence.insert("enhanced_evidence".to_owned(), json!({}));
        let status = match self.status {
            DisputeStatus::NeedsResponse => "needs_response",
            DisputeStatus::Won => "won",
            DisputeStatus::Lost => "lost",
        };
        let due_by = self.created + EVIDENCE_TIME;
        json!({
            "id": self.id,
            "object": "dispute",
            "amount": self.amount,
            "balance_transactions": [],
            "charge": self.charge,
            "created": self.created,
            "currency": self.currency,
            "enhanced_eligibility_types": [],
            "evidence": evidence,
            "evidence_details": { "due_by": due_by, "enhanced_eligibility": {}, "has_evidence": false,
                "past_due": world.now > due_by, "submission_count": 0 },
            "is_charge_refundable": false,
            "livemode": false,
            "metadata": self.metadata,
            "payment_intent": self.payment_intent,
            "payment_method_details": { "card": { "brand": "visa", "case_type": "chargeback", "network": "visa",
                "network_reason_code": "10.4" }, "type": "card" },
            "reason": self.reason,
            "status": status,
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("GET", []) => Endpoint::all("disputes.list", list),
        ("GET", [id]) => Endpoint::one("disputes.retrieve", id, retrieve::<Dispute>),
        _ => return None,
    })
}

/// The customer's bank takes `amount` (the whole charge without one) back for now. Returns the dispute's id.
pub fn open(world: &mut World, charge: &str, amount: Option<i64>, reason: &str) -> Result<String, ApiError> {
    let charge = world.find::<Charge>(charge)?.clone();
    let amount = amount.unwrap_or(charge.amount);
    if charge.status != ChargeStatus::Succeeded || charge.disputed || amount < 1 || amount > charge.amount {
        return Err(ApiError::impossible(format!(
            "The charge {} cannot be disputed over {amount}.",
            charge.id
        )));
    }
    let dispute = Dispute {
        id: fresh_id(Dispute::PREFIX),
        created: world.now,
        amount,
        currency: charge.currency,
        charge: charge.id.clone(),
        payment_intent: charge.payment_intent,
        reason: reason.to_owned(),
        status: DisputeStatus::NeedsResponse,
        metadata: Metadata::new(),
    };
    let id = dispute.id.clone();
    world.change::<Charge>(&charge.id, |charge| charge.disputed = true);
    world.add(dispute, "charge.dispute.created");
    world.emit::<Dispute>("charge.dispute.funds_withdrawn", &id);
    Ok(id)
}

/// The bank decides. Who wins gets the money back.
pub fn close(world: &mut World, id: &str, won: bool) -> Result<(), ApiError> {
    if world.find::<Dispute>(id)?.status != DisputeStatus::NeedsResponse {
        return Err(ApiError::impossible(format!("The dispute {id} is closed.")));
    }
    let status = if won { DisputeStatus::Won } else { DisputeStatus::Lost };
    world.change::<Dispute>(id, |dispute| dispute.status = status);
    if won {
        world.emit::<Dispute>("charge.dispute.funds_reinstated", id);
    }
    world.emit::<Dispute>("charge.dispute.closed", id);
    Ok(())
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let charge = params.text("charge")?;
    let intent = params.text("payment_intent")?;
    let wanted = |dispute: &Dispute| {
        charge.as_ref().is_none_or(|charge| dispute.charge == *charge)
            && intent.as_ref().is_none_or(|intent| dispute.payment_intent == *intent)
    };
    list::page(world, params, "/v1/disputes", wanted)
}
