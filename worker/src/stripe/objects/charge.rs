//! A charge with all that was given back of it.

use serde::Serialize;

use super::optional_id_of;

/// A charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "Stripe's names, documented at https://docs.stripe.com/api/charges/object")]
pub struct Charge {
    pub id: String,
    pub customer: Option<String>,
    pub payment_intent: Option<String>,
    pub amount: i64,
    pub currency: String,
    pub created: i64,
    pub status: String,
    /// Every refund there is, whatever its state.
    pub refunds: Vec<Refund>,
}

/// Money given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "Stripe's names, documented at https://docs.stripe.com/api/refunds/object")]
pub struct Refund {
    pub id: String,
    pub amount: i64,
    pub status: Option<String>,
    pub created: i64,
}

impl Charge {
    /// The charge with the refunds that were listed for it.
    pub(in crate::stripe) fn new(charge: &stripe_shared::Charge, refunds: &[stripe_shared::Refund]) -> Self {
        Self {
            id: charge.id.to_string(),
            customer: optional_id_of(charge.customer.as_ref()),
            payment_intent: optional_id_of(charge.payment_intent.as_ref()),
            amount: charge.amount,
            currency: charge.currency.to_string(),
            created: charge.created,
            status: charge.status.to_string(),
            refunds: refunds
                .iter()
                .map(|refund| Refund {
                    id: refund.id.to_string(),
                    amount: refund.amount,
                    status: refund.status.clone(),
                    created: refund.created,
                })
                .collect(),
        }
    }
}
