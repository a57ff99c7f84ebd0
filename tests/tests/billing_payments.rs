//! Money that comes late, comes back, or is bought in packs.

use octroi_sim::stripe::Behaviour;
use octroi_tests::cast::Caller;
use octroi_tests::client::chat;
use octroi_tests::deadline::eventually;
use octroi_tests::gateway::{Gateway, provider};
use octroi_tests::shop::{Shop, trade};
use serde_json::json;
use time::Duration;
use uuid::Uuid;

/// Monthly tokens of the free plan.
const FREE: i64 = 10_000;

async fn customer(shop: &Shop<'_>, plan: &str) -> Caller {
    let caller = shop.stage.sign_up("gina").await;
    shop.subscribe(caller, plan, "month").await;
    caller
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_renewal_grants_nothing_until_it_is_paid_late() {
    trade(async |shop| {
        let caller = customer(shop, "basic").await;
        shop.change_card(caller, Behaviour::Declines).await;
        shop.let_pass(Duration::days(32)).await;
        assert_eq!(shop.paid_by(caller).await, 900, "the renewal is not paid");
        assert!(!shop.use_tokens(caller, 50_000).await, "no new month without money");

        shop.change_card(caller, Behaviour::Pays).await;
        shop.let_pass(Duration::days(4)).await;
        assert_eq!(shop.paid_by(caller).await, 1_800);
        assert!(shop.use_tokens(caller, 50_000).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_is_granted_once_and_two_partial_refunds_take_their_parts_back() {
    trade(async |shop| {
        let caller = customer(shop, "basic").await;
        shop.top_up(caller, "tokens_100k").await;
        assert_eq!(shop.left(caller).await, 200_000);
        let charge = shop.charge_of(caller).await;
        for left in [180_000, 150_000] {
            let amount = if left == 180_000 { "100" } else { "150" };
            shop.change_at_stripe("refunds", &[("charge", &charge), ("amount", amount)]).await;
            shop.quiet().await;
            assert_eq!(shop.left(caller).await, left);
        }
        shop.quiet().await;
        assert_eq!(shop.left(caller).await, 150_000, "once each");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dispute_takes_the_pack_back_and_winning_it_gives_it_again() {
    trade(async |shop| {
        let caller = customer(shop, "basic").await;
        shop.top_up(caller, "tokens_100k").await;
        let dispute = shop.stripe.dispute(&shop.charge_of(caller).await, None).unwrap();
        shop.quiet().await;
        assert_eq!(shop.left(caller).await, 100_000);
        shop.stripe.close_dispute(&dispute, true).unwrap();
        shop.quiet().await;
        assert_eq!(shop.left(caller).await, 200_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_automatic_top_up_charges_the_card_on_file_once() {
    trade(async |shop| {
        let caller = customer(shop, "basic").await;
        let set = "set_auto_top_up('tokens_100k', 20000, 500)";
        assert!(shop.call::<bool>(caller, set).await.unwrap());
        assert!(shop.use_tokens(caller, 85_000).await);
        shop.quiet().await;
        assert_eq!(shop.left(caller).await, 115_000);
        assert_eq!(shop.paid_by(caller).await, 900 + 500);

        assert!(shop.use_tokens(caller, 100_000).await);
        shop.quiet().await;
        assert_eq!(shop.paid_by(caller).await, 900 + 500, "its cap for the month is reached");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_declined_automatic_top_up_is_told_and_never_charged_later() {
    trade(async |shop| {
        let caller = customer(shop, "basic").await;
        shop.change_card(caller, Behaviour::InsufficientFunds).await;
        assert!(shop.call::<bool>(caller, "set_auto_top_up('tokens_100k', 20000, 5000)").await.unwrap());
        assert!(shop.use_tokens(caller, 85_000).await);
        shop.quiet().await;
        assert_eq!(shop.left(caller).await, 15_000);
        let statuses: Vec<_> = shop.invoices_of(caller).await.iter().map(|invoice| invoice.status).collect();
        assert_eq!(statuses, ["paid", "void"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unpaid_checkout_grants_nothing() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("hana").await;
        shop.check_out(caller, "basic", "month").await;
        shop.let_pass(Duration::days(2)).await;
        assert_eq!(shop.plan_of(caller).await, "free");
        assert_eq!(shop.left(caller).await, FREE);
    })
    .await;
}

/// A customer of `basic` whose packs come by themselves, and who has 10 tokens left: too few for any call.
async fn almost_out(shop: &Shop<'_>) -> Caller {
    let caller = customer(shop, "basic").await;
    assert!(shop.call::<bool>(caller, "set_auto_top_up('tokens_100k', 1, 1000)").await.unwrap());
    assert!(shop.use_tokens(caller, 99_990).await);
    shop.quiet().await;
    assert_eq!((shop.left(caller).await, shop.paid_by(caller).await), (10, 900), "the limit is not reached");
    caller
}

async fn one_pack_comes(shop: &Shop<'_>, caller: Caller) {
    eventually("the pack comes", async || (shop.left(caller).await == 100_010).then_some(())).await;
    shop.quiet().await;
    assert_eq!(shop.paid_by(caller).await, 900 + 500, "one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_that_are_refused_for_lack_of_tokens_have_one_pack_bought() {
    trade(async |shop| {
        let caller = almost_out(shop).await;
        let sim = provider().await;
        let gateway = Gateway::start(shop.stage, &sim).await;
        let key = shop.stage.make_key(caller, json!([])).await;
        let client = gateway.client.with(&key.secret);
        let ask = chat(json!({ "max_completion_tokens": 20 }));
        for _ in 0..5 {
            client.post("/v1/chat/completions", &ask).await.assert_openai_error(429);
        }
        one_pack_comes(shop, caller).await;
        assert_eq!(client.post("/v1/chat/completions", &ask).await.status, 200, "and lets calls through");
        gateway.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queued_completion_that_is_refused_for_lack_of_tokens_has_a_pack_bought() {
    trade(async |shop| {
        let caller = almost_out(shop).await;
        let request = chat(json!({}));
        shop.call::<Uuid>(caller, &format!("request_completion('{request}')")).await.unwrap();
        one_pack_comes(shop, caller).await;
    })
    .await;
}
