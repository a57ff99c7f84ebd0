//! A dispute: a charge that a bank may take back.

use serde::Serialize;

use super::{id_of, optional_id_of};

/// A dispute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "Stripe's names, documented at https://docs.stripe.com/api/disputes/object")]
pub struct Dispute {
    pub id: String,
    pub charge: String,
    pub payment_intent: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub status: String,
    pub created: i64,
}

impl From<&stripe_shared::Dispute> for Dispute {
    fn from(dispute: &stripe_shared::Dispute) -> Self {
        Self {
            id: dispute.id.to_string(),
            charge: id_of(&dispute.charge),
            payment_intent: optional_id_of(dispute.payment_intent.as_ref()),
            amount: dispute.amount,
            currency: dispute.currency.to_string(),
            status: dispute.status.to_string(),
            created: dispute.created,
        }
    }
}
