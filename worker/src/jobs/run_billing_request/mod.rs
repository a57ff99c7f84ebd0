//! Carries out what an account's owner asked of Stripe.
//!
//! Every call is made under a key that is the request's, or looks first at what is there, so the job may die anywhere
//! and run again. Its end is written by SQL, which also has the object looked at that was touched.

mod change_plan;
mod charge_top_up;
mod checkout;
mod customer;
mod end_subscription;

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::sync_stripe_object;
use crate::database::{Applied, BillingRequest, Database, DatabaseError};
use crate::queue::{Failure, Outcome};
use crate::stripe::{ChangePreview, Stripe, StripeError};

/// Pause while the subscription is being fetched by somebody else.
const LOCKED_PAUSE: Duration = Duration::from_secs(1);

/// What became of a request at Stripe.
enum Made {
    /// An object, and the page to send the customer to if there is one.
    Object(String, Option<String>),
    /// What a change would charge.
    Preview(ChangePreview),
    /// It cannot go on yet.
    Later(Duration),
    /// Nothing, and its owner is told why.
    Nothing(Unmade),
}

/// Why nothing was made of a request.
struct Unmade {
    /// One of the errors of billing requests.
    code: &'static str,
    /// Words for its owner.
    message: &'static str,
    /// What at Stripe is the reason, and should be looked at.
    object: Option<String>,
    /// Where its owner can do something about it.
    url: Option<String>,
}

/// What a request works with.
struct Work<'w> {
    request_id: Uuid,
    database: &'w Database,
    stripe: &'w Stripe,
    request: &'w BillingRequest,
    /// The account's customer.
    customer: &'w str,
}

impl Work<'_> {
    /// The request's own key.
    fn key(&self) -> &str {
        &self.request.idempotency_key
    }

    fn args<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_value(self.request.args.clone()).map_err(|_| Failure::BadArguments)
    }
}

#[derive(Deserialize)]
struct InvoiceArgs {
    invoice: String,
}

#[derive(Deserialize)]
struct PortalArgs {
    return_url: String,
}

/// Runs the job.
pub(super) async fn run(request_id: Uuid, stripe: &Stripe, database: &Database) -> Result<Outcome, Failure> {
    let request = match database.load_billing_request(request_id).await {
        Ok(Some(request)) => request,
        Ok(None) => return Ok(Outcome::Done),
        Err(error) => return tell_why_not(database, request_id, error).await,
    };
    match carry_out(request_id, database, stripe, &request).await {
        Ok(Made::Object(id, url)) => {
            if changes_subscription(&request.kind) && !is_written_down(&id, stripe, database).await? {
                return Ok(Outcome::Snooze(LOCKED_PAUSE));
            }
            database.finish_billing_request(request_id, &id, url.as_deref()).await?;
            Ok(Outcome::Done)
        }
        Ok(Made::Preview(preview)) => {
            database.finish_preview(request_id, &preview).await?;
            Ok(Outcome::Done)
        }
        Ok(Made::Later(pause)) => Ok(Outcome::Snooze(pause)),
        Ok(Made::Nothing(Unmade { code, message, object, url })) => {
            tracing::warn!(request.id = %request_id, code, "nothing is made of billing request {request_id}");
            let reason = (object.as_deref(), url.as_deref());
            database.fail_billing_request(request_id, code, message, reason).await?;
            Ok(Outcome::Done)
        }
        Err(Failure::Stripe(error)) if error.is_refusal() => {
            tell_refusal(database, request_id, &request.kind, &error).await
        }
        Err(failure) => Err(failure),
    }
}

fn changes_subscription(kind: &str) -> bool {
    matches!(kind, "change_plan" | "cancel" | "resume")
}

/// Whether the subscription is here as Stripe has it now. Whoever is told that a change is done may ask for the next one,
/// and that is decided by what is written down.
async fn is_written_down(id: &str, stripe: &Stripe, database: &Database) -> Result<bool, Failure> {
    match sync_stripe_object::sync("subscription", id, stripe, database).await {
        Ok(applied) => Ok(matches!(applied, Some(Applied::Taken | Applied::Quarantined { .. }))),
        // The change is made; what Stripe does not tell now its events will.
        Err(Failure::Stripe(error)) if error.is_refusal() => Ok(true),
        Err(failure) => Err(failure),
    }
}

