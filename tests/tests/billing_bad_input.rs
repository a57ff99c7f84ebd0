//! What is no good is refused for a reason that is told, kept where an operator sees it, and grants nothing.

use octroi_tests::cast::Caller;
use octroi_tests::shop::{RETURN_URL, Shop, trade};
use uuid::Uuid;

/// Monthly tokens of the free plan.
const FREE: i64 = 10_000;

async fn versions(shop: &Shop<'_>) -> i64 {
    let query = sqlx::query_scalar("select count(*) from octroi_private.plan_version");
    query.fetch_one(&shop.stage.pool).await.unwrap()
}

/// What operators are shown about an object.
async fn trouble(shop: &Shop<'_>, subject: &str) -> Option<String> {
    let query = sqlx::query_scalar("select detail from octroi_private.billing_troubles() where subject = $1");
    query.bind(subject).fetch_optional(&shop.stage.pool).await.unwrap()
}

/// A checkout made and paid at Stripe, behind our back; its id.
async fn pay_at_stripe(shop: &Shop<'_>, customer: &str, price: &str, more: &[(&str, &str)]) -> String {
    let mut form = vec![
        ("mode", "payment"),
        ("customer", customer),
        ("line_items[0][price]", price),
        ("success_url", RETURN_URL),
        ("cancel_url", RETURN_URL),
    ];
    if !more.iter().any(|(name, _)| *name == "line_items[0][quantity]") {
        form.push(("line_items[0][quantity]", "1"));
    }
    form.extend(more);
    let session = shop.change_at_stripe("checkout/sessions", &form).await;
    let session = session["id"].as_str().unwrap().to_owned();
    shop.pay(&session);
    shop.quiet().await;
    session
}

async fn price_of_pack(shop: &Shop<'_>) -> String {
    let query = sqlx::query_scalar("select octroi_private.stripe_id_of('octroi-top-up-tokens_100k-v1')");
    query.fetch_one(&shop.stage.pool).await.unwrap()
}

async fn customer_without_plan(shop: &Shop<'_>) -> (Caller, String) {
    let caller = shop.stage.sign_up("yan").await;
    shop.check_out(caller, "basic", "month").await;
    (caller, shop.customer_of(caller).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_file_with_a_fault_changes_nothing_anywhere() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("zoe").await;
        shop.subscribe(caller, "basic", "month").await;
        let before = (versions(shop).await, shop.calls("prices.create"), shop.calls("products.update"));
        let limit = "meter = \"tokens\"\nperiod = \"month\"\namount = 100000\n";
        let twice = format!("{limit}\n[[plan.limit]]\n{limit}");
        let faults = [
            (limit, twice.as_str(), "plan basic, limit[1]: overlaps limit[0]"),
            (
                "currency = \"usd\"\nprice = { month = 900",
                "price = { month = 900",
                "plan basic, currency: missing",
            ),
            (
                "code = \"basic\"\nname = \"Basic\"",
                "code = \"other\"\nname = \"Basic\"",
                "plan basic: removed, and 1 accounts",
            ),
            ("amount = 100000\n", "amount = -1\n", "plan basic, limit[0].amount"),
            ("month = 900", "month = 100000000000", "plan basic, price.month"),
            ("slice = 1000", "slice = 0", "plan basic, overage[0].slice"),
            ("spend_cap = 2000", "spend_cap = 1e3", "plan basic, overage[0].spend_cap"),
            ("seats = 5", "seets = 5", "plan basic, seets"),
            ("[[plan]]", "[[plan", "line"),
        ];
        for (what, by, why) in faults {
            let (done, said) = shop.push_with(what, by).await;
            assert!(!done && said.contains(why), "{what} -> {by}: {said}");
        }
        let after = (versions(shop).await, shop.calls("prices.create"), shop.calls("products.update"));
        assert_eq!(before, after);
        assert_eq!(shop.plan_of(caller).await, "basic");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_s_payment_that_names_our_customer_grants_nothing() {
    trade(async |shop| {
        let (caller, _) = customer_without_plan(shop).await;
        let function = format!("start_checkout('premium', 'month', '{RETURN_URL}', '{RETURN_URL}')");
        let request = shop.call::<Uuid>(caller, &function).await.unwrap().to_string();
        let stranger = shop.change_at_stripe("customers", &[("name", "stranger")]).await;
        let stranger = stranger["id"].as_str().unwrap();
        let account = caller.account_id.to_string();
        let names = [
            ("client_reference_id", request.as_str()),
            ("metadata[octroi_billing_request]", request.as_str()),
            ("metadata[octroi_account]", account.as_str()),
        ];
        let session = pay_at_stripe(shop, stranger, &price_of_pack(shop).await, &names).await;
        assert_eq!(trouble(shop, &session).await.as_deref(), Some("unknown_customer"));
        assert_eq!((shop.plan_of(caller).await.as_str(), shop.left(caller).await), ("free", FREE));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_price_of_somebody_s_own_making_and_an_absurd_quantity_grant_nothing() {
    trade(async |shop| {
        let (caller, customer) = customer_without_plan(shop).await;
        let own = [("currency", "usd"), ("unit_amount", "1"), ("product", "octroi-top-up-tokens_100k")];
        let own = shop.change_at_stripe("prices", &own).await;
        let session = pay_at_stripe(shop, &customer, own["id"].as_str().unwrap(), &[]).await;
        assert_eq!(trouble(shop, &session).await.as_deref(), Some("unknown_price"));
        let many = [("line_items[0][quantity]", "100000")];
        let session = pay_at_stripe(shop, &customer, &price_of_pack(shop).await, &many).await;
        assert_eq!(trouble(shop, &session).await.as_deref(), Some("bad_quantity"));
        assert_eq!(shop.left(caller).await, FREE);
        assert!(shop.paid_by(caller).await > 0, "the money is there, and the operator knows");
    })
    .await;
}
