//! What an erasure does at Stripe: a last invoice, no subscription, no customer; once, whatever dies meanwhile.

use octroi_sim::stripe::{Behaviour, Fault, FaultKind, FaultMatch};
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
