//! Ends a subscription, now or with its period, and takes that back.

use std::time::Duration;

use serde::Deserialize;

use super::{Made, Work};
use crate::database::CancelStep;
use crate::queue::Failure;
use crate::stripe::made_once;

#[derive(Deserialize)]
struct Args {
    subscription: String,
    schedule: Option<String>,
    #[serde(default)]
    when: Option<String>,
}

/// Cancels.
pub(super) async fn cancel(work: &Work<'_>) -> Result<Made, Failure> {
    let args: Args = work.args()?;
    release(work, &args).await?;
    if args.when.as_deref() != Some("now") {
        return set_ends(work, args, true).await;
    }
    match work.database.cancel_step(work.request_id).await? {
        CancelStep::Wait { seconds } => Ok(Made::Later(Duration::from_secs(seconds))),
        CancelStep::Cancel => {
            work.stripe.cancel_now(&args.subscription).await?;
            Ok(Made::Object(args.subscription, None))
        }
        CancelStep::Done => Ok(Made::Object(args.subscription, None)),
    }
}

/// Lets the subscription go on, on the plan it has.
pub(super) async fn resume(work: &Work<'_>) -> Result<Made, Failure> {
    let args: Args = work.args()?;
    release(work, &args).await?;
    set_ends(work, args, false).await
}

/// Stripe does not let a subscription with a schedule be cancelled but by the schedule.
async fn release(work: &Work<'_>, args: &Args) -> Result<(), Failure> {
    if let Some(schedule) = &args.schedule {
        work.stripe.release_schedule(schedule).await?;
    }
    Ok(())
}

async fn set_ends(work: &Work<'_>, args: Args, ends: bool) -> Result<Made, Failure> {
    let (stripe, subscription) = (work.stripe, args.subscription.as_str());
    let set = |key: String| async move {
        match ends {
            true => stripe.end_with_period(subscription, &key).await,
            false => stripe.go_on(subscription, &key).await,
        }
    };
    let look = || async move { Ok((stripe.is_to_end(subscription).await? == ends).then_some(())) };
    made_once(work.key(), set, look).await?;
    Ok(Made::Object(args.subscription, None))
}
