//! The end of a billing cycle of many customers at once: drafts come in by webhook, usage goes to Stripe's meter, totals
//! are compared, and the invoices are let go.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use sqlx::PgConnection;

use crate::figure::{Figure, Target};
use crate::host;
use crate::rig::Rig;
use crate::scale::in_words;
use crate::shop::Shop;

/// The worker may hold so much more memory afterwards than before.
const MEMORY_RATIO_MAX: f64 = 1.5;
/// Longest close, in seconds.
const CLOSE_SECONDS: u64 = 1_200;
/// Pause between looks.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Measures it, and that the books agree with Stripe's afterwards.
pub async fn measure(rig: &Rig) -> Result<Vec<Figure>> {
    let shop = Shop::open(rig, "bench_cycle").await?;
    let measured = close(rig, &shop).await;
    shop.close().await?;
    measured
}

async fn close(rig: &Rig, shop: &Shop) -> Result<Vec<Figure>> {
    let (customers, calls_each) = rig.scale.cycle;
    shop.subscribe(rig, customers).await?;
    let used = u64::from(customers) * u64::from(calls_each);
    Rig::say(&format!("They make {} calls", in_words(used)));
    shop.use_up(rig, calls_each).await?;
    let mut connection = shop.superuser(rig).await?;
    at_rest(&mut connection).await?;
    shop.quiet(rig).await?;
    let to_the_end: f64 = sqlx::query_scalar(
        "select extract(epoch from max(period_end) - octroi_private.now())::float8
         from octroi_private.stripe_subscription_item",
    )
    .fetch_one(&mut connection)
    .await?;

    Rig::say("Their cycle ends");
    let before = total(&shop.calls().await?);
    let worker = [shop.worker.running.pid];
    let (memory_before, _) = host::memory_mb(&worker)?;
    let started = Instant::now();
    shop.let_pass(rig, to_the_end.ceil() as i64 + 1).await?;
    closed(&mut connection, customers).await?;
    let seconds = started.elapsed().as_secs_f64();
    let calls = total(&shop.calls().await?) - before;
    let (memory_after, memory_most) = host::memory_mb(&worker)?;
    shop.quiet(rig).await?;
    let unexplained = shop.unexplained(rig).await?;

    let what =
        format!("cycle close of {} customers with {} events", in_words(customers.into()), in_words(used));
    let each = f64::from(customers);
    Ok(vec![
        Figure::new(what.clone(), "s", seconds, None, Target::None),
        Figure::new(format!("{what}: customers"), "customers/s", each / seconds, None, Target::None),
        Figure::new(
            format!("{what}: calls to Stripe"),
            "calls/customer",
            calls as f64 / each,
            None,
            Target::None,
        ),
        Figure::new(
            format!("{what}: worker's memory after, vs before"),
            "MB",
            memory_after,
            Some(memory_before),
            Target::RatioAtMost(MEMORY_RATIO_MAX),
        ),
        Figure::new(format!("{what}: worker's most memory"), "MB", memory_most, None, Target::None),
        Figure::new(
            format!("{what}: unexplained afterwards"),
            "differences",
            unexplained as f64,
            None,
            Target::AtMost(0.0),
        ),
    ])
}

fn total(calls: &[(String, u64)]) -> u64 {
    calls.iter().map(|(_, count)| count).sum()
}

/// The daily and hourly jobs stay away: a month passes at once, and they are not what is measured.
async fn at_rest(connection: &mut PgConnection) -> Result<()> {
    sqlx::query("update octroi_private.recurring_job set next_at = next_at + interval '1 year'")
        .execute(connection)
        .await?;
    Ok(())
}

/// Waits until the cycle of every customer is closed.
async fn closed(connection: &mut PgConnection, customers: u32) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(CLOSE_SECONDS);
    loop {
        let (closed, open): (i64, i64) = sqlx::query_as(
            "select count(*) filter (where state = 'closed'), count(*) filter (where state <> 'closed')
             from octroi_private.billing_cycle",
        )
        .fetch_one(&mut *connection)
        .await?;
        if closed == i64::from(customers) && open == 0 {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("{closed} of {customers} cycles are closed after {CLOSE_SECONDS} s, and {open} are not");
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
