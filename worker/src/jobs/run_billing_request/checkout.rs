//! Opens a checkout session, for a subscription or a top-up.

use std::time::Duration;

use serde::Deserialize;

use super::{Made, Unmade, Work};
use crate::queue::Failure;
use crate::stripe::{CheckoutOptions, NewCheckout, NewItem, made_once};

#[derive(Deserialize)]
struct Args {
    mode: String,
    items: Vec<NewItem>,
    #[serde(default)]
    trial_days: Option<u32>,
    success_url: String,
    cancel_url: String,
    reference: String,
    #[serde(default)]
    options: Option<CheckoutOptions>,
    #[serde(default)]
    expire_sessions: Vec<String>,
    /// An earlier request may be opening a session at this moment.
    #[serde(default)]
    wait_seconds: Option<u64>,
}

/// What is told to a customer who asks for a page and has paid on another one.
const COMPLETED: &str = "You completed an earlier checkout page already. Look at your subscription in a moment; \
                         it can be changed to another plan.";

/// Opens the session. Earlier ones that could still be paid are closed first: both would be, one day.
pub(super) async fn open(work: &Work<'_>) -> Result<Made, Failure> {
    let args: Args = work.args()?;
    if let Some(seconds) = args.wait_seconds {
        return Ok(Made::Later(Duration::from_secs(seconds)));
    }
    for session in args.expire_sessions {
        if !work.stripe.expire_checkout(&session).await? {
            let (code, message) = ("not_possible", COMPLETED);
            return Ok(Made::Nothing(Unmade { code, message, object: Some(session), url: None }));
        }
    }
    if let Some(email) = work.database.checkout_email(work.request_id).await? {
        match work.stripe.fill_in_email(work.customer, &email).await {
            // The page asks for an address that Stripe takes.
            Err(error) if error.is_refusal() => {
                tracing::warn!(request.id = %work.request_id, %error, "the address of billing request {} was not filled in", work.request_id);
            }
            filled => filled?,
        }
    }
    let options = args.options.unwrap_or_default();
    let checkout = NewCheckout {
        customer: work.customer,
        is_subscription: args.mode == "subscription",
        items: &args.items,
        trial_days: args.trial_days.unwrap_or(0),
        success_url: &args.success_url,
        cancel_url: &args.cancel_url,
        reference: &args.reference,
        options: &options,
    };
    let checkout = &checkout;
    let (id, url) = made_once(
        work.key(),
        |key| async move { work.stripe.create_checkout(checkout, &key).await },
        || work.stripe.find_checkout(work.customer, &args.reference),
    )
    .await?;
    Ok(Made::Object(id, url))
}
