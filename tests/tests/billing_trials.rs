//! A plan that is tried before it is paid for.

use octroi_tests::cast::{Caller, act_as};
use octroi_tests::shop::{Shop, trade};
use time::{Duration, OffsetDateTime};

/// Stripe's status, and when the trial ends, as the owner reads them.
async fn standing(shop: &Shop<'_>, caller: Caller) -> (Option<String>, Option<OffsetDateTime>) {
    let mut transaction = shop.stage.pool.begin().await.unwrap();
    act_as(&mut transaction, caller.user_id).await;
    let query = sqlx::query_as("select status, trial_ends_at from octroi.my_subscription()");
    query.fetch_one(&mut *transaction).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_the_checkout_to_the_first_invoice_that_costs_something() {
    trade(async |shop| {
        let (pushed, said) = shop.push_with("seats = 5\n", "seats = 5\ntrial_days = 14\n").await;
        assert!(pushed, "{said}");
        let caller = shop.stage.sign_up("mona").await;
        let begins = shop.stage.now().await;
        shop.subscribe(caller, "basic", "month").await;
        let (status, ends) = standing(shop, caller).await;
        assert_eq!(status.as_deref(), Some("trialing"));
        // Stripe counts whole seconds.
        let late = ends.unwrap() - begins - Duration::days(14);
        assert!(late > -Duration::SECOND && late < Duration::MINUTE, "{late}");
        assert_eq!(shop.left(caller).await, 100_000, "all of the plan");
        assert!(shop.use_tokens(caller, 60_000).await);
        shop.let_pass(Duration::days(13)).await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.paid_by(caller).await, 0, "nothing is charged in a trial");

        shop.let_pass(Duration::days(2)).await;
        assert_eq!(standing(shop, caller).await.0.as_deref(), Some("active"));
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.paid_by(caller).await, 900);
        let totals: Vec<_> = shop.invoices_of(caller).await.iter().map(|of| (of.total, of.status)).collect();
        assert_eq!(totals, [(0, "paid"), (900, "paid")]);
        assert_eq!(shop.left(caller).await, 100_000, "the paid month is a new one");
        shop.let_pass(Duration::days(31)).await;
        assert_eq!(shop.paid_by(caller).await, 2 * 900, "and months follow each other");

        assert_eq!(shop.ask(caller, "cancel_subscription(false)").await.state, "done");
        shop.let_pass(Duration::hours(2)).await;
        assert_eq!(shop.plan_of(caller).await, "free");
        shop.subscribe(caller, "basic", "month").await;
        assert_eq!(standing(shop, caller).await.0.as_deref(), Some("active"), "nobody tries twice");
        assert_eq!(shop.paid_by(caller).await, 3 * 900);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_in_a_trial_waits_for_its_end() {
    trade(async |shop| {
        let (pushed, said) = shop.push_with("seats = 25\n", "seats = 25\ntrial_days = 7\n").await;
        assert!(pushed, "{said}");
        let caller = shop.stage.sign_up("nils").await;
        shop.subscribe(caller, "premium", "month").await;
        let answer = shop.ask(caller, "change_plan('basic', 'month')").await;
        assert_eq!(answer.state, "done", "{answer:?}");
        shop.let_pass(Duration::days(6)).await;
        assert_eq!(shop.plan_of(caller).await, "premium");
        shop.let_pass(Duration::days(2)).await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.paid_by(caller).await, 900);
    })
    .await;
}
