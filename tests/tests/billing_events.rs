//! Events in any order, twice, late or never: in the end the books are the same.

use octroi_sim::stripe::{Fault, FaultKind, FaultMatch, Order, Settings, Webhooks};
use octroi_tests::deadline::eventually;
use octroi_tests::shop::{RETURN_URL, Shop, trade};
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

fn hold_back(shop: &Shop<'_>, endpoint: &str) {
    let matches = FaultMatch { endpoint: Some(endpoint.to_owned()), ..FaultMatch::default() };
    let kind = FaultKind::Stall { committed: true, for_ms: None };
    shop.stripe.fault(Fault { matches, ..Fault::from(kind) }).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_told_of_before_its_checkout_is_written_down() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("said").await;
        hold_back(shop, "checkout.sessions.create");
        let function = format!("start_checkout('basic', 'month', '{RETURN_URL}', '{RETURN_URL}')");
        let id = shop.call(caller, &function).await.unwrap();
        shop.stripe.held(1).await.unwrap();
        let customer = shop.customer_of(caller).await.unwrap();
        let path = format!("checkout/sessions?customer={customer}");
        let sessions = shop.read_at_stripe(&path).await;
        shop.pay(sessions["data"][0]["id"].as_str().unwrap());
        eventually("the plan is there", async || (shop.plan_of(caller).await == "basic").then_some(())).await;
        assert_eq!(shop.look(caller, id).await.unwrap().state, "pending", "the worker has no answer yet");

        shop.stripe.release();
        assert_eq!(shop.answer(caller, id).await.state, "done");
        shop.quiet().await;
        assert_eq!((shop.paid_by(caller).await, shop.left(caller).await), (900, 100_000));
        let sessions = shop.read_at_stripe(&path).await;
        assert_eq!(sessions["data"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_fetch_the_same_object_the_one_who_read_first_and_writes_last_is_refused() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("tara").await;
        shop.subscribe(caller, "basic", "month").await;
        let customer = shop.customer_of(caller).await.unwrap();
        let listed = shop.read_at_stripe(&format!("subscriptions?customer={customer}")).await;
        let subscription = listed["data"][0]["id"].as_str().unwrap();
        hold_back(shop, "subscriptions.retrieve");
        let query = sqlx::query("select octroi_private.enqueue_sync('subscription', $1)");
        query.bind(subscription).execute(&shop.stage.pool).await.unwrap();
        shop.stripe.held(1).await.unwrap();

        // Its lease runs out, and what it has read is no longer so.
        shop.stage.let_pass(Duration::minutes(5)).await;
        let path = format!("subscriptions/{subscription}");
        shop.change_at_stripe(&path, &[("cancel_at_period_end", "true")]).await;
        eventually("the change is known", async || shop.is_ending(caller).await.then_some(())).await;
        shop.stripe.release();
        shop.quiet().await;
        assert!(shop.is_ending(caller).await, "and stays known");
    })
    .await;
}
