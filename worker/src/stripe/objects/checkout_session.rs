//! A checkout session with what was bought in it.

use serde::Serialize;

use super::optional_id_of;

/// A checkout session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(
    missing_docs,
    reason = "Stripe's names, documented at https://docs.stripe.com/api/checkout/sessions/object"
)]
pub struct CheckoutSession {
    pub id: String,
    pub customer: Option<String>,
    pub mode: String,
    pub status: Option<String>,
    pub payment_status: String,
    pub client_reference_id: Option<String>,
    pub subscription: Option<String>,
    pub payment_intent: Option<String>,
    pub invoice: Option<String>,
    pub amount_total: Option<i64>,
    /// Stripe's `total_details.amount_tax`: what of the total is tax.
    pub amount_tax: Option<i64>,
    pub currency: Option<String>,
    pub created: i64,
    pub expires_at: i64,
    pub line_items: Vec<SessionItem>,
}

/// One thing bought.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "as above")]
pub struct SessionItem {
    pub id: String,
    pub price: Option<String>,
    pub quantity: Option<u64>,
    pub amount_total: i64,
}

impl CheckoutSession {
    /// The session with the items that were listed for it.
    pub(in crate::stripe) fn new(
        session: &stripe_shared::CheckoutSession,
        items: &[stripe_shared::CheckoutSessionItem],
    ) -> Self {
        Self {
            id: session.id.to_string(),
            customer: optional_id_of(session.customer.as_ref()),
            mode: session.mode.to_string(),
            status: session.status.as_ref().map(ToString::to_string),
            payment_status: session.payment_status.to_string(),
            client_reference_id: session.client_reference_id.clone(),
            subscription: optional_id_of(session.subscription.as_ref()),
            payment_intent: optional_id_of(session.payment_intent.as_ref()),
            invoice: optional_id_of(session.invoice.as_ref()),
            amount_total: session.amount_total,
            amount_tax: session.total_details.as_ref().map(|details| details.amount_tax),
            currency: session.currency.as_ref().map(ToString::to_string),
            created: session.created,
            expires_at: session.expires_at,
            line_items: items
                .iter()
                .map(|item| SessionItem {
                    id: item.id.to_string(),
                    price: item.price.as_ref().map(|price| price.id.to_string()),
                    quantity: item.quantity,
                    amount_total: item.amount_total,
                })
                .collect(),
        }
    }
}
