//! What an operator runs by hand against Stripe.

use octroi_sim::stripe::{Settings, Webhooks};
use octroi_tests::shop::{Shop, trade};
use octroi_worker::cli::StripeCommand;
use octroi_worker::commands::Command;
use octroi_worker::doctor;

async fn run(shop: &Shop<'_>, command: &StripeCommand) -> String {
    let (variables, mut said) = (shop.variables(), Vec::new());
    assert!(Command::new(&variables, &mut said).unwrap().at_stripe(command).await.unwrap());
    String::from_utf8(said).unwrap()
}

async fn examine(shop: &Shop<'_>) -> String {
    let mut said = Vec::new();
    doctor::examine(&shop.variables(), &mut said).await.unwrap();
    String::from_utf8(said).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoint_is_made_once_with_the_right_version_and_its_secret_is_told_once() {
    trade(async |shop| {
        let before = examine(shop).await;
        assert!(before.contains("Stripe answers in test mode, version 2026-09-30.endive"), "{before}");
        let command = StripeCommand::Endpoint { url: "https://octroi.example/stripe-webhook".to_owned() };
        let first = run(shop, &command).await;
        assert!(first.contains("STRIPE_WEBHOOK_SECRETS=whsec_"), "{first}");
        let second = run(shop, &command).await;
        assert!(!second.contains("whsec_") && second.contains("types of events"), "{second}");
        assert_eq!(shop.calls("webhookEndpoints.create"), 1);
        let after = examine(shop).await;
        assert!(after.contains("sends what is needed"), "{after}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backfill_finds_what_no_event_told() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("sue").await;
        let session = shop.check_out(caller, "basic", "month").await;
        // what was told of the customer is looked at, before there is anything to find
        shop.quiet().await;
        shop.stripe.set(Settings { webhooks: Webhooks::Drop, ..shop.stripe.settings() });
        shop.pay(&session);
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "free");
        let said = run(shop, &StripeCommand::Backfill).await;
        assert!(said.starts_with("customers: 1, objects: "), "{said}");
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.left(caller).await, 100_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_was_rolled_is_told_by_the_doctor() {
    trade(async |shop| {
        let variables = shop.variables_with("STRIPE_SECRET_KEY", "sk_test_rolled");
        let mut said = Vec::new();
        assert!(!doctor::examine(&variables, &mut said).await.unwrap());
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains("FAULT  Stripe: Stripe does not take the key"), "{said}");
        assert!(!said.contains("sk_test_rolled"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_that_was_replaced_is_sold_no_more_at_stripe() {
    trade(async |shop| {
        let on_sale = async |key: &str| {
            let listed = shop.read_at_stripe(&format!("prices?lookup_keys[]={key}")).await;
            listed["data"][0]["active"].as_bool().unwrap()
        };
        let (old, new) = ("octroi-basic-v1-month", "octroi-basic-v2-month");
        assert!(on_sale(old).await, "nobody has it, everybody may buy it");
        let (done, said) = shop.push_with("month = 900", "month = 1000").await;
        assert!(done && said.contains(&format!("Stripe: price {old} changed")), "{said}");
        assert!(!on_sale(old).await && on_sale(new).await);
        let (done, said) = shop.push_with("month = 900", "month = 1000").await;
        assert!(done && said.contains(": 0 changed at Stripe"), "{said}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plans_that_can_lose_money_fail_the_check_unless_the_file_says_so() {
    trade(async |shop| {
        let (well, said) = shop.check_with("code = \"free\"", "code = \"free\"").await;
        assert!(well, "the plans that come with the project lose nothing unsaid: {said}");
        assert!(said.contains("plan premium, month: sold for 49.00 USD, costs at most 7.50 USD"), "{said}");
        assert!(said.contains("plan free, free: sold for 0.00 USD, costs at most 0.075 USD"), "{said}");
        assert!(said.contains("; loses up to 0.075 USD, and 0.10 USD is allowed: What it costs"), "{said}");
        assert!(said.ends_with("differences: 0, losses: 0\n"), "{said}");

        let (well, said) = shop.check_with("\"gpt-5.4-mini\",", "\"gpt-5.4-mini\", \"gpt-5.5-pro\",").await;
        assert!(!well && said.contains("plan free, free"), "{said}");
        assert!(said.contains("gpt-5.5-pro, 270.00 USD per million tokens"), "{said}");
        assert!(said.contains("LOSES UP TO 2.70 USD (allowed: 0.10 USD)"), "{said}");
        assert!(said.ends_with("losses: 1\n"), "{said}");

        let (well, said) = shop.check_with("usd_cents = 10,", "usd_cents = 7,").await;
        assert!(!well && said.contains("LOSES UP TO 0.075 USD (allowed: 0.07 USD)"), "{said}");
        let (taken, said) = shop.push_with("usd_cents = 10,", "usd_cents = 7,").await;
        assert!(taken && said.contains("warning: plan free, free"), "a push warns: {said}");
        assert!(
            said.contains("plan free: unchanged (version 1)"),
            "what may be lost is no new version: {said}"
        );
    })
    .await;
}
