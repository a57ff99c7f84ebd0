//! What is sold, and what customers see of it: taxes, codes and terms on the page, invoices, and what a change will cost.

use octroi_sim::stripe::{Completion, Settings};
use octroi_tests::cast::{Caller, act_as};
use octroi_tests::shop::{RETURN_URL, Shop, session_of, trade};
use serde_json::{Value, json};
use sqlx::types::Json;
use time::Duration;
use uuid::Uuid;

/// Sets how the operator sells.
async fn sell(shop: &Shop<'_>, settings: Value) {
    let query = sqlx::query("select octroi_private.set_billing_settings($1)").bind(Json(settings));
    query.execute(&shop.stage.pool).await.unwrap();
}

/// The rows of a question that a user asks, as objects.
async fn rows(shop: &Shop<'_>, caller: Caller, question: &str) -> Vec<Value> {
    let mut transaction = shop.stage.pool.begin().await.unwrap();
    act_as(&mut transaction, caller.user_id).await;
    let statement = sqlx::AssertSqlSafe(format!("select to_jsonb(q) from ({question}) as q"));
    let rows: Vec<Json<Value>> = sqlx::query_scalar(statement).fetch_all(&mut *transaction).await.unwrap();
    transaction.commit().await.unwrap();
    rows.into_iter().map(|Json(row)| row).collect()
}

