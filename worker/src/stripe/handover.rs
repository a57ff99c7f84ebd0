//! A team's customer that passes to somebody else: nothing of whoever left stays on it, and their card pays for nothing
//! any more. The invoices that were made are the team's, and Stripe's.

use serde::Serialize;
use stripe_billing::tax_id::{DeleteCustomerTaxId, ListCustomerTaxId};
use stripe_client_core::{IdempotencyKey, RequestBuilder, StripeMethod};
use stripe_core::customer::ListPaymentMethodsCustomer;
use stripe_shared::SubscriptionStatus;

use super::pages::{PAGE_OBJECTS, all};
use super::{Stripe, StripeError, fresh_key};
use crate::database::Handover;

/// Who a customer is. An empty text removes what is there; async-stripe has no way to say so of an address.
#[derive(Serialize)]
struct Identity<'h> {
    name: &'static str,
    email: &'h str,
    phone: &'static str,
    address: &'static str,
    shipping: &'static str,
    preferred_locales: Locales<'h>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Locales<'h> {
    One([&'h str; 1]),
    Unknown(&'static str),
}

/// A subscription that is paid with whatever its customer has.
#[derive(Serialize)]
struct NoMethod {
    default_payment_method: &'static str,
}

impl Stripe {
    /// Takes off a customer what belongs to whoever left it, and says who is reached instead. Each call says what is to
    /// be, so all of it can be said again.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn hand_over(&self, customer: &str, handover: &Handover) -> Result<(), StripeError> {
        // The card first: the rest is only written down, this one is charged.
        self.detach_payment_methods(customer, handover.until_s).await?;
        let tax_ids = all(|after| async {
            let mut request = ListCustomerTaxId::new(customer).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        for tax_id in tax_ids.iter().filter(|tax_id| tax_id.created <= handover.until_s) {
            let request = DeleteCustomerTaxId::new(customer, tax_id.id.as_str());
            done(self.change(&request, &fresh_key(&tax_id.id)).await.map(drop))?;
        }
        let identity = Identity {
            name: "",
            email: handover.email.as_deref().unwrap_or_default(),
            phone: "",
            address: "",
            shipping: "",
            preferred_locales: match &handover.locale {
                Some(locale) => Locales::One([locale]),
                None => Locales::Unknown(""),
            },
        };
        let request =
            RequestBuilder::new(StripeMethod::Post, format!("/customers/{customer}")).form(&identity);
        self.post(&request, customer).await
    }

    /// Takes every means of payment off a customer that was there at `until_s`. Default or not: Stripe falls back on others.
    async fn detach_payment_methods(&self, customer: &str, until_s: i64) -> Result<(), StripeError> {
        let methods = all(|after| async {
            let mut request = ListPaymentMethodsCustomer::new(customer).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        let old: Vec<&str> = methods
            .iter()
            .filter(|method| method.created <= until_s)
            .map(|method| method.id.as_str())
            .collect();
        // A subscription that names a method which is gone would not fall back on what the next owner adds.
        for subscription in self.raw_subscriptions_of(customer).await? {
            let named = subscription.default_payment_method.as_ref().map(|method| method.id().to_string());
            let has_ended = matches!(
                subscription.status,
                SubscriptionStatus::Canceled | SubscriptionStatus::IncompleteExpired
            );
            if !has_ended && named.is_some_and(|named| old.contains(&named.as_str())) {
                let path = format!("/subscriptions/{}", subscription.id);
                let request = RequestBuilder::new(StripeMethod::Post, path)
                    .form(&NoMethod { default_payment_method: "" });
                done(self.post(&request, &subscription.id).await)?;
            }
        }
        for method in old {
            let path = format!("/payment_methods/{method}/detach");
            done(self.post(&RequestBuilder::new(StripeMethod::Post, path), method).await)?;
        }
        Ok(())
    }

    /// Makes a change that may be made any number of times.
    async fn post(&self, request: &RequestBuilder, id: &str) -> Result<(), StripeError> {
        let key = IdempotencyKey::new(fresh_key(id)).map_err(|_| StripeError::NoKey)?;
        self.send(request, Some(&key)).await.map(drop)
    }
}

/// What is gone already need not be removed.
fn done(outcome: Result<(), StripeError>) -> Result<(), StripeError> {
    match outcome {
        Err(error) if error.is_missing() => Ok(()),
        outcome => outcome,
    }
}
