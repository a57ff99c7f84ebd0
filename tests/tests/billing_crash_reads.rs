//! kill -9 around every read of Stripe: what it was for is written down once, by whoever reads next.

use octroi_sim::stripe::{Settings, Webhooks};
use octroi_tests::cast::Caller;
use octroi_tests::child::Worker;
use octroi_tests::shop::Shop;
use octroi_tests::stage::play;
use time::Duration;

/// A subscriber whose payment is told of while the worker dies at a read.
async fn subscribe_and_die((shop, caller): (&Shop<'_>, Caller), worker: Worker, at: (&str, bool)) -> Worker {
    let session = shop.check_out(caller, "basic", "month").await;
    let next = shop.die_at(worker, at, async || shop.pay(&session)).await;
    shop.quiet().await;
    next
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_checkout_bought_is_granted_once() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for endpoint in [
            "checkout.sessions.retrieve",
            "checkout.sessions.listLineItems",
            "subscriptions.retrieve",
            "invoices.retrieve",
        ] {
            for committed in [false, true] {
                let caller = stage.sign_up("rosa").await;
                worker = subscribe_and_die((&shop, caller), worker, (endpoint, committed)).await;
                assert_eq!(shop.plan_of(caller).await, "basic", "{endpoint} {committed}");
                assert_eq!(shop.left(caller).await, 100_000, "{endpoint} {committed}");
                assert_eq!(shop.paid_by(caller).await, 900, "{endpoint} {committed}");
            }
        }
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_is_looked_at_again() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for committed in [false, true] {
            let caller = stage.sign_up("sina").await;
            let mut session = String::new();
            worker = shop
                .die_at(worker, ("customers.retrieve", committed), async || {
                    session = shop.check_out(caller, "basic", "month").await;
                })
                .await;
            shop.pay(&session);
            shop.quiet().await;
            assert_eq!(shop.plan_of(caller).await, "basic", "{committed}");
            assert_eq!(shop.paid_by(caller).await, 900, "{committed}");
        }
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_takes_its_part_back_once() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        let caller = stage.sign_up("stig").await;
        shop.subscribe(caller, "basic", "month").await;
        shop.top_up(caller, "tokens_100k").await;
        let charge = shop.charge_of(caller).await;
        let mut left = 200_000;
        for endpoint in ["charges.retrieve", "refunds.list"] {
            for committed in [false, true] {
                worker = shop
                    .die_at(worker, (endpoint, committed), async || {
                        shop.change_at_stripe("refunds", &[("charge", &charge), ("amount", "50")]).await;
                    })
                    .await;
                shop.quiet().await;
                left -= 10_000;
                assert_eq!(shop.left(caller).await, left, "{endpoint} {committed}");
            }
        }
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_is_looked_at_again() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for committed in [false, true] {
            let caller = stage.sign_up("tara").await;
            shop.subscribe(caller, "basic", "month").await;
            shop.top_up(caller, "tokens_100k").await;
            let charge = shop.charge_of(caller).await;
            worker = shop
                .die_at(worker, ("disputes.retrieve", committed), async || {
                    shop.stripe.dispute(&charge, None).unwrap();
                })
                .await;
            shop.quiet().await;
            assert_eq!(shop.left(caller).await, 100_000, "{committed}");
        }
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_that_were_missed_are_listed_again() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for committed in [false, true] {
            let caller = stage.sign_up("uwe").await;
            let session = shop.check_out(caller, "basic", "month").await;
            shop.quiet().await;
            shop.stripe.set(Settings { webhooks: Webhooks::Drop, ..shop.stripe.settings() });
            shop.pay(&session);
            shop.quiet().await;
            assert_eq!(shop.plan_of(caller).await, "free", "nobody told");
            shop.stripe.set(Settings { webhooks: Webhooks::Send, ..shop.stripe.settings() });
            worker = shop
                .die_at(worker, ("events.list", committed), async || {
                    let job = "insert into octroi_private.job (kind, args, run_at)
                               values ('list_missed_events', '{}', octroi_private.now())";
                    stage.run(job).await;
                })
                .await;
            shop.quiet().await;
            assert_eq!(shop.plan_of(caller).await, "basic", "{committed}");
            assert_eq!(shop.left(caller).await, 100_000, "{committed}");
            assert_eq!(shop.paid_by(caller).await, 900, "{committed}");
        }
        worker.kill().await;
    })
    .await;
}

/// Runs that have ended, those that were left behind, and what was found in any.
async fn reconciliations(shop: &Shop<'_>) -> (i64, i64, i64) {
    let query = "select count(finished_at), count(*) - count(finished_at), (
                   select count(*) from octroi_private.reconciliation_difference
                 ) from octroi_private.reconciliation";
    sqlx::query_as(query).fetch_one(&shop.stage.pool).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconciliation_begins_anew_and_changes_nothing() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        let caller = stage.sign_up("ulla").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        assert!(shop.use_tokens(caller, 101_500).await);
        shop.let_pass(Duration::hours(1)).await;
        let (mut ended, mut left_behind, _) = reconciliations(&shop).await;
        for endpoint in ["subscriptions.list", "billing.meters.listEventSummaries", "invoices.list"] {
            for committed in [false, true] {
                worker = shop
                    .die_at(worker, (endpoint, committed), async || {
                        let job = "insert into octroi_private.job (kind, args, run_at)
                                   values ('reconcile', '{}', octroi_private.now())";
                        stage.run(job).await;
                    })
                    .await;
                shop.quiet().await;
                (ended, left_behind) = (ended + 1, left_behind + 1);
                assert_eq!(reconciliations(&shop).await, (ended, left_behind, 0), "{endpoint} {committed}");
                assert_eq!(shop.counted_for(caller).await, 1_500, "{endpoint} {committed}");
                assert_eq!(shop.paid_by(caller).await, 900, "{endpoint} {committed}");
            }
        }
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}