/// Asks what a change would cost, and waits for the answer.
async fn preview(shop: &Shop<'_>, caller: Caller, plan: &str, interval: &str) -> (Uuid, Value) {
    let id = shop.call::<Uuid>(caller, &format!("preview_change('{plan}', '{interval}')")).await.unwrap();
    let answer = shop.answer(caller, id).await;
    assert_eq!(answer.state, "done", "{answer:?}");
    let mut found = rows(shop, caller, &format!("select * from octroi.change_preview('{id}')")).await;
    (id, found.remove(0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_costs_what_its_preview_said() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("ada").await;
        shop.subscribe(caller, "basic", "month").await;
        shop.let_pass(Duration::days(10)).await;
        let (id, seen) = preview(shop, caller, "premium", "month").await;
        let due = seen["due_minor"].as_i64().unwrap();
        assert!(due > 0 && due < 4_900, "the rest of the month: {seen}");
        assert_eq!((&seen["renewal_minor"], &seen["usage_minor"]), (&json!(4_900), &json!(0)), "{seen}");
        assert_eq!(
            seen["lines"].as_array().unwrap().len(),
            2,
            "what is given back and what is charged: {seen}"
        );
        assert_eq!((shop.plan_of(caller).await, shop.paid_by(caller).await), ("basic".to_owned(), 900));

        shop.let_pass(Duration::minutes(20)).await;
        let change = format!("change_plan('premium', 'month', '{id}')");
        assert_eq!(shop.ask(caller, &change).await.state, "done");
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "premium");
        assert_eq!(shop.paid_by(caller).await, 900 + due, "twenty minutes later it costs the same");
        assert!(shop.reconcile().await);

        let stranger = shop.stage.sign_up("bob").await;
        let found = rows(shop, stranger, &format!("select * from octroi.change_preview('{id}')")).await;
        assert_eq!(found, Vec::<Value>::new(), "nobody else reads it");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_that_is_old_or_of_another_plan_is_not_charged_by() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("cleo").await;
        shop.subscribe(caller, "basic", "month").await;
        shop.let_pass(Duration::days(3)).await;
        let (id, _) = preview(shop, caller, "premium", "month").await;
        let refused = async |change: String| {
            let error = shop.call::<Uuid>(caller, &change).await.unwrap_err();
            error.as_database_error().unwrap().code().unwrap().into_owned()
        };
        assert_eq!(refused(format!("change_plan('premium', 'year', '{id}')")).await, "OC032");
        shop.let_pass(Duration::minutes(31)).await;
        assert_eq!(refused(format!("change_plan('premium', 'month', '{id}')")).await, "OC032");
        assert_eq!(shop.paid_by(caller).await, 900);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_downgrade_charges_nothing_now_and_says_what_comes_when() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("dora").await;
        shop.subscribe(caller, "premium", "month").await;
        let (_, seen) = preview(shop, caller, "basic", "month").await;
        assert_eq!((&seen["due_minor"], &seen["renewal_minor"]), (&json!(0), &json!(900)), "{seen}");
        assert_eq!(seen["takes_effect_at"], seen["renews_at"], "with the next month: {seen}");
        assert_eq!(shop.calls("invoices.createPreview"), 0, "Stripe is not asked");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_to_the_year_says_what_use_beyond_the_plan_comes_on_top() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("emma").await;
        shop.subscribe(caller, "basic", "month").await;
        assert!(shop.call::<bool>(caller, "set_overage(true)").await.unwrap());
        shop.let_pass(Duration::days(2)).await;
        assert!(shop.use_tokens(caller, 101_500).await);
        let (id, seen) = preview(shop, caller, "basic", "year").await;
        let (due, usage) = (seen["due_minor"].as_i64().unwrap(), seen["usage_minor"].as_i64().unwrap());
        let counted: i64 = seen["lines"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|line| line["amount_minor"] == json!(4))
            .map(|_| 4)
            .sum();
        assert_eq!(usage + counted, 4, "two slices were begun: {seen}");

        let change = format!("change_plan('basic', 'year', '{id}')");
        let id = shop.call::<Uuid>(caller, &change).await.unwrap();
        shop.let_pass(Duration::minutes(5)).await;
        assert_eq!(shop.answer(caller, id).await.state, "done");
        shop.quiet().await;
        let paid = shop.paid_by(caller).await;
        assert_eq!(paid, 900 + due + usage, "what was said, and the use: {seen}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn taxes_codes_ids_terms_and_language_are_on_the_page_and_the_money_is_right() {
    trade(async |shop| {
        let taxes = Settings { tax_basis_points: Some(2_000), has_terms_url: true, ..shop.stripe.settings() };
        shop.stripe.set(taxes);
        sell(shop, json!({
            "automatic_tax": true, "tax_ids": true, "billing_address": "required", "promotion_codes": true,
            "checkout_locale": "fr", "require_terms": true,
        }))
        .await;
        let caller = shop.stage.sign_up("fay").await;
        let session = shop.check_out(caller, "basic", "month").await;
        let page = shop.read_at_stripe(&format!("checkout/sessions/{session}")).await;
        assert_eq!(page["automatic_tax"]["enabled"], json!(true), "{page}");
        assert_eq!(page["tax_id_collection"]["enabled"], json!(true));
        assert_eq!(page["allow_promotion_codes"], json!(true));
        assert_eq!(
            (&page["billing_address_collection"], &page["locale"]),
            (&json!("required"), &json!("fr"))
        );
        assert_eq!(page["consent_collection"]["terms_of_service"], json!("required"));

        let entered = Completion {
            country: Some("FR".to_owned()),
            percent_off: 50,
            tax_id: Some("eu_vat:FRAB123456789".to_owned()),
            ..Completion::default()
        };
        shop.stripe.complete(&session, &entered).unwrap();
        shop.quiet().await;
        assert_eq!((shop.plan_of(caller).await, shop.left(caller).await), ("basic".to_owned(), 100_000));
        assert_eq!(shop.paid_by(caller).await, 540, "half of 9.00, and a fifth of that");
        let invoices = rows(shop, caller, "select * from octroi.my_invoices()").await;
        let [invoice] = invoices.as_slice() else { panic!("one invoice: {invoices:?}") };
        assert_eq!(
            (&invoice["subtotal_minor"], &invoice["tax_minor"], &invoice["total_minor"]),
            (&json!(900), &json!(90), &json!(540)),
        );
        assert_eq!(invoice["lines"][0]["amount_minor"], json!(900), "{invoice}");

        shop.let_pass(Duration::days(35)).await;
        assert_eq!(shop.plan_of(caller).await, "basic", "renewed");
        assert_eq!(shop.paid_by(caller).await, 540 + 1_080, "the code counted once, the taxes count always");
        let taxes: i64 = sqlx::query_scalar(
            "select coalesce(sum(tax_minor), 0)::bigint from octroi_private.stripe_checkout_session",
        )
        .fetch_one(&shop.stage.pool)
        .await
        .unwrap();
        assert_eq!(taxes, 90, "what the page collected for the state is told apart");
        assert!(shop.reconcile().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pack_is_on_an_invoice_is_granted_once_and_goes_back_with_its_money() {
    trade(async |shop| {
        shop.stripe.set(Settings { tax_basis_points: Some(2_000), ..shop.stripe.settings() });
        sell(shop, json!({ "automatic_tax": true })).await;
        let caller = shop.stage.sign_up("gwen").await;
        shop.subscribe(caller, "basic", "month").await;
        shop.top_up(caller, "tokens_100k").await;
        assert_eq!(shop.left(caller).await, 200_000, "once");
        let invoices = rows(shop, caller, "select * from octroi.my_invoices()").await;
        let pack =
            invoices.iter().find(|invoice| invoice["subtotal_minor"] == json!(500)).expect("the pack's");
        assert_eq!((&pack["tax_minor"], &pack["total_minor"]), (&json!(100), &json!(600)));
        assert_eq!(pack["lines"][0]["description"], json!("100,000 tokens"));
        for page in ["hosted_url", "pdf_url"] {
            assert!(pack[page].as_str().is_some_and(|url| url.starts_with("http")), "{page}: {pack}");
        }
        let opened = shop.ask(caller, &format!("open_invoice('{}')", pack["id"].as_str().unwrap())).await;
        assert_eq!((opened.state.as_str(), opened.url.as_deref()), ("done", pack["hosted_url"].as_str()));
        let stranger = shop.stage.sign_up("hugo").await;
        assert_eq!(rows(shop, stranger, "select * from octroi.my_invoices()").await, Vec::<Value>::new());

        let customer = shop.customer_of(caller).await.unwrap();
        let charges = shop.read_at_stripe(&format!("charges?customer={customer}")).await;
        let charge = charges["data"].as_array().unwrap().iter().find(|charge| charge["amount"] == json!(600));
        let charge = charge.unwrap()["id"].as_str().unwrap().to_owned();
        shop.change_at_stripe("refunds", &[("charge", &charge), ("amount", "300")]).await;
        shop.quiet().await;
        assert_eq!(
            shop.left(caller).await,
            150_000,
            "half of the money takes half of the pack along, taxes or not"
        );
        assert!(shop.reconcile().await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_stripe_refuses_is_told_and_nothing_is_sold_without_it() {
    trade(async |shop| {
        sell(shop, json!({ "automatic_tax": true })).await;
        let caller = shop.stage.sign_up("iris").await;
        let asked = format!("start_checkout('basic', 'month', '{RETURN_URL}', '{RETURN_URL}')");
        let answer = shop.ask(caller, &asked).await;
        assert_eq!(
            (answer.state.as_str(), answer.error.as_deref()),
            ("failed", Some("stripe_refused")),
            "{answer:?}"
        );
        assert_eq!(answer.url, None);
        sell(shop, json!({ "automatic_tax": false })).await;
        let answer = shop.ask(caller, &asked).await;
        assert_eq!(answer.state, "done", "switched off, it is sold again: {answer:?}");
        shop.pay(&session_of(&answer.url.unwrap()));
        shop.quiet().await;
        assert_eq!(shop.plan_of(caller).await, "basic");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_knows_the_address_that_its_customer_signed_in_with_once() {
    trade(async |shop| {
        let caller = shop.stage.sign_up("jack").await;
        let kept: bool = sqlx::query_scalar(
            "select exists (select from octroi_private.contact where user_id = $1 and email is not null)",
        )
        .bind(caller.user_id)
        .fetch_one(&shop.stage.pool)
        .await
        .unwrap();
        assert!(kept, "the stage has operator keys");
        shop.subscribe(caller, "basic", "month").await;
        let customer = shop.customer_of(caller).await.unwrap();
        let email = async || {
            shop.read_at_stripe(&format!("customers/{customer}")).await["email"].as_str().map(str::to_owned)
        };
        let first = email().await;
        assert!(first.as_deref().is_some_and(|email| email.starts_with("jack")), "{first:?}");

        shop.change_at_stripe(&format!("customers/{customer}"), &[("email", "invoices@example.test")]).await;
        shop.top_up(caller, "tokens_100k").await;
        assert_eq!(
            email().await.as_deref(),
            Some("invoices@example.test"),
            "what they gave for invoices stays"
        );
    })
    .await;
}
