//! Subscriptions: reading, changing at once, cancelling.

use serde::{Deserialize, Serialize};
use stripe_billing::subscription::{
    CancelSubscription, ListSubscription, ListSubscriptionStatus, RetrieveSubscription, UpdateSubscription,
    UpdateSubscriptionCancelAt, UpdateSubscriptionItems, UpdateSubscriptionPaymentBehavior,
    UpdateSubscriptionProrationBehavior,
};
use stripe_billing::subscription_item::{DeleteSubscriptionItem, DeleteSubscriptionItemProrationBehavior};

use stripe_client_core::{IdempotencyKey, RequestBuilder, StripeMethod};

use super::pages::{PAGE_OBJECTS, all};
use super::{Stripe, StripeError, Subscription, Synced};

/// An item as SQL wants it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NewItem {
    /// The item to change; none for a new one.
    pub id: Option<String>,
    /// The price it is billed by.
    pub price: String,
    /// None for a metered price.
    pub quantity: Option<u64>,
}

/// What became of a change of items.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ItemChange {
    /// The subscription has them.
    Made,
    /// The subscription stays as it was until an invoice is paid, which its card did not pay.
    Unpaid {
        /// Stripe's page where it can be.
        invoice_url: Option<String>,
    },
}

/// A declined change leaves an invoice, and its page is told with it.
const WITH_INVOICE: &str = "latest_invoice";

/// A form is a struct: a list of pairs would be numbered.
#[derive(Serialize)]
struct NoEnd {
    cancel_at: &'static str,
}

