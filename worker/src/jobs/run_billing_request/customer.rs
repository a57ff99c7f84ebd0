//! The account's customer at Stripe, made when first needed.

use uuid::Uuid;

use crate::database::{BillingRequest, Database};
use crate::queue::Failure;
use crate::stripe::{Stripe, made_once};

/// How far the clocks may be apart, and how long a request may have waited, in seconds.
const LOOK_BACK_SECONDS: i64 = 2 * 24 * 3600;

/// The customer of the request's account. Whoever is linked first stays, and any other is never used.
pub(super) async fn of_account(
    database: &Database,
    stripe: &Stripe,
    request: &BillingRequest,
    request_id: Uuid,
) -> Result<String, Failure> {
    if let Some(customer) = &request.customer_id {
        return Ok(customer.clone());
    }
    let account_id = request.account_id;
    let since_s = asked_since_s(request_id);
    let made = made_once(
        &format!("octroi-customer-{account_id}"),
        |key| async move { stripe.create_customer(account_id, &key).await },
        || stripe.find_customer(account_id, since_s),
    )
    .await?;
    Ok(database.link_stripe_customer(account_id, &made).await?)
}

/// Nothing that was made for a request is older than this, in Unix seconds.
pub(super) fn asked_since_s(request_id: Uuid) -> i64 {
    let (seconds, _) = request_id.get_timestamp().map(|timestamp| timestamp.to_unix()).unwrap_or_default();
    i64::try_from(seconds).unwrap_or_default() - LOOK_BACK_SECONDS
}
