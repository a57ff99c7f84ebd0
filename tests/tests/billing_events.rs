//! Events in any order, twice, late or never: in the end the books are the same.

use octroi_sim::stripe::{Order, Settings, Webhooks};
use octroi_tests::shop::{Shop, trade};
use time::Duration;

fn webhooks(shop: &Shop<'_>, webhooks: Webhooks) {
    shop.stripe.set(Settings { webhooks, ..shop.stripe.settings() });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reversed_and_three_times_over() {
    trade(async |shop| {
        webhooks(shop, Webhooks::Hold);
        let caller = shop.stage.sign_up("olga").await;
        let session = shop.check_out(caller, "basic", "month").await;
        shop.pay(&session);
        assert!(shop.stripe.release_webhooks(&Order::Reversed, 2) > 0);
        webhooks(shop, Webhooks::Send);
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.left(caller).await, 100_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_days_of_lost_events_are_asked_for_and_made_up() {
    trade(async |shop| {
        webhooks(shop, Webhooks::Drop);
        let caller = shop.stage.sign_up("pia").await;
        let session = shop.check_out(caller, "basic", "month").await;
        shop.pay(&session);
        shop.let_pass(Duration::days(4)).await;
        webhooks(shop, Webhooks::Send);
        shop.let_pass(Duration::hours(2)).await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.left(caller).await, 100_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_rejection_of_reported_usage_is_reported_anew() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("rita").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        assert!(shop.use_tokens(caller, 101_500).await);
        shop.let_pass(Duration::minutes(10)).await;
        assert_eq!(shop.counted_for(caller).await, 1_500);
        let reported = shop.stripe.meter_events().pop().unwrap();
        shop.stripe.reject_meter_event(&reported.identifier, "meter_event_invalid_value").unwrap();
        shop.let_pass(Duration::minutes(10)).await;
        assert_eq!(shop.counted_for(caller).await, 1_500, "under another identifier");
        assert_eq!(shop.stripe.meter_events().len(), 2);
    })
    .await;
}
