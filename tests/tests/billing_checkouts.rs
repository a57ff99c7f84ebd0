//! Several checkouts of one account: one of them is paid, and no other can be.

use octroi_sim::stripe::{Settings, Webhooks};
use octroi_tests::cast::Caller;
use octroi_tests::shop::{RETURN_URL, Shop, trade};
use octroi_tests::stage::play;
use serde_json::Value;
use uuid::Uuid;

fn start(plan: &str) -> String {
    format!("start_checkout('{plan}', 'month', '{RETURN_URL}', '{RETURN_URL}')")
}

/// The sessions of an account at Stripe, newest first.
async fn sessions_of(shop: &Shop<'_>, caller: Caller) -> Vec<Value> {
    let customer = shop.customer_of(caller).await.unwrap();
    let listed = shop.read_at_stripe(&format!("checkout/sessions?customer={customer}")).await;
    listed["data"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_paid_on_one_page_is_sent_to_no_other() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("cora").await;
        let session = shop.check_out(caller, "basic", "month").await;
        shop.quiet().await;
        // Stripe's word of it is lost.
        shop.stripe.set(Settings { webhooks: Webhooks::Drop, ..shop.stripe.settings() });
        shop.pay(&session);
        let answer = shop.ask(caller, &start("premium")).await;
        assert_eq!((answer.state.as_str(), answer.error.as_deref()), ("failed", Some("not_possible")));
        assert!(answer.message.unwrap().contains("completed an earlier checkout page"));
        assert_eq!(sessions_of(shop, caller).await.len(), 1, "there is nothing else to pay");
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "basic", "what was paid for is looked at");
        assert_eq!(shop.paid_by(caller).await, 900);
        shop.stripe.set(Settings { webhooks: Webhooks::Send, ..shop.stripe.settings() });
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_checkouts_asked_for_at_once_only_the_later_can_be_paid() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        for name in ["dina", "edda", "finn"] {
            let caller = stage.sign_up(name).await;
            // Nobody works yet, so both wait and are taken up together.
            let earlier = shop.call::<Uuid>(caller, &start("basic")).await.unwrap();
            let later = shop.call::<Uuid>(caller, &start("premium")).await.unwrap();
            let worker = shop.hire().await;
            let (earlier, later) = tokio::join!(shop.answer(caller, earlier), shop.answer(caller, later));
            assert_eq!((earlier.state.as_str(), later.state.as_str()), ("done", "done"));
            let sessions = sessions_of(&shop, caller).await;
            let open: Vec<_> = sessions.iter().filter(|session| session["status"] == "open").collect();
            assert_eq!(open.len(), 1, "{name}: {sessions:#?}");
            assert_eq!(open[0]["url"].as_str(), later.url.as_deref(), "{name}");
            worker.stop().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_checkout_that_waited_while_another_was_paid_opens_no_page() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let caller = stage.sign_up("gert").await;
        let worker = shop.hire().await;
        let session = shop.check_out(caller, "basic", "month").await;
        worker.stop().await;
        let id = shop.call::<Uuid>(caller, &start("premium")).await.unwrap();
        shop.pay(&session);
        let worker = shop.hire().await;
        let answer = shop.answer(caller, id).await;
        assert_eq!((answer.state.as_str(), answer.error.as_deref()), ("failed", Some("not_possible")));
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(sessions_of(&shop, caller).await.len(), 1);
        worker.stop().await;
    })
    .await;
}
