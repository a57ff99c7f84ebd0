//! kill -9 around every call that closes a cycle: what was used is billed once, and no draft is left behind.

use octroi_tests::shop::Shop;
use octroi_tests::stage::play;
use time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cycle_is_billed_once_whichever_step_the_worker_dies_at() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        let caller = stage.sign_up("olaf").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        let (mut counted, mut paid) = (0, 900);
        for endpoint in [
            "billing.meterEvents.create",
            "invoices.update",
            "billing.meters.listEventSummaries",
            "invoices.finalizeInvoice",
        ] {
            for committed in [false, true] {
                assert!(shop.use_tokens(caller, 101_500).await);
                worker = shop
                    .die_at(worker, (endpoint, committed), async || shop.let_pass(Duration::days(31)).await)
                    .await;
                shop.quiet().await;
                (counted, paid) = (counted + 1_500, paid + 900 + 2 * 2);
                assert_eq!(shop.counted_for(caller).await, counted, "{endpoint} {committed}");
                assert_eq!(shop.paid_by(caller).await, paid, "{endpoint} {committed}");
                let invoices = shop.invoices_of(caller).await;
                assert!(invoices.iter().all(|invoice| invoice.status == "paid"), "{endpoint} {committed}");
            }
        }
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_metered_price_of_a_plan_left_behind_is_dropped_whenever_the_worker_dies() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for committed in [false, true] {
            let caller = stage.sign_up("paul").await;
            shop.subscribe(caller, "basic", "month").await;
            assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
            assert!(shop.use_tokens(caller, 101_500).await);
            assert_eq!(shop.ask(caller, "change_plan('premium', 'month')").await.state, "done");
            shop.quiet().await;
            let paid = shop.paid_by(caller).await;
            worker = shop
                .die_at(worker, ("subscriptionItems.del", committed), async || {
                    shop.let_pass(Duration::days(32)).await;
                })
                .await;
            shop.quiet().await;
            assert_eq!(shop.paid_by(caller).await, paid + 4_900 + 2 * 2, "{committed}");
            let customer = shop.customer_of(caller).await.unwrap();
            let listed = shop.read_at_stripe(&format!("subscriptions?customer={customer}")).await;
            let items = listed["data"][0]["items"]["data"].as_array().unwrap();
            assert_eq!(items.len(), 2, "the plan and its own metered price: {items:#?}");
        }
        assert!(shop.reconcile().await);
        worker.kill().await;
    })
    .await;
}
