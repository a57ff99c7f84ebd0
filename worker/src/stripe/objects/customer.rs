//! A customer: whether it pays, never who it is.

use serde::Serialize;

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "Stripe's names, documented at https://docs.stripe.com/api/customers/object")]
pub struct Customer {
    pub id: String,
    pub deleted: bool,
    pub currency: Option<String>,
    pub delinquent: Option<bool>,
    /// Whether an invoice could be paid without asking.
    pub has_payment_method: bool,
}

impl From<&stripe_shared::Customer> for Customer {
    fn from(customer: &stripe_shared::Customer) -> Self {
        let settings = customer.invoice_settings.as_ref();
        Self {
            id: customer.id.to_string(),
            deleted: false,
            currency: customer.currency.as_ref().map(ToString::to_string),
            delinquent: customer.delinquent,
            has_payment_method: settings.is_some_and(|settings| settings.default_payment_method.is_some())
                || customer.default_source.is_some(),
        }
    }
}
