//! The way of an event: signed by Stripe, through the edge function under Deno, into the inbox, to the worker.

use octroi_sim::stripe::signature;
use octroi_tests::shop::{Shop, WEBHOOK_SECRET};
use octroi_tests::stage::{Stage, play};
use serde_json::json;
use time::{Duration, OffsetDateTime};

/// What the door reads at most.
const MAX_BODY_BYTES: usize = 512 * 1024;

fn secrets(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn events(stage: &Stage) -> i64 {
    sqlx::query_scalar("select count(*) from octroi_private.stripe_event")
        .fetch_one(&stage.pool)
        .await
        .unwrap()
}

async fn jobs(stage: &Stage) -> i64 {
    sqlx::query_scalar("select count(*) from octroi_private.job").fetch_one(&stage.pool).await.unwrap()
}

fn signed_by(secret: &str, seconds_ago: i64, body: &str) -> String {
    signature(&secrets(&[secret]), OffsetDateTime::now_utc().unix_timestamp() - seconds_ago, body)
}

/// An event that nobody has seen, as Stripe would send it.
fn unseen(id: &str) -> String {
    let object = json!({ "object": "invoice", "id": "in_nobody", "customer": "cus_nobody" });
    json!({
        "id": id, "object": "event", "type": "invoice.paid", "created": 1_795_000_000, "livemode": false,
        "api_version": "2026-09-30.endive", "data": { "object": object },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_a_checkout_to_a_renewal_through_the_edge_function() {
    play(async |stage| {
        let shop =
            Shop::open_at_the_edge(stage, &secrets(&[WEBHOOK_SECRET]), &secrets(&[WEBHOOK_SECRET])).await;
        let worker = shop.hire().await;
        let caller = stage.sign_up("ursula").await;
        shop.subscribe(caller, "basic", "month").await;
        assert_eq!(shop.left(caller).await, 100_000);
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        assert!(shop.use_tokens(caller, 101_500).await);
        shop.let_pass(Duration::days(32)).await;
        assert_eq!(shop.paid_by(caller).await, 900 + 900 + 2 * 2);
        let delivered = shop.stripe.delivered().await.unwrap();
        assert!(!delivered.is_empty() && delivered.iter().all(|delivery| delivery.status == Some(200)));
        assert!(shop.reconcile().await);
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stripe_did_not_sign_or_signed_long_ago_is_refused_and_nothing_is_kept() {
    play(async |stage| {
        let shop =
            Shop::open_at_the_edge(stage, &secrets(&[WEBHOOK_SECRET]), &secrets(&[WEBHOOK_SECRET])).await;
        shop.stripe.delivered().await.unwrap();
        let (before, jobs_before) = (events(stage).await, jobs(stage).await);
        let body = unseen("evt_forged");
        let too_long = format!("{}{}", unseen("evt_long"), " ".repeat(MAX_BODY_BYTES));
        let own = |body: &str| signed_by(WEBHOOK_SECRET, 0, body);
        let refused = [
            ("no signature", None, body.clone(), 400),
            ("another secret", Some(signed_by("whsec_guessed", 0, &body)), body.clone(), 400),
            ("another body", Some(own(&unseen("evt_other"))), body.clone(), 400),
            ("six minutes old", Some(signed_by(WEBHOOK_SECRET, 360, &body)), body.clone(), 400),
            ("six minutes ahead", Some(signed_by(WEBHOOK_SECRET, -360, &body)), body.clone(), 400),
            ("no header of that kind", Some("t=now,v1=true".to_owned()), body.clone(), 400),
            ("too long", Some(own(&too_long)), too_long, 413),
            ("no JSON", Some(own("{\"id\"")), "{\"id\"".to_owned(), 400),
            ("no object", Some(own("[]")), "[]".to_owned(), 400),
            ("no event", Some(own("{\"id\":\"evt_x\"}")), "{\"id\":\"evt_x\"}".to_owned(), 400),
        ];
        for (what, signature, body, status) in refused {
            assert_eq!(shop.knock(signature.as_deref(), body).await, status, "{what}");
        }
        assert_eq!((events(stage).await, jobs(stage).await), (before, jobs_before));
        assert_eq!(shop.knock(Some(&own(&body)), body.clone()).await, 200, "and rightly signed it is taken");
        assert_eq!(events(stage).await, before + 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_replayed_within_five_minutes_is_welcome_and_does_nothing() {
    play(async |stage| {
        let shop =
            Shop::open_at_the_edge(stage, &secrets(&[WEBHOOK_SECRET]), &secrets(&[WEBHOOK_SECRET])).await;
        let worker = shop.hire().await;
        let caller = stage.sign_up("vera").await;
        shop.subscribe(caller, "basic", "month").await;
        let (seen, done) = (events(stage).await, jobs(stage).await);
        for delivery in shop.stripe.deliveries() {
            let (signature, body) = shop.stripe.signed(&delivery.event).unwrap();
            assert_eq!(shop.knock(Some(&signature), body).await, 200, "{}", delivery.kind);
        }
        assert_eq!((events(stage).await, jobs(stage).await), (seen, done), "nothing is looked at again");
        assert_eq!(shop.left(caller).await, 100_000);
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_secret_is_rolled_either_signature_will_do() {
    play(async |stage| {
        let (old, new) = ("whsec_before", "whsec_after");
        // The function was given the new one first; Stripe signs with both until the old one has run out.
        let shop = Shop::open_at_the_edge(stage, &secrets(&[new]), &secrets(&[old, new])).await;
        let worker = shop.hire().await;
        let caller = stage.sign_up("wanda").await;
        shop.subscribe(caller, "basic", "month").await;
        shop.stripe.set_webhook_secrets(&secrets(&[new]));
        shop.top_up(caller, "tokens_100k").await;
        assert_eq!(shop.left(caller).await, 200_000);
        let delivered = shop.stripe.delivered().await.unwrap();
        assert!(delivered.iter().all(|delivery| delivery.status == Some(200)), "{delivered:#?}");
        worker.stop().await;
    })
    .await;
}
