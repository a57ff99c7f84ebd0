//! Compares the books with Stripe's, customer by customer. SQL judges what it is told.

use crate::database::{Database, Reconciled};
use crate::queue::Failure;
use crate::stripe::Stripe;

/// How far back invoices are looked at, in seconds: two billing months.
const INVOICE_SECONDS: i64 = 62 * 24 * 3600;
/// Customers asked for at once.
const PAGE_CUSTOMERS: i32 = 100;

/// Runs a reconciliation and tells after each customer how many of how many are done; its number and what it came to.
///
/// # Errors
/// A [`Failure`]; what was compared stays written down, and the next run begins anew.
pub async fn reconcile(
    database: &Database,
    stripe: &Stripe,
    done: impl Fn(u64, u64) + Send,
) -> Result<(i64, Reconciled), Failure> {
    let run = database.start_reconciliation().await?;
    let invoices_since_s = database.surroundings().await?.clock.unix_timestamp() - INVOICE_SECONDS;
    let total = count_customers(database, run).await?;
    let mut after = String::new();
    let mut customers = 0;
    loop {
        let page = database.reconcile_customers(run, &after, PAGE_CUSTOMERS).await?;
        let Some(last) = page.last() else { break };
        after.clone_from(last);
        for customer in &page {
            compare_customer(database, stripe, run, customer, invoices_since_s).await?;
            customers += 1;
            done(customers, total);
        }
    }
    Ok((run, database.finish_reconciliation(run).await?))
}

async fn count_customers(database: &Database, run: i64) -> Result<u64, Failure> {
    let (mut total, mut after) = (0, String::new());
    loop {
        let page = database.reconcile_customers(run, &after, PAGE_CUSTOMERS).await?;
        let Some(last) = page.last() else { return Ok(total) };
        after.clone_from(last);
        total += page.len() as u64;
    }
}

async fn compare_customer(
    database: &Database,
    stripe: &Stripe,
    run: i64,
    customer: &str,
    invoices_since_s: i64,
) -> Result<(), Failure> {
    for subscription in stripe.subscriptions_of(customer).await? {
        database.reconcile_subscription(run, customer, &subscription).await?;
    }
    database.reconcile_listed(run, customer).await?;
    for (key, window) in database.reconcile_windows(run, customer).await? {
        let total = stripe.counted(&window).await?;
        database.reconcile_window(run, customer, &key, total).await?;
    }
    for invoice in stripe.invoices_of(customer, invoices_since_s).await? {
        if invoice.finalized_at.is_some() {
            database.reconcile_invoice(run, customer, &invoice).await?;
        }
    }
    database.reconcile_cycles(run, customer).await?;
    Ok(())
}
