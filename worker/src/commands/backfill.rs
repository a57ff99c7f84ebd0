//! `octroi stripe backfill`: looks at everything Stripe has of our customers, as if an event had come for each.

use std::time::Duration;

use super::{Command, CommandError, progress};
use crate::database::{Applied, Database};
use crate::jobs::sync;
use crate::stripe::Stripe;

/// Customers asked for at once.
const PAGE_CUSTOMERS: i32 = 500;
/// How often an object is tried that a job has at the moment.
const TRIES_MAX: u32 = 60;
/// Pause between tries, in seconds.
const PAUSE_SECONDS: u64 = 2;

/// What became of the objects.
#[derive(Default)]
struct Tally {
    applied: u64,
    put_aside: u64,
    busy: u64,
}

pub(super) async fn run(command: &mut Command<'_>) -> Result<(), CommandError> {
    let stripe = command.stripe()?;
    let total = count_customers(&command.database).await?;
    let bar = progress::bar("customers", total);
    let mut tally = Tally::default();
    let mut after = String::new();
    loop {
        let page = command.database.live_stripe_ids("customer", &after, PAGE_CUSTOMERS).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        for customer in &page {
            let mut objects = vec![("customer", customer.clone())];
            objects.extend(stripe.objects_of(customer).await?);
            for (kind, id) in objects {
                look_at(kind, &id, &stripe, command, &mut tally).await?;
            }
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let Tally { applied, put_aside, busy } = tally;
    writeln!(command.out, "customers: {total}, objects: {applied}, put aside: {put_aside}, busy: {busy}")?;
    Ok(())
}

async fn look_at(
    kind: &'static str,
    id: &str,
    stripe: &Stripe,
    command: &mut Command<'_>,
    tally: &mut Tally,
) -> Result<(), CommandError> {
    for _ in 0..TRIES_MAX {
        match sync(kind, id, stripe, &command.database).await? {
            Some(Applied::Taken) => {
                tally.applied += 1;
                return Ok(());
            }
            Some(Applied::Quarantined { problem }) => {
                tally.put_aside += 1;
                writeln!(command.out, "{kind} {id} was put aside: {problem}")?;
                return Ok(());
            }
            None | Some(Applied::Fenced) => tokio::time::sleep(Duration::from_secs(PAUSE_SECONDS)).await,
        }
    }
    tally.busy += 1;
    writeln!(command.out, "{kind} {id} is busy: run this again later")?;
    Ok(())
}

async fn count_customers(database: &Database) -> Result<u64, CommandError> {
    let (mut total, mut after) = (0, String::new());
    loop {
        let page = database.live_stripe_ids("customer", &after, PAGE_CUSTOMERS).await?;
        let Some(last) = page.last() else { return Ok(total) };
        after.clone_from(last);
        total += page.len() as u64;
    }
}
