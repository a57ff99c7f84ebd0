//! Checkout sessions: pages of Stripe's where a customer pays. No card ever comes near us.

use std::collections::HashMap;

use stripe_checkout::checkout_session::{
    CreateCheckoutSession, CreateCheckoutSessionLineItems, CreateCheckoutSessionSubscriptionData,
    CreateCheckoutSessionSubscriptionDataBillingMode, CreateCheckoutSessionSubscriptionDataBillingModeType,
    ExpireCheckoutSession, ListCheckoutSession, ListLineItemsCheckoutSession, RetrieveCheckoutSession,
};
use stripe_shared::{CheckoutSessionMode, CheckoutSessionStatus};

use super::checkout_options::{self, CheckoutOptions};
use super::pages::{PAGE_OBJECTS, all};
use super::subscriptions::NewItem;
use super::{CheckoutSession, Stripe, StripeError, Synced, fresh_key};

/// The member of an object's metadata that names our billing request.
pub(in crate::stripe) const REQUEST: &str = "octroi_billing_request";

/// What a session is to sell.
#[derive(Debug, Clone)]
pub struct NewCheckout<'c> {
    /// Who buys.
    pub customer: &'c str,
    /// Whether a subscription begins; else it is paid once.
    pub is_subscription: bool,
    /// What is bought.
    pub items: &'c [NewItem],
    /// Days before the first payment; 0 for none.
    pub trial_days: u32,
    /// Where the customer comes back to.
    pub success_url: &'c str,
    /// Where they come back to without having bought.
    pub cancel_url: &'c str,
    /// Our billing request.
    pub reference: &'c str,
    /// What the page does beside taking the money.
    pub options: &'c CheckoutOptions,
}

/// A session to send the customer to.
pub type OpenedPage = (String, Option<String>);

impl Stripe {
    /// Opens a session, once for each `key`.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn create_checkout(
        &self,
        checkout: &NewCheckout<'_>,
        key: &str,
    ) -> Result<OpenedPage, StripeError> {
        let items: Vec<_> = checkout.items.iter().map(line_item).collect();
        let metadata = HashMap::from([(REQUEST.to_owned(), checkout.reference.to_owned())]);
        let mut request = CreateCheckoutSession::new()
            .customer(checkout.customer)
            .client_reference_id(checkout.reference)
            .metadata(metadata)
            .line_items(items)
            .success_url(checkout.success_url)
            .cancel_url(checkout.cancel_url);
        request = if checkout.is_subscription {
            request
                .mode(CheckoutSessionMode::Subscription)
                .subscription_data(subscription_data(checkout.trial_days))
        } else {
            request.mode(CheckoutSessionMode::Payment)
        };
        request = checkout_options::apply(request, checkout);
        let session = self.change(&request, key).await?;
        Ok((session.id.to_string(), session.url))
    }

    /// The session that was opened for a billing request, for when its opening ended in doubt.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn find_checkout(
        &self,
        customer: &str,
        reference: &str,
    ) -> Result<Option<OpenedPage>, StripeError> {
        let sessions = all(|after| async {
            let mut request = ListCheckoutSession::new().customer(customer).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        let ours =
            sessions.into_iter().find(|session| session.client_reference_id.as_deref() == Some(reference));
        Ok(ours.map(|session| (session.id.to_string(), session.url)))
    }

    /// Closes a session that must not be paid any more; false when its customer was faster and has completed it.
    ///
    /// # Errors
    /// Any [`StripeError`]; a refusal when it is open and stays so.
    pub async fn expire_checkout(&self, session: &str) -> Result<bool, StripeError> {
        let request = ExpireCheckoutSession::new(session);
        let refusal = match self.change(&request, &fresh_key(session)).await {
            Err(error) if error.is_missing() => return Ok(true),
            Err(error) if error.is_refusal() => error,
            outcome => return outcome.map(|_| true),
        };
        match self.get(&RetrieveCheckoutSession::new(session)).await?.status {
            Some(CheckoutSessionStatus::Complete) => Ok(false),
            Some(CheckoutSessionStatus::Expired) => Ok(true),
            _ => Err(refusal),
        }
    }

    /// A session as it is now, with everything bought in it.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn checkout_session(&self, id: &str) -> Result<Synced, StripeError> {
        let session = self.get(&RetrieveCheckoutSession::new(id)).await?;
        let items = all(|after| async {
            let mut request = ListLineItemsCheckoutSession::new(id).limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        Ok(Synced::CheckoutSession(CheckoutSession::new(&session, &items)))
    }
}

fn line_item(item: &NewItem) -> CreateCheckoutSessionLineItems {
    let mut line = CreateCheckoutSessionLineItems::new();
    line.price = Some(item.price.clone());
    line.quantity = item.quantity;
    line
}

fn subscription_data(trial_days: u32) -> CreateCheckoutSessionSubscriptionData {
    let flexible = CreateCheckoutSessionSubscriptionDataBillingModeType::Flexible;
    let mut data = CreateCheckoutSessionSubscriptionData::new();
    // A yearly plan and its monthly overage are billed by one subscription only in this mode.
    data.billing_mode = Some(CreateCheckoutSessionSubscriptionDataBillingMode::new(flexible));
    data.trial_period_days = (trial_days > 0).then_some(trial_days);
    data
}
