//! Puts a subscription on another plan, now or from the next period on.

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{Made, Work};
use crate::queue::Failure;
use crate::stripe::{NewItem, made_once};

#[derive(Deserialize)]
struct Args {
    subscription: String,
    schedule: Option<String>,
    when: String,
    items: Vec<NewItem>,
}

/// Changes the plan.
pub(super) async fn change(work: &Work<'_>) -> Result<Made, Failure> {
    let args: Args = work.args()?;
    let key = format!("{}-{}", work.key(), fingerprint(&args.items));
    if args.when == "now" {
        // What was to come later would undo this.
        if let Some(schedule) = &args.schedule {
            work.stripe.release_schedule(schedule).await?;
        }
        change_now(work, &args, &key).await?;
    } else {
        let (stripe, args) = (work.stripe, &args);
        let change = |key: String| async move {
            stripe.change_items_at_period_end(&args.subscription, &args.items, &key).await
        };
        // It looks at what is there by itself.
        made_once(&key, change, || async { Ok(None) }).await?;
    }
    Ok(Made::Object(args.subscription, None))
}

/// An attempt that died may have changed the items already; doing it again would ask for the items it made.
async fn change_now(work: &Work<'_>, args: &Args, key: &str) -> Result<(), Failure> {
    let is_changed = || async {
        let changed = work.stripe.has_items(&args.subscription, &args.items).await?;
        Ok(changed.then_some(()))
    };
    if is_changed().await?.is_some() {
        return Ok(());
    }
    let change =
        |key: String| async move { work.stripe.change_items(&args.subscription, &args.items, &key).await };
    Ok(made_once(key, change, is_changed).await?)
}

/// Tells one set of items from another: the same key must never come with another body.
fn fingerprint(items: &[NewItem]) -> String {
    let mut hash = Sha256::new();
    for item in items {
        hash.update(format!("{:?} {} {:?};", item.id, item.price, item.quantity));
    }
    hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}
