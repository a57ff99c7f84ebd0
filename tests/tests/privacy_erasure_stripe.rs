//! What an erasure does at Stripe: a last invoice, no subscription, no customer; once, whatever dies meanwhile.

use octroi_sim::stripe::{Advance, Behaviour, Fault, FaultKind, FaultMatch};
use octroi_tests::cast::Caller;
use octroi_tests::child::Worker;
use octroi_tests::shop::{Shop, trade};
use octroi_tests::stage::play;
use uuid::Uuid;

/// Lets time pass until nothing is left to do for an erasure.
async fn complete(shop: &Shop<'_>, receipt: Uuid) {
    // Longer than an invoice waits to be paid before it is waived.
    for _ in 0..20 {
        if shop.stage.is_erased(receipt).await {
            return;
        }
        shop.let_pass(time::Duration::hours(12)).await;
    }
    panic!("the erasure does not end");
}

/// Status of the subscriptions that a customer ever had.
async fn subscriptions(shop: &Shop<'_>, customer: &str) -> Vec<String> {
    let listed = shop.read_at_stripe(&format!("subscriptions?customer={customer}&status=all")).await;
    let all = listed["data"].as_array().expect("a list");
    all.iter().map(|one| one["status"].as_str().expect("a status").to_owned()).collect()
}

async fn is_deleted(shop: &Shop<'_>, customer: &str) -> bool {
    shop.read_at_stripe(&format!("customers/{customer}")).await["deleted"] == true
}

