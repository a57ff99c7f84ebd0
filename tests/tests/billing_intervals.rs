//! Plans by the year: what is paid for lasts, and what was used before a new cycle begins is billed.

use octroi_sim::stripe::{Behaviour, Settings};
use octroi_tests::cast::Caller;
use octroi_tests::shop::{Shop, trade};
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use time::Duration;
use uuid::Uuid;

async fn downgrade_from_premium_by_the_year(interval: &str, then_paid: i64) {
    trade(async |shop| {
        let caller = shop.stage.sign_up("yves").await;
        shop.subscribe(caller, "premium", "year").await;
        let answer = shop.ask(caller, &format!("change_plan('basic', '{interval}')")).await;
        assert_eq!(answer.state, "done", "{answer:?}");
        for days in [40, 300, 20] {
            shop.let_pass(Duration::days(days)).await;
            assert_eq!(shop.plan_of(caller).await, "premium", "the year is paid for");
        }
        shop.let_pass(Duration::days(8)).await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.paid_by(caller).await, 49_000 + then_paid);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_to_another_year_waits_for_the_end_of_the_year() {
    downgrade_from_premium_by_the_year("year", 9_000).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_to_the_month_waits_for_the_end_of_the_year() {
    downgrade_from_premium_by_the_year("month", 900).await;
}

/// On basic by the month for some days, with overage switched on and so many tokens of it used.
async fn with_overage(shop: &Shop<'_>, name: &str, thousands: i64) -> Caller {
    let caller = shop.stage.sign_up(name).await;
    shop.subscribe(caller, "basic", "month").await;
    assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
    shop.let_pass(Duration::days(10)).await;
    assert!(shop.use_tokens(caller, 100_000).await, "the plan's");
    for _ in 0..thousands / 100 {
        assert!(shop.use_tokens(caller, 100_000).await);
    }
    caller
}

/// Units and money of overage on all invoices that are not void.
async fn billed_usage(shop: &Shop<'_>, caller: Caller) -> (i64, i64) {
    let query = "select stripe_id from octroi_private.stripe_catalogue where object = 'metered_price'";
    let metered: Vec<String> = sqlx::query_scalar(query).fetch_all(&shop.stage.pool).await.unwrap();
    let invoices = shop.invoices_of(caller).await;
    let lines = invoices.iter().filter(|invoice| invoice.status != "void").flat_map(|invoice| &invoice.lines);
    lines
        .filter(|line| line.price.as_ref().is_some_and(|price| metered.contains(price)))
        .fold((0, 0), |(units, money), line| (units + line.quantity, money + line.amount))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_beyond_the_month_is_on_the_invoice_that_begins_the_year() {
    trade(async |shop| {
        let caller = with_overage(shop, "zoe", 600).await;
        assert_eq!(shop.counted_for(caller).await, 0, "none of it is reported yet");
        let answer = shop.ask(caller, "change_plan('basic', 'year')").await;
        assert_eq!(answer.state, "done", "{answer:?}");
        shop.quiet().await;
        assert_eq!(shop.overage_of(caller).await, 600_000);
        assert_eq!(shop.counted_for(caller).await, 600_000);
        assert_eq!(billed_usage(shop, caller).await, (600_000, 600 * 2));
        assert!(shop.reconcile().await);

        // The year's first month shares twenty days with the month that was cut short.
        shop.let_pass(Duration::minutes(2)).await;
        assert!(shop.use_tokens(caller, 1_500).await, "overage goes on");
        shop.let_pass(Duration::hours(1)).await;
        assert_eq!(shop.counted_for(caller).await, 601_500);
        assert!(shop.reconcile().await);
        shop.let_pass(Duration::days(33)).await;
        assert_eq!(billed_usage(shop, caller).await, (601_500, 602 * 2));
        assert!(shop.invoices_of(caller).await.iter().all(|invoice| invoice.status == "paid"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_cycle_waits_for_open_calls_and_for_stripe_to_count() {
    trade(async |shop| {
        let caller = with_overage(shop, "abel", 0).await;
        let open = Call::new(caller, 1_500, 0);
        assert!(reserve(&shop.stage.pool, &open).await.is_granted());
        let id = shop.call::<Uuid>(caller, "change_plan('basic', 'year')").await.unwrap();
        shop.quiet().await;
        assert_eq!(shop.look(caller, id).await.unwrap().state, "pending", "a call is open");
        assert!(!shop.use_tokens(caller, 1_000).await, "nothing more is used beyond the plan");

        shop.stripe.set(Settings { hold_meter_events: true, ..shop.stripe.settings() });
        settle(&shop.stage.pool, &Usage::new(open.request_id, 1_500, 0)).await;
        shop.let_pass(Duration::minutes(1)).await;
        assert_eq!(shop.look(caller, id).await.unwrap().state, "pending", "Stripe has not counted it yet");
        shop.stripe.set(Settings { hold_meter_events: false, ..shop.stripe.settings() });
        shop.let_pass(Duration::minutes(1)).await;
        assert_eq!(shop.answer(caller, id).await.state, "done");
        shop.quiet().await;
        assert_eq!(billed_usage(shop, caller).await, (1_500, 2 * 2));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_cycle_that_is_not_paid_leaves_everything_as_it_was() {
    trade(async |shop| {
        let caller = with_overage(shop, "bela", 100).await;
        shop.change_card(caller, Behaviour::Declines).await;
        let answer = shop.ask(caller, "change_plan('basic', 'year')").await;
        assert_eq!(answer.error.as_deref(), Some("payment_required"), "{answer:?}");
        shop.quiet().await;
        assert!(shop.use_tokens(caller, 1_000).await, "overage goes on");
        shop.let_pass(Duration::days(2)).await;
        assert_eq!(billed_usage(shop, caller).await, (0, 0), "its invoice is void");

        shop.change_card(caller, Behaviour::Pays).await;
        shop.let_pass(Duration::days(22)).await;
        assert_eq!(billed_usage(shop, caller).await, (101_000, 101 * 2));
        assert_eq!(shop.paid_by(caller).await, 900 + 900 + 101 * 2);
    })
    .await;
}
