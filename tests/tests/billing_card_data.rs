//! Card data stays at Stripe: nothing that comes along with it is kept, nothing asks for it, and there is no place for it.

use octroi_sim::stripe::signature;
use octroi_tests::pg_tools::dump;
use octroi_tests::shop::{Shop, WEBHOOK_SECRET};
use octroi_tests::stage::play;
use serde_json::json;
use time::{Duration, OffsetDateTime};

const NUMBER: &str = "4242424242424242";
/// Of every card of the stand-in, in each payment method and each charge that Stripe answers with.
const FINGERPRINT: &str = "Xt5EWLLDS7FJjR1c";

/// What a place for a card would be called.
const CARD_NAMES: &str =
    "^(.*_)?(card|cards|pan|cvc|cvv|cvn|iban|bic|last4|exp_month|exp_year|fingerprint|bank_account)(_.*)?$";

/// An event with a card in it, as some of Stripe's have.
fn event_with_card() -> String {
    let card = json!({ "number": NUMBER, "last4": "4242", "fingerprint": FINGERPRINT, "exp_month": 12, "cvc": "314" });
    let object = json!({
        "object": "charge", "id": "ch_card", "customer": "cus_card", "card": card,
        "payment_method_details": { "type": "card", "card": card }, "description": NUMBER,
    });
    json!({
        "id": "evt_card", "object": "event", "type": "charge.refunded", "created": 1_795_000_000, "livemode": false,
        "api_version": "2026-09-30.endive", "data": { "object": object },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_the_card_that_pays_nothing_is_asked_for_and_nothing_kept() {
    play(async |stage| {
        let secrets = [WEBHOOK_SECRET.to_owned()];
        let shop = Shop::open_at_the_edge(stage, &secrets, &secrets).await;
        let worker = shop.hire().await;
        let caller = stage.sign_up("xenia").await;
        shop.subscribe(caller, "basic", "month").await;
        shop.top_up(caller, "tokens_100k").await;
        let charge = shop.charge_of(caller).await;
        shop.change_at_stripe("refunds", &[("charge", &charge), ("amount", "100")]).await;
        let body = event_with_card();
        let signed = signature(&secrets, OffsetDateTime::now_utc().unix_timestamp(), &body);
        assert_eq!(shop.knock(Some(&signed), body).await, 200);
        shop.let_pass(Duration::days(32)).await;
        assert!(shop.reconcile().await);
        worker.stop().await;

        let answer = shop.read_at_stripe(&format!("charges/{charge}")).await.to_string();
        assert!(answer.contains(FINGERPRINT), "Stripe does show the worker a card: {answer}");
        let kept = dump(&stage.superuser(), &["--data-only", "--schema=octroi_private"]);
        assert!(kept.contains(&charge), "the charge itself is kept");
        for canary in [NUMBER, FINGERPRINT, "\"4242\"", "last4", "cvc"] {
            assert!(!kept.contains(canary), "{canary} is in the database");
        }
        for request in shop.stripe.requests() {
            let body = String::from_utf8_lossy(&request.body);
            let path = &request.path;
            assert!(
                !path.starts_with("/v1/payment_methods") && !path.starts_with("/v1/tokens"),
                "{request:?}"
            );
            assert!(!body.contains("card") && !body.contains("bank_account"), "{request:?}");
        }
    })
    .await;
}

#[tokio::test]
async fn no_column_argument_or_result_is_a_place_for_a_card() {
    play(async |stage| {
        let places: Vec<(String, String)> = sqlx::query_as(
            "select c.oid::regclass::text, a.attname::text
             from pg_class as c
             join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
             where c.relnamespace::regnamespace::text like 'octroi%' and a.attname ~* $1
             union all
             select p.oid::regprocedure::text, n.name
             from pg_proc as p
             cross join lateral unnest(p.proargnames) as n (name)
             where p.pronamespace::regnamespace::text like 'octroi%' and n.name ~* $1",
        )
        .bind(CARD_NAMES)
        .fetch_all(&stage.pool)
        .await
        .unwrap();
        assert!(places.is_empty(), "{places:#?}");
    })
    .await;
}
