//! Everything Stripe has of a customer, for a backfill.

use stripe_checkout::checkout_session::ListCheckoutSession;
use stripe_core::charge::ListCharge;
use stripe_core::dispute::ListDispute;

use super::pages::{PAGE_OBJECTS, all};
use super::{Stripe, StripeError};

impl Stripe {
    /// Kind and id of everything that belongs to a customer: what money came from before what it bought.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn objects_of(&self, customer: &str) -> Result<Vec<(&'static str, String)>, StripeError> {
        let mut objects = Vec::new();
        for subscription in self.raw_subscriptions_of(customer).await? {
            objects.push(("subscription", subscription.id.to_string()));
        }
        for invoice in self.raw_invoices_of(customer, 0).await? {
            objects.extend(invoice.id.map(|id| ("invoice", id.to_string())));
        }
        let sessions = all(|after| async {
            let mut request = ListCheckoutSession::new().customer(customer).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        objects.extend(sessions.iter().map(|session| ("checkout_session", session.id.to_string())));
        self.add_charges(customer, &mut objects).await?;
        Ok(objects)
    }

    async fn add_charges(
        &self,
        customer: &str,
        objects: &mut Vec<(&'static str, String)>,
    ) -> Result<(), StripeError> {
        let charges = all(|after| async {
            let mut request = ListCharge::new().customer(customer).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        for charge in charges {
            let id = charge.id.to_string();
            objects.push(("charge", id.clone()));
            if !charge.disputed {
                continue;
            }
            let disputes = self.get(&ListDispute::new().charge(id).limit(PAGE_OBJECTS)).await?;
            objects.extend(disputes.data.iter().map(|dispute| ("dispute", dispute.id.to_string())));
        }
        Ok(())
    }
}
