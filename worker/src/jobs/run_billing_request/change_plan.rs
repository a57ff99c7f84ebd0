//! Puts a subscription on another plan, now or when what is paid for is over.

use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Made, Unmade, Work};
use crate::database::ChangeStep;
use crate::jobs::close_cycle::totals;
use crate::queue::Failure;
use crate::stripe::{ChangePreview, ItemChange, NewItem, made_once};

#[derive(Deserialize)]
struct Args {
    subscription: String,
    schedule: Option<String>,
    when: String,
    items: Vec<NewItem>,
    /// What is given back and charged is counted from here, in Unix seconds.
    #[serde(default)]
    proration_at_s: Option<i64>,
    /// The change begins a new billing cycle, whose first invoice bills what was used in the old one.
    #[serde(default)]
    begins_anew: bool,
    #[serde(default)]
    is_trial: bool,
}

/// What is told to a customer whose card did not pay for the change.
const UNPAID: &str = "The payment for this change was declined, and your plan is as it was. \
                      Pay the invoice on its page within 23 hours and the change is made.";
/// What is told when Stripe's totals do not become the ledger's.
const DISPUTED: &str = "What you used beyond your plan has to be looked at first. Your plan is as it was; try again \
                        tomorrow.";

/// Changes the plan.
pub(super) async fn change(work: &Work<'_>) -> Result<Made, Failure> {
    let args: Args = work.args()?;
    let key = format!("{}-{}", work.key(), fingerprint(&args.items));
    if args.when == "now" {
        return change_now(work, args, &key).await;
    }
    let stripe = work.stripe;
    let change = |key: String| {
        let (subscription, items) = (&args.subscription, &args.items);
        async move { stripe.change_items_at_period_end(subscription, items, &key).await }
    };
    // It looks at what is there by itself.
    made_once(&key, change, || async { Ok(None) }).await?;
    Ok(Made::Object(args.subscription, None))
}

/// What the change would charge now. One that waits charges nothing, nor does one in a trial.
pub(super) async fn preview(work: &Work<'_>) -> Result<Made, Failure> {
    let args: Args = work.args()?;
    if args.when != "now" || args.is_trial {
        return Ok(Made::Preview(ChangePreview::default()));
    }
    let preview = work.stripe.preview_items(&args.subscription, &args.items, args.proration_at_s).await?;
    Ok(Made::Preview(preview))
}

/// An attempt that died may have changed the items already; doing it again would ask for the items it made.
async fn change_now(work: &Work<'_>, args: Args, key: &str) -> Result<Made, Failure> {
    // What was to come later would undo this.
    if let Some(schedule) = &args.schedule {
        work.stripe.release_schedule(schedule).await?;
    }
    let (subscription, items, at) = (args.subscription.as_str(), args.items.as_slice(), args.proration_at_s);
    let look = || work.stripe.item_change(subscription, items);
    let changed = match look().await? {
        Some(changed) => changed,
        None => {
            if let Some(waits) = settle_usage(work, &args).await? {
                return Ok(waits);
            }
            let change =
                |key: String| async move { work.stripe.change_items(subscription, items, at, &key).await };
            made_once(key, change, look).await?
        }
    };
    Ok(match changed {
        ItemChange::Made => Made::Object(args.subscription, None),
        ItemChange::Unpaid { invoice_url } => Made::Nothing(Unmade {
            code: "payment_required",
            message: UNPAID,
            object: Some(args.subscription),
            url: invoice_url,
        }),
    })
}

/// Stripe finalises the invoice of a new cycle with the change that begins it, so whatever was used beyond the plan has
/// to be counted before. What to do meanwhile; none once all of it is.
async fn settle_usage(work: &Work<'_>, args: &Args) -> Result<Option<Made>, Failure> {
    if !args.begins_anew {
        return Ok(None);
    }
    let mut step = work.database.change_step(work.request_id, None).await?;
    if let ChangeStep::Compare(windows) = &step {
        let totals = totals(windows, work.stripe).await?;
        step = work.database.change_step(work.request_id, Some(&totals)).await?;
    }
    Ok(match step {
        ChangeStep::Change => None,
        // Something was reported since Stripe was asked.
        ChangeStep::Compare(_) => Some(Made::Later(Duration::from_secs(1))),
        ChangeStep::Wait { seconds } => Some(Made::Later(Duration::from_secs(seconds))),
        ChangeStep::Done => Some(Made::Object(args.subscription.clone(), None)),
        ChangeStep::Disputed => {
            tracing::error!(request.id = %work.request_id, "Stripe's totals are not the ledger's before a new cycle");
            let (code, message) = ("not_possible", DISPUTED);
            Some(Made::Nothing(Unmade { code, message, object: None, url: None }))
        }
    })
}

/// Tells one set of items from another: the same key must never come with another body.
fn fingerprint(items: &[NewItem]) -> String {
    let mut hash = Sha256::new();
    for item in items {
        hash.update(format!("{:?} {} {:?};", item.id, item.price, item.quantity));
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