async fn carry_out(
    request_id: Uuid,
    database: &Database,
    stripe: &Stripe,
    request: &BillingRequest,
) -> Result<Made, Failure> {
    let customer = customer::of_account(database, stripe, request, request_id).await?;
    let work = Work { request_id, database, stripe, request, customer: &customer };
    match request.kind.as_str() {
        "checkout" | "top_up" => checkout::open(&work).await,
        "portal" => open_portal(&work).await,
        "change_plan" => change_plan::change(&work).await,
        "preview_change" => change_plan::preview(&work).await,
        "invoice" => open_invoice(&work).await,
        "cancel" => end_subscription::cancel(&work).await,
        "resume" => end_subscription::resume(&work).await,
        "auto_top_up" => charge_top_up::charge(&work).await,
        _ => Err(Failure::BadArguments),
    }
}

/// A portal session has no effect, and lasts minutes: in doubt there is simply another.
async fn open_portal(work: &Work<'_>) -> Result<Made, Failure> {
    let args: PortalArgs = work.args()?;
    let open = |key: String| {
        let return_url = args.return_url.as_str();
        async move { work.stripe.open_portal(work.customer, return_url, &key).await }
    };
    let (id, url) = crate::stripe::made_once(work.key(), open, || async { Ok(None) }).await?;
    Ok(Made::Object(id, url))
}

/// Stripe's page of an invoice, as it leads there today.
async fn open_invoice(work: &Work<'_>) -> Result<Made, Failure> {
    let args: InvoiceArgs = work.args()?;
    let url = work.stripe.invoice_page(&args.invoice).await?;
    Ok(Made::Object(args.invoice, url))
}

/// SQL says that a request can no longer be done, or not yet.
async fn tell_why_not(
    database: &Database,
    request_id: Uuid,
    error: DatabaseError,
) -> Result<Outcome, Failure> {
    let (code, message) = match error.sqlstate() {
        Some("OC032") => {
            ("not_possible", "Your subscription has changed meanwhile. Look at it and try again.")
        }
        Some("OC033") => ("not_pushed", "This is not on sale yet. Try again later."),
        _ => return Err(error.into()),
    };
    tracing::warn!(request.id = %request_id, %error, "billing request {request_id} cannot be done");
    database.fail_billing_request(request_id, code, message, (None, None)).await?;
    Ok(Outcome::Done)
}

async fn tell_refusal(
    database: &Database,
    request_id: Uuid,
    kind: &str,
    error: &StripeError,
) -> Result<Outcome, Failure> {
    let (code, message) = words_for(error);
    tracing::warn!(request.id = %request_id, kind, %error, "billing request {request_id} was refused");
    database.fail_billing_request(request_id, &code, &message, (None, None)).await?;
    Ok(Outcome::Done)
}

/// What the customer is told. Stripe's own sentences are for developers, but for those about cards.
fn words_for(error: &StripeError) -> (String, String) {
    match error {
        StripeError::Refused { status: 402, code, message, .. } if is_code(code) => {
            (code.clone(), message.clone())
        }
        _ => (
            "stripe_refused".to_owned(),
            "The payment provider refused this. Nothing was charged.".to_owned(),
        ),
    }
}

/// As SQL wants its codes.
fn is_code(code: &str) -> bool {
    (1..=50).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: &str) -> StripeError {
        let message = "Your card was declined.".to_owned();
        StripeError::Refused { status, code: code.to_owned(), decline_code: None, param: None, message }
    }

    #[test]
    fn a_customer_is_told_about_their_card_and_nothing_about_our_mistakes() {
        assert_eq!(words_for(&refused(402, "card_declined")).0, "card_declined");
        assert_eq!(words_for(&refused(402, "card_declined")).1, "Your card was declined.");
        let (code, message) = words_for(&refused(400, "parameter_missing"));
        assert_eq!(code, "stripe_refused");
        assert!(!message.contains("card"));
    }
}
