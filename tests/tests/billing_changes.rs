//! Another plan, now or later, and the end of one.

use octroi_sim::stripe::Behaviour;
use octroi_tests::shop::trade;
use octroi_tests::verbs::{Call, Usage, reserve, settle};
use time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_in_mid_cycle_applies_now_and_carries_what_was_used() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("cleo").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.use_tokens(caller, 60_000).await);
        shop.let_pass(Duration::days(10)).await;

        let answer = shop.ask(caller, "change_plan('premium', 'month')").await;
        assert_eq!(answer.state, "done", "{answer:?}");
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "premium");
        assert_eq!(shop.left(caller).await, 1_000_000 - 60_000);
        assert_eq!(shop.calls("subscriptions.update"), 1);
        let paid = shop.paid_by(caller).await;
        assert!(paid > 900 && paid < 900 + 4_900, "the rest of the month is paid for: {paid}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_waits_for_the_end_of_the_period() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("dora").await;
        shop.subscribe(caller, "premium", "month").await;
        let answer = shop.ask(caller, "change_plan('basic', 'month')").await;
        assert_eq!(answer.state, "done", "{answer:?}");
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "premium", "it is paid for");
        shop.let_pass(Duration::days(32)).await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.paid_by(caller).await, 4_900 + 900);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_ends_with_its_period_falls_back_to_the_free_plan() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("emma").await;
        shop.subscribe(caller, "basic", "month").await;
        assert_eq!(shop.ask(caller, "cancel_subscription(true)").await.state, "done");
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "basic");

        assert_eq!(shop.ask(caller, "resume_subscription()").await.state, "done", "they change their mind");
        shop.quiet().await;
        assert_eq!(shop.ask(caller, "cancel_subscription(true)").await.state, "done", "and change it back");
        shop.let_pass(Duration::days(33)).await;
        assert_eq!(shop.plan_of(caller).await, "free");
        assert_eq!(shop.paid_by(caller).await, 900);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cancelling_at_once_waits_for_open_requests_and_bills_them() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("fay").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        assert!(shop.use_tokens(caller, 100_000).await);
        shop.let_pass(Duration::days(1)).await;
        let open = Call::new(caller, 1_500, 0);
        assert!(reserve(&shop.stage.pool, &open).await.is_granted());

        let id = shop.call::<uuid::Uuid>(caller, "cancel_subscription(false)").await.unwrap();
        shop.quiet().await;
        assert_eq!(shop.look(caller, id).await.unwrap().state, "pending", "a request is open");
        settle(&shop.stage.pool, &Usage::new(open.request_id, 1_500, 0)).await;
        shop.let_pass(Duration::hours(2)).await;
        assert_eq!(shop.answer(caller, id).await.state, "done");
        assert_eq!(shop.counted_for(caller).await, 1_500);
        assert_eq!(shop.paid_by(caller).await, 900 + 2 * 2, "two slices were begun");
        assert_eq!(shop.plan_of(caller).await, "free");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_paid_by_the_year_is_shown_as_ending_and_resumed() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("gwen").await;
        shop.subscribe(caller, "basic", "year").await;
        assert!(!shop.is_ending(caller).await);
        assert_eq!(shop.ask(caller, "cancel_subscription(true)").await.state, "done");
        shop.quiet().await;
        assert!(shop.is_ending(caller).await, "with its year, and not with the month of its metered price");
        let again = shop.call::<uuid::Uuid>(caller, "cancel_subscription(true)").await.unwrap_err();
        assert_eq!(again.as_database_error().unwrap().code().as_deref(), Some("OC032"));
        shop.let_pass(Duration::days(40)).await;
        assert_eq!(shop.plan_of(caller).await, "basic", "paid for");
        assert!(shop.reconcile().await);

        let answer = shop.ask(caller, "resume_subscription()").await;
        assert_eq!(answer.state, "done", "{answer:?}");
        shop.quiet().await;
        assert!(!shop.is_ending(caller).await);
        shop.let_pass(Duration::days(330)).await;
        assert_eq!(shop.plan_of(caller).await, "basic");
        assert_eq!(shop.paid_by(caller).await, 2 * 9_000, "the second year");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_used_in_the_first_minute_is_billed_when_it_was_the_last() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("hugo").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        assert!(shop.use_tokens(caller, 101_500).await);
        let id = shop.call::<uuid::Uuid>(caller, "cancel_subscription(false)").await.unwrap();
        shop.let_pass(Duration::minutes(2)).await;
        assert_eq!(shop.answer(caller, id).await.state, "done");
        shop.let_pass(Duration::hours(2)).await;
        assert_eq!(shop.counted_for(caller).await, 1_500);
        assert_eq!(shop.paid_by(caller).await, 900 + 2 * 2, "two slices were begun");
        assert_eq!(shop.plan_of(caller).await, "free");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_ended_at_stripe_within_its_first_minute_holds_no_invoice() {
    trade(async |shop| {
        // Minutes are the clock's: all of it happens within one, and after its beginning, when usage can be dated.
        let into_minute = Duration::seconds(shop.stage.now().await.second().into());
        shop.let_pass(Duration::seconds(65) - into_minute).await;
        let caller = shop.stage.sign_up("iris").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        assert!(shop.use_tokens(caller, 101_500).await);
        let customer = shop.customer_of(caller).await.unwrap();
        let listed = shop.read_at_stripe(&format!("subscriptions?customer={customer}")).await;
        shop.end_at_stripe(listed["data"][0]["id"].as_str().unwrap()).await;
        shop.let_pass(Duration::hours(2)).await;
        assert!(
            shop.invoices_of(caller).await.iter().all(|invoice| invoice.status == "paid"),
            "none is held"
        );
        assert_eq!(shop.counted_for(caller).await, 0);
        assert_eq!(shop.plan_of(caller).await, "free");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_that_the_card_does_not_pay_for_is_told_with_the_page_to_pay_on() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("jack").await;
        shop.subscribe(caller, "basic", "month").await;
        shop.let_pass(Duration::days(1)).await;
        shop.change_card(caller, Behaviour::Declines).await;
        let upgrade = "change_plan('premium', 'month')";
        let id = shop.call::<uuid::Uuid>(caller, upgrade).await.unwrap();
        let answer = shop.answer(caller, id).await;
        assert_eq!((answer.state.as_str(), answer.error.as_deref()), ("failed", Some("payment_required")));
        assert!(answer.message.as_ref().is_some_and(|message| message.contains("declined")), "{answer:?}");
        let invoice = shop.invoices_of(caller).await.pop().unwrap();
        let at_stripe = shop.read_at_stripe(&format!("invoices/{}", invoice.invoice)).await;
        assert!(answer.url.is_some() && answer.url.as_deref() == at_stripe["hosted_invoice_url"].as_str());
        let stranger = shop.stage.sign_up("kate").await;
        assert_eq!(shop.look(stranger, id).await, None, "nobody else reads it");
        shop.quiet().await;
        assert_eq!((shop.plan_of(caller).await, shop.paid_by(caller).await), ("basic".to_owned(), 900));

        let again = shop.ask(caller, upgrade).await;
        assert_eq!(again, answer, "asked again it is the same invoice");
        assert_eq!(shop.invoices_of(caller).await.len(), 2);
        shop.change_card(caller, Behaviour::Pays).await;
        shop.change_at_stripe(&format!("invoices/{}/pay", invoice.invoice), &[]).await;
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "premium", "they have paid");
    })
    .await;
}
