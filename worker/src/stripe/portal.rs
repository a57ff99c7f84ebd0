//! The customer portal: Stripe's page for cards, invoices and cancelling.

use stripe_billing::billing_portal_session::CreateBillingPortalSession;

use super::checkout::OpenedPage;
use super::{Stripe, StripeError};

impl Stripe {
    /// Opens the portal for a customer.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn open_portal(
        &self,
        customer: &str,
        return_url: &str,
        key: &str,
    ) -> Result<OpenedPage, StripeError> {
        let request = CreateBillingPortalSession::new().customer(customer).return_url(return_url);
        let session = self.change(&request, key).await?;
        Ok((session.id.to_string(), Some(session.url)))
    }
}
