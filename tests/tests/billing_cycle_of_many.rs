//! A thousand customers whose month ends in one run.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use octroi_tests::shop::Shop;
use octroi_tests::stage::play;

const CUSTOMERS: i64 = 1_000;
/// Set up at once.
const CONCURRENCY: usize = 8;
/// Monthly tokens of the basic plan.
const INCLUDED: i64 = 100_000;
/// A thousand first invoices, or a thousand renewals, in a debug build on two busy cores.
const PATIENCE: Duration = Duration::from_secs(300);

/// What customer number `n` uses beyond the plan, and what that costs in slices of 1,000 at 2 cents.
fn overage(n: i64) -> i64 {
    n * 7
}

fn price(n: i64) -> i64 {
    (overage(n) + 999) / 1_000 * 2
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_cycles_close_to_the_unit() {
    play(async |stage| {
        let mut shop = Shop::open(stage).await;
        shop.patience = PATIENCE;
        let (shop, worker) = (&shop, shop.hire().await);
        stream::iter(0..CUSTOMERS)
            .for_each_concurrent(CONCURRENCY, async |_| {
                let caller = stage.sign_up("many").await;
                shop.import(caller, "basic").await;
            })
            .await;
        shop.quiet().await;
        let callers = stage.callers_on("basic").await;
        assert_eq!(i64::try_from(callers.len()).unwrap(), CUSTOMERS, "all are on the plan they pay for");
        stream::iter((0..).zip(callers))
            .for_each_concurrent(CONCURRENCY, async |(n, caller)| {
                assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
                assert!(shop.use_tokens(caller, INCLUDED - 1).await);
                assert!(shop.use_tokens(caller, overage(n) + 1).await);
            })
            .await;

        shop.let_pass(time::Duration::days(32)).await;
        let books = shop.stripe.books();
        let counted: i64 = books.meters.iter().map(|meter| meter.total).sum();
        assert_eq!(counted, (0..CUSTOMERS).map(overage).sum::<i64>(), "every unit, once");
        let mut paid: Vec<i64> = books.customers.iter().map(|customer| customer.charged - 2 * 900).collect();
        let mut expected: Vec<i64> = (0..CUSTOMERS).map(price).collect();
        paid.sort_unstable();
        expected.sort_unstable();
        assert_eq!(paid, expected, "two months and the slices that were begun");
        assert!(books.invoices.iter().all(|invoice| invoice.status == "paid"), "no draft is left");
        assert_eq!(i64::try_from(books.invoices.len()).unwrap(), 2 * CUSTOMERS);
        assert!(shop.reconcile().await);
        worker.stop().await;
    })
    .await;
}
