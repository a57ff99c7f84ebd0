//! Whole billing cycles: what was granted, used, reported and invoiced is one and the same.

use octroi_tests::shop::trade;
use octroi_worker::cli::PlansCommand;
use time::Duration;

/// Tokens beyond the basic plan that its spend cap of 2,000 cents pays for.
const OVERAGE: i64 = 1_000_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn from_sign_up_to_a_renewal_invoice_that_equals_the_ledger() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("ada").await;
        shop.subscribe(caller, "basic", "month").await;
        assert_eq!(shop.paid_by(caller).await, 900);
        assert_eq!(shop.left(caller).await, 100_000);

        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        assert!(shop.use_tokens(caller, 80_000).await);
        assert_eq!(shop.warnings_to(caller).await, [80]);
        assert!(shop.use_tokens(caller, 19_000).await);
        assert!(shop.use_tokens(caller, 3_500).await);
        assert_eq!(shop.warnings_to(caller).await, [80, 90, 100]);
        assert_eq!(shop.overage_of(caller).await, 2_500);

        shop.let_pass(Duration::days(32)).await;
        assert_eq!(shop.counted_for(caller).await, 2_500, "every unit, once");
        let invoices = shop.invoices_of(caller).await;
        let totals: Vec<(&str, i64)> =
            invoices.iter().map(|invoice| (invoice.status, invoice.total)).collect();
        assert_eq!(totals, [("paid", 900), ("paid", 900 + 3 * 2)], "three slices of 1,000 were begun");
        assert!(shop.use_tokens(caller, 1).await);
        assert_eq!(shop.left(caller).await, 99_999 + OVERAGE, "a new month");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_yearly_plan_is_paid_once_and_refreshed_every_month() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("bea").await;
        shop.subscribe(caller, "basic", "year").await;
        for month in 1..=3 {
            assert!(shop.use_tokens(caller, 100_000).await, "month {month}");
            assert!(!shop.use_tokens(caller, 1).await, "month {month} is used up");
            shop.let_pass(Duration::days(31)).await;
        }
        assert_eq!(shop.paid_by(caller).await, 9_000);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pushing_the_same_plans_again_changes_nothing() {
    trade(async |shop| {
        let writes =
            || shop.calls("prices.create") + shop.calls("products.create") + shop.calls("products.update");
        let before = writes();
        assert!(before > 0);
        shop.push_plans().await;
        assert_eq!(writes(), before);
        let file = octroi_tests::template::checkout().join("plans.toml");
        let (agrees, said) = shop.run_plans(&PlansCommand::Check { file }).await;
        assert!(agrees && said.ends_with("differences: 0, losses: 0\n"), "{said}");
    })
    .await;
}
