//! Closes a billing cycle: holds the draft invoice until everything used in the cycle is at Stripe, then finalises it.
//!
//! SQL says each step and is told that it was taken; every step may be taken twice.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::sync_stripe_object::sync;
use crate::database::{CloseStep, CloseWindow, Database};
use crate::queue::{Failure, Outcome};
use crate::stripe::{Stripe, StripeError};

/// Most steps in one run; a cycle has four. What goes on beyond that looks again later.
const STEPS_MAX: usize = 16;
/// Pause after so many steps, in seconds.
const STEPS_SNOOZE_SECONDS: u64 = 30;

/// Runs the job.
pub(super) async fn run(invoice_id: &str, stripe: &Stripe, database: &Database) -> Result<Outcome, Failure> {
    for _ in 0..STEPS_MAX {
        let step = database.close_step(invoice_id).await?;
        let (action, result) = match step {
            CloseStep::Done => return Ok(Outcome::Done),
            CloseStep::Disputed => {
                tracing::error!(
                    invoice.id = invoice_id,
                    "Stripe counted more than the ledger for {invoice_id}"
                );
                return Ok(Outcome::Done);
            }
            CloseStep::Wait { seconds } => return Ok(Outcome::Snooze(Duration::from_secs(seconds))),
            CloseStep::Hold => ("hold", stripe.hold_invoice(invoice_id).await),
            CloseStep::Finalise => ("finalise", stripe.finalise_invoice(invoice_id).await),
            CloseStep::DropItems(items) => ("drop_items", drop_items(&items, stripe).await),
            CloseStep::Compare(windows) => {
                let totals = totals(&windows, stripe).await?;
                database.close_did(invoice_id, "compare", &totals).await?;
                continue;
            }
        };
        match result {
            // It is no draft any more, or gone: what it is now decides.
            Err(error) if error.is_refusal() => {
                tracing::warn!(invoice.id = invoice_id, action, %error, "{invoice_id} is not a draft any more");
                if sync("invoice", invoice_id, stripe, database).await?.is_none() {
                    return Ok(Outcome::Snooze(Duration::from_secs(1)));
                }
            }
            Err(error) => return Err(error.into()),
            Ok(()) => {
                database.close_did(invoice_id, action, &json!({})).await?;
            }
        }
    }
    Ok(Outcome::Snooze(Duration::from_secs(STEPS_SNOOZE_SECONDS)))
}

async fn drop_items(items: &[String], stripe: &Stripe) -> Result<(), StripeError> {
    for item in items {
        stripe.drop_item(item).await?;
    }
    Ok(())
}

/// What Stripe has counted in each window, by its key.
pub(super) async fn totals(windows: &[CloseWindow], stripe: &Stripe) -> Result<Value, StripeError> {
    let mut totals = Map::new();
    for window in windows {
        totals.insert(window.key.clone(), json!(stripe.counted(&window.window).await?));
    }
    Ok(Value::Object(totals))
}
