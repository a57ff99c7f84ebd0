//! Corrections: made here and at Stripe, through failures too, and what was given is not kept.

use octroi_tests::cast::{Caller, act_as};
use octroi_tests::deadline::eventually;
use octroi_tests::shop::{STRIPE_KEY, Shop, trade};
use octroi_tests::stage::Stage;
use serde_json::{Value, json};
use uuid::Uuid;

const TRAIL: &str = include_str!("../pgtap/setup/trail.sql");

async fn correct(stage: &Stage, caller: Caller, what: Value) -> Uuid {
    let mut transaction = stage.pool.begin().await.unwrap();
    act_as(&mut transaction, caller.user_id).await;
    let id = sqlx::query_scalar(
        "select octroi.update_my_contact(
           account_name => $1 ->> 'name', billing_email => $1 ->> 'email', address => $1 -> 'address',
           tax_id => $1 -> 'tax_id')",
    )
    .bind(what)
    .fetch_one(&mut *transaction)
    .await
    .unwrap();
    transaction.commit().await.unwrap();
    id
}

async fn at_stripe(shop: &Shop<'_>, path: &str) -> Value {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = client.get(format!("{}/v1/{path}", shop.stripe.url)).bearer_auth(STRIPE_KEY);
    request.send().await.unwrap().json().await.unwrap()
}

/// A customer at Stripe, linked as the first checkout would.
async fn customer(shop: &Shop<'_>, caller: Caller) -> String {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let account = caller.account_id.to_string();
    let request = client
        .post(format!("{}/v1/customers", shop.stripe.url))
        .bearer_auth(STRIPE_KEY)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("metadata[octroi_account]={account}"));
    let made: Value = request.send().await.unwrap().json().await.unwrap();
    let id = made["id"].as_str().unwrap().to_owned();
    sqlx::query("select octroi_private.link_stripe_customer($1, $2)")
        .bind(caller.account_id)
        .bind(&id)
        .execute(&shop.stage.pool)
        .await
        .unwrap();
    id
}

async fn done(stage: &Stage, id: Uuid) {
    eventually("the correction is made", async || {
        let state: String =
            sqlx::query_scalar("select state from octroi_private.contact_change where id = $1")
                .bind(id)
                .fetch_one(&stage.pool)
                .await
                .unwrap();
        (state == "done").then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_correction_reaches_stripe_and_stays_nowhere_else() {
    trade(async |shop| {
        let stage = shop.stage;
        stage.run(TRAIL).await;
        let ada = stage.sign_up("ada").await;
        let id = customer(shop, ada).await;
        for value in ["FR00123456789", "FR99123456789"] {
            let what = json!({
                "name": "Ada L.", "email": "invoices@example.com",
                "address": { "line1": "12 canary street", "city": "Paris", "country": "FR" },
                "tax_id": { "type": "eu_vat", "value": value },
            });
            done(stage, correct(stage, ada, what).await).await;
        }
        let found = at_stripe(shop, &format!("customers/{id}")).await;
        assert_eq!(found["name"], "Ada L.");
        assert_eq!(found["email"], "invoices@example.com");
        assert_eq!(found["address"]["line1"], "12 canary street");
        let tax_ids = at_stripe(shop, &format!("customers/{id}/tax_ids")).await;
        let values: Vec<&str> =
            tax_ids["data"].as_array().unwrap().iter().map(|tax_id| tax_id["value"].as_str().unwrap()).collect();
        assert_eq!(values, ["FR99123456789"], "the wrong number is gone");
        let left: i64 = sqlx::query_scalar(
            "select (select count(*) from octroi_private.contact_change as c where c::text ~ 'canary|FR99|invoices@')
               + (select count(*) from octroi_private.job as j where j::text ~ 'canary|FR99|invoices@')
               + (select count(*) from octroi_private.audit_log as l where l::text ~ 'canary|FR99|invoices@')",
        )
        .fetch_one(&stage.pool)
        .await
        .unwrap();
        assert_eq!(left, 0, "what was given is Stripe's alone");
    })
    .await;
}