/// Somebody who subscribed, and has used more than their plan.
async fn debtor(shop: &Shop<'_>) -> Caller {
    let caller = shop.stage.sign_up("lea").await;
    shop.subscribe(caller, "basic", "month").await;
    assert!(shop.call::<bool>(caller, "set_overage(true, null)").await.is_ok());
    shop.let_pass(time::Duration::days(1)).await;
    assert!(shop.use_tokens(caller, 100_000).await);
    assert!(shop.use_tokens(caller, 10_000).await);
    shop.let_pass(time::Duration::hours(1)).await;
    caller
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_is_billed_once_more_and_then_the_customer_is_gone() {
    trade(async |shop| {
        let caller = debtor(shop).await;
        let (customer, paid) = (shop.customer_of(caller).await.unwrap(), shop.paid_by(caller).await);
        let overage = shop.overage_of(caller).await;
        assert!(overage > 0);
        let (receipt, _) = shop.stage.delete_account_of(caller).await;
        complete(shop, receipt).await;
        assert_eq!(shop.counted_for(caller).await, overage, "Stripe was told of everything");
        assert!(shop.paid_by(caller).await > paid, "and it was paid");
        assert_eq!(subscriptions(shop, &customer).await, ["canceled"]);
        assert!(is_deleted(shop, &customer).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_paid_in_a_week_is_waived() {
    trade(async |shop| {
        let caller = debtor(shop).await;
        let (customer, paid) = (shop.customer_of(caller).await.unwrap(), shop.paid_by(caller).await);
        shop.change_card(caller, Behaviour::Declines).await;
        let (receipt, _) = shop.stage.delete_account_of(caller).await;
        complete(shop, receipt).await;
        assert_eq!(shop.paid_by(caller).await, paid);
        let open = shop.read_at_stripe(&format!("invoices?customer={customer}&status=open")).await;
        assert!(open["data"].as_array().unwrap().is_empty(), "{open}");
        assert!(is_deleted(shop, &customer).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn death_at_any_call_changes_nothing() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for endpoint in ["subscriptions.cancel", "customers.delete"] {
            for committed in [false, true] {
                let caller = stage.sign_up("mia").await;
                shop.subscribe(caller, "basic", "month").await;
                let customer = shop.customer_of(caller).await.unwrap();
                let invoices = shop.invoices_of(caller).await.len();
                worker = die_at(&shop, worker, endpoint, committed, async || {
                    stage.delete_account_of(caller).await.0
                })
                .await;
                assert_eq!(subscriptions(&shop, &customer).await, ["canceled"], "{endpoint} {committed}");
                assert!(is_deleted(&shop, &customer).await, "{endpoint} {committed}");
                assert_eq!(shop.invoices_of(caller).await.len(), invoices + 1, "{endpoint} {committed}");
            }
        }
        worker.kill().await;
    })
    .await;
}

/// A team that lea pays for, as she and as max, who is left with it. Stripe knows who she is and where she lives.
async fn team(shop: &Shop<'_>) -> (Caller, Caller) {
    let [lea, max] = [shop.stage.sign_up("lea").await, shop.stage.sign_up("max").await];
    let query = sqlx::query("update octroi_private.account set kind = 'team', name = 'Team' where id = $1");
    query.bind(lea.account_id).execute(&shop.stage.pool).await.unwrap();
    let query = sqlx::query(
        "insert into octroi_private.member (account_id, user_id, role) values ($1, $2, 'member')",
    );
    query.bind(lea.account_id).bind(max.user_id).execute(&shop.stage.pool).await.unwrap();
    shop.subscribe(lea, "basic", "month").await;
    let customer = shop.customer_of(lea).await.unwrap();
    let who = [
        ("name", "Lea+Canary"),
        ("email", "lea@canary.example"),
        ("phone", "%2B33123456789"),
        ("address[line1]", "12+canary+street"),
        ("preferred_locales[0]", "fr"),
    ];
    shop.change_at_stripe(&format!("customers/{customer}"), &who).await;
    let tax_id = [("type", "eu_vat"), ("value", "FR00123456789")];
    shop.change_at_stripe(&format!("customers/{customer}/tax_ids"), &tax_id).await;
    shop.quiet().await;
    (lea, Caller { account_id: lea.account_id, ..max })
}

/// What may still pay for a customer.
async fn cards(shop: &Shop<'_>, customer: &str) -> Vec<String> {
    let listed = shop.read_at_stripe(&format!("customers/{customer}/payment_methods")).await;
    listed["data"].as_array().expect("a list").iter().map(|one| one["id"].to_string()).collect()
}

async fn assert_passed_on(shop: &Shop<'_>, customer: &str) {
    let found = shop.read_at_stripe(&format!("customers/{customer}")).await;
    for field in ["name", "phone", "address"] {
        assert!(found[field].is_null(), "{field} in {found}");
    }
    assert!(found["email"].as_str().is_some_and(|email| email.starts_with("max-")), "{found}");
    assert_eq!(found["preferred_locales"], serde_json::json!(["en"]));
    let tax_ids = shop.read_at_stripe(&format!("customers/{customer}/tax_ids")).await;
    assert_eq!(tax_ids["data"], serde_json::json!([]));
    assert_eq!(subscriptions(shop, customer).await, ["active"], "the team goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_team_that_goes_on_is_charged_to_nobody_who_left() {
    trade(async |shop| {
        let (lea, max) = team(shop).await;
        let (customer, paid) = (shop.customer_of(lea).await.unwrap(), shop.paid_by(lea).await);
        let (receipt, kept) = shop.stage.delete_account_of(lea).await;
        assert!(kept.to_string().contains("the customer at Stripe of a team that goes on"), "{kept}");
        complete(shop, receipt).await;
        assert_passed_on(shop, &customer).await;
        assert!(cards(shop, &customer).await.is_empty());
        let told: Vec<Uuid> =
            sqlx::query_scalar("select user_id from octroi_private.mail where kind = 'new_owner'")
                .fetch_all(&shop.stage.pool)
                .await
                .unwrap();
        assert_eq!(told, [max.user_id], "max is asked for a card");
        shop.let_pass(time::Duration::days(32)).await;
        assert_eq!(shop.paid_by(max).await, paid, "lea pays for nothing any more");
        shop.stripe.set_payment_method(&customer, Behaviour::Pays).unwrap();
        shop.let_pass(time::Duration::days(8)).await;
        assert!(shop.paid_by(max).await > paid, "max does");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_the_next_owner_was_faster_to_add_stays() {
    play(async |stage| {
        let shop = &Shop::open(stage).await;
        let worker = shop.hire().await;
        let (lea, _) = team(shop).await;
        worker.stop().await;
        let (receipt, _) = stage.delete_account_of(lea).await;
        let customer = shop.customer_of(lea).await.unwrap();
        let later = shop.stripe.clock().now + 3_600;
        shop.stripe.advance(Advance { to: Some(later), ..Advance::default() }).await.unwrap();
        let card = shop.stripe.set_payment_method(&customer, Behaviour::Pays).unwrap();
        let worker = shop.hire().await;
        complete(shop, receipt).await;
        assert_passed_on(shop, &customer).await;
        assert_eq!(cards(shop, &customer).await, [format!("\"{card}\"")]);
        worker.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn death_while_a_team_is_passed_on_changes_nothing() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let mut worker = shop.hire_mortal().await;
        for endpoint in ["paymentMethods.detach", "customers.deleteTaxId", "customers.update"] {
            for committed in [false, true] {
                let (lea, _) = team(&shop).await;
                let customer = shop.customer_of(lea).await.unwrap();
                worker =
                    die_at(&shop, worker, endpoint, committed, async || stage.delete_account_of(lea).await.0)
                        .await;
                assert_passed_on(&shop, &customer).await;
                assert!(cards(&shop, &customer).await.is_empty(), "{endpoint} {committed}");
            }
        }
        worker.kill().await;
    })
    .await;
}

/// Kills the worker while its call to `endpoint` is held back, starts another, and waits for the end of the erasure.
async fn die_at(
    shop: &Shop<'_>,
    worker: Worker,
    endpoint: &str,
    committed: bool,
    erase: impl AsyncFnOnce() -> Uuid,
) -> Worker {
    let matches = FaultMatch { endpoint: Some(endpoint.to_owned()), ..FaultMatch::default() };
    let kind = FaultKind::Stall { committed, for_ms: None };
    shop.stripe.fault(Fault { matches, ..Fault::from(kind) }).unwrap();
    let receipt = erase().await;
    shop.stripe.held(1).await.unwrap();
    worker.kill().await;
    shop.stripe.release();
    let next = shop.hire_mortal().await;
    // The dead worker's lease has to run out.
    shop.stage.let_pass(time::Duration::minutes(3)).await;
    shop.sweep().await;
    complete(shop, receipt).await;
    next
}
