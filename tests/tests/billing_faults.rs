//! Whatever goes wrong with a call to Stripe, what it was for happens once.

use octroi_sim::stripe::{Advance, Fault, FaultKind, FaultMatch};
use octroi_tests::deadline::eventually;
use octroi_tests::shop::{Shop, trade};
use octroi_tests::stage::play;
use time::Duration;

/// Longer than the worker of a shop waits for an answer, in milliseconds.
const TOO_LONG_MS: u64 = 3_000;

fn faults() -> Vec<FaultKind> {
    let status = |status| FaultKind::Status { status, code: None, should_retry: None };
    vec![
        status(429),
        status(409),
        status(500),
        FaultKind::KeptError,
        FaultKind::ErrorAfterCommit,
        FaultKind::HangUp { committed: false, reset: true },
        FaultKind::HangUp { committed: true, reset: true },
        FaultKind::Stall { committed: true, for_ms: Some(TOO_LONG_MS) },
        FaultKind::CutAtByte { offset: 40 },
    ]
}

fn plan(shop: &Shop<'_>, endpoint: &str, kind: &FaultKind) {
    let matches = FaultMatch { endpoint: Some(endpoint.to_owned()), ..FaultMatch::default() };
    shop.stripe.fault(Fault { matches, ..Fault::from(kind.clone()) }).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_customer_and_one_session_whatever_happens() {
    trade(async |shop| {
        for endpoint in ["customers.create", "checkout.sessions.create"] {
            for kind in faults() {
                let caller = shop.stage.sign_up("ida").await;
                let before = shop.stripe.books().customers.len();
                plan(shop, endpoint, &kind);
                let session = shop.check_out(caller, "basic", "month").await;
                let customer = shop.customer_of(caller).await.unwrap();
                assert_eq!(shop.stripe.books().customers.len(), before + 1, "{endpoint} {kind:?}");
                let sessions = shop.read_at_stripe(&format!("checkout/sessions?customer={customer}")).await;
                let ids: Vec<_> =
                    sessions["data"].as_array().unwrap().iter().map(|found| &found["id"]).collect();
                assert_eq!(ids, [&session], "{endpoint} {kind:?}");
                shop.pay(&session);
                shop.quiet().await;
                assert_eq!(shop.paid_by(caller).await, 900, "{endpoint} {kind:?}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cycle_is_reported_and_invoiced_once_through_a_run_of_bad_months() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("jo").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        let (mut counted, mut paid) = (0, 900);
        for kind in faults() {
            for endpoint in ["billing.meterEvents.create", "invoices.update", "invoices.finalizeInvoice"] {
                plan(shop, endpoint, &kind);
            }
            assert!(shop.use_tokens(caller, 101_500).await);
            shop.let_pass(Duration::days(31)).await;
            (counted, paid) = (counted + 1_500, paid + 900 + 2 * 2);
            assert_eq!(shop.counted_for(caller).await, counted, "{kind:?}");
            assert_eq!(shop.paid_by(caller).await, paid, "{kind:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_automatic_top_up_is_charged_once_whatever_happens() {
    trade(async |shop| {
        let endpoints =
            ["invoices.create", "invoiceItems.create", "invoices.finalizeInvoice", "invoices.pay"];
        let caller = shop.stage.sign_up("kim").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_auto_top_up('tokens_100k', 1, 1000000)").await.unwrap());
        let mut paid = 900;
        for kind in faults() {
            for endpoint in endpoints {
                plan(shop, endpoint, &kind);
            }
            assert!(shop.use_tokens(caller, 100_000).await, "all that is left");
            shop.let_pass(Duration::minutes(30)).await;
            paid += 500;
            assert_eq!(shop.paid_by(caller).await, paid, "{kind:?}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_that_may_have_arrived_is_not_told_blindly_after_a_day_in_which_stripe_was_busy() {
    play(async |stage| {
        let shop = Shop::open(stage).await;
        let worker = shop.hire().await;
        let caller = stage.sign_up("lars").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        shop.let_pass(Duration::hours(1)).await;

        // Stripe counts it and answers with an error of its own; under another key it has no time.
        plan(&shop, "billing.meterEvents.create", &FaultKind::ErrorAfterCommit);
        let busy = FaultKind::Status { status: 429, code: None, should_retry: None };
        let matches =
            FaultMatch { endpoint: Some("billing.meterEvents.create".to_owned()), ..FaultMatch::default() };
        shop.stripe.fault(Fault::from(busy).on(matches).times(0)).unwrap();
        assert!(shop.use_tokens(caller, 101_500).await);
        stage.let_pass(Duration::minutes(6)).await;
        shop.sweep().await;
        eventually("the first attempt has ended", async || {
            let query = "select count(*) = 1 from octroi_private.meter_report
                         where state <> 'sending' and detail is not null";
            sqlx::query_scalar::<_, bool>(query).fetch_one(&stage.pool).await.unwrap().then_some(())
        })
        .await;
        worker.stop().await;
        shop.stripe.faults().clear();

        stage.let_pass(Duration::hours(25)).await;
        let now = stage.now().await.unix_timestamp();
        shop.stripe.advance(Advance { to: Some(now), ..Advance::default() }).await.unwrap();
        let worker = shop.hire().await;
        shop.sweep().await;
        shop.let_pass(Duration::hours(1)).await;
        assert_eq!(shop.counted_for(caller).await, 1_500, "once");
        assert!(shop.reconcile().await);
        worker.stop().await;
    })
    .await;
}