impl Stripe {
    /// A subscription as it is now, with what its schedule makes of it.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn subscription(&self, id: &str) -> Result<Synced, StripeError> {
        let subscription = self.get(&RetrieveSubscription::new(id)).await?;
        Ok(Synced::Subscription(self.with_schedule(&subscription).await?))
    }

    /// Every subscription of a customer, ended ones included.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn subscriptions_of(&self, customer: &str) -> Result<Vec<Subscription>, StripeError> {
        let mut subscriptions = Vec::new();
        for subscription in self.raw_subscriptions_of(customer).await? {
            subscriptions.push(self.with_schedule(&subscription).await?);
        }
        Ok(subscriptions)
    }

    pub(super) async fn raw_subscriptions_of(
        &self,
        customer: &str,
    ) -> Result<Vec<stripe_shared::Subscription>, StripeError> {
        all(|after| async {
            let mut request = ListSubscription::new()
                .customer(customer)
                .status(ListSubscriptionStatus::All)
                .limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await
    }

    async fn with_schedule(
        &self,
        subscription: &stripe_shared::Subscription,
    ) -> Result<Subscription, StripeError> {
        let schedule = match &subscription.schedule {
            Some(schedule) => Some(self.schedule(schedule.id().as_ref()).await?),
            None => None,
        };
        Ok(Subscription::new(subscription, schedule.as_ref()))
    }

    /// Whether a subscription is billed by all of these prices, or would be if the invoice for that was paid; none when
    /// neither is so.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn item_change(&self, id: &str, wanted: &[NewItem]) -> Result<Option<ItemChange>, StripeError> {
        let request = RetrieveSubscription::new(id).expand(vec![WITH_INVOICE.to_owned()]);
        let subscription = self.get(&request).await?;
        if has_prices(&subscription.items.data, wanted) {
            return Ok(Some(ItemChange::Made));
        }
        let pending =
            subscription.pending_update.as_ref().and_then(|update| update.subscription_items.as_ref());
        Ok(pending.is_some_and(|items| has_prices(items, wanted)).then(|| change_of(&subscription)))
    }

    /// Changes items now, counted from `proration_at_s` if that is given. What the change costs is invoiced at once; while
    /// that is not paid nothing is changed.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn change_items(
        &self,
        id: &str,
        items: &[NewItem],
        proration_at_s: Option<i64>,
        key: &str,
    ) -> Result<ItemChange, StripeError> {
        let items: Vec<_> = items.iter().map(changed_item).collect();
        let mut request = UpdateSubscription::new(id)
            .items(items)
            .proration_behavior(UpdateSubscriptionProrationBehavior::AlwaysInvoice)
            .payment_behavior(UpdateSubscriptionPaymentBehavior::PendingIfIncomplete)
            .expand(vec![WITH_INVOICE.to_owned()]);
        if let Some(at) = proration_at_s {
            request = request.proration_date(at);
        }
        Ok(change_of(&self.change(&request, key).await?))
    }

    /// Lets a subscription end with its period. One that is billed by the year and by the month ends with its year: on
    /// its own, Stripe would end it with the first period that is over.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn end_with_period(&self, id: &str, key: &str) -> Result<(), StripeError> {
        let subscription = self.get(&RetrieveSubscription::new(id)).await?;
        let ends = || subscription.items.data.iter().map(|item| item.current_period_end);
        let request = match (ends().min(), ends().max()) {
            (Some(first), Some(last)) if first < last => {
                UpdateSubscription::new(id).cancel_at(UpdateSubscriptionCancelAt::Timestamp(last))
            }
            _ => UpdateSubscription::new(id).cancel_at_period_end(true),
        };
        self.change(&request, key).await.map(drop)
    }

    /// Lets a subscription that was to end go on.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn go_on(&self, id: &str, key: &str) -> Result<(), StripeError> {
        let subscription = self.get(&RetrieveSubscription::new(id)).await?;
        if subscription.cancel_at_period_end || subscription.cancel_at.is_none() {
            let request = UpdateSubscription::new(id).cancel_at_period_end(false);
            return self.change(&request, key).await.map(drop);
        }
        // async-stripe's type for this member has no value that empties it.
        let request = RequestBuilder::new(StripeMethod::Post, format!("/subscriptions/{id}"))
            .form(&NoEnd { cancel_at: "" });
        let key = IdempotencyKey::new(key).map_err(|_| StripeError::NoKey)?;
        self.send(&request, Some(&key)).await.map(drop)
    }

    /// Whether a subscription is to end.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn is_to_end(&self, id: &str) -> Result<bool, StripeError> {
        let subscription = self.get(&RetrieveSubscription::new(id)).await?;
        Ok(subscription.cancel_at_period_end || subscription.cancel_at.is_some())
    }

    /// Ends a subscription now, with an invoice for what was used. One that has ended is left alone.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn cancel_now(&self, id: &str) -> Result<(), StripeError> {
        let request = CancelSubscription::new(id).invoice_now(true).prorate(false);
        match self.get(&request).await {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }

    /// Takes an item off a subscription without money moving. One that is gone is left alone.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn drop_item(&self, item: &str) -> Result<(), StripeError> {
        let request = DeleteSubscriptionItem::new(item)
            .proration_behavior(DeleteSubscriptionItemProrationBehavior::None);
        match self.get(&request).await {
            Err(error) if !error.is_missing() => Err(error),
            _ => Ok(()),
        }
    }
}

fn has_prices(items: &[stripe_shared::SubscriptionItem], wanted: &[NewItem]) -> bool {
    wanted.iter().all(|item| items.iter().any(|had| had.price.id.as_str() == item.price))
}

/// Stripe answers a declined change with a good status, and says what waits.
fn change_of(subscription: &stripe_shared::Subscription) -> ItemChange {
    if subscription.pending_update.is_none() {
        return ItemChange::Made;
    }
    let invoice = subscription.latest_invoice.as_ref().and_then(|invoice| invoice.as_object());
    ItemChange::Unpaid { invoice_url: invoice.and_then(|invoice| invoice.hosted_invoice_url.clone()) }
}

fn changed_item(item: &NewItem) -> UpdateSubscriptionItems {
    let mut changed = UpdateSubscriptionItems::new();
    changed.id = item.id.clone();
    changed.price = Some(item.price.clone());
    changed.quantity = item.quantity;
    changed
}
