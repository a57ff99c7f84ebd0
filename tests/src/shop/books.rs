//! What an operator reads: plans in force, usage beyond them, and Stripe's side of it.

use octroi_sim::stripe::InvoiceBooks;
use serde_json::Value;

use super::{STRIPE_KEY, Shop};
use crate::cast::{Caller, act_as};

impl Shop<'_> {
    /// The code of the plan an account is on.
    pub async fn plan_of(&self, caller: Caller) -> String {
        sqlx::query_scalar(
            "select v.plan_code from octroi_private.subscription as s
             join octroi_private.plan_version as v on v.id = s.plan_version_id
             where s.account_id = $1 and s.ended_at is null",
        )
        .bind(caller.account_id)
        .fetch_one(&self.stage.pool)
        .await
        .unwrap()
    }

    /// Whether a subscription is going to end, as its owner sees it.
    pub async fn is_ending(&self, caller: Caller) -> bool {
        let mut transaction = self.stage.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let query = sqlx::query_scalar("select cancel_at_period_end from octroi.my_subscription()");
        query.fetch_one(&mut *transaction).await.unwrap()
    }

    /// Tokens of plan and top-ups that an account has left this month, as its owner sees it; overage aside.
    pub async fn left(&self, caller: Caller) -> i64 {
        let quota = self.stage.my_quota(caller).await;
        let month = quota.iter().find(|q| q.scope == "account" && q.meter == "tokens" && q.period == "month");
        let month = month.expect("a monthly limit of tokens");
        month.granted - month.used - month.reserved
    }

    /// The thresholds that mails were written about, in order.
    pub async fn warnings_to(&self, caller: Caller) -> Vec<i32> {
        let query = sqlx::query_scalar(
            "select (m.data ->> 'threshold')::integer from octroi_private.mail as m
             where m.account_id = $1 and m.kind = 'threshold' order by m.created_at, 1",
        );
        query.bind(caller.account_id).fetch_all(&self.stage.pool).await.unwrap()
    }

    /// The customer at Stripe.
    pub async fn customer_of(&self, caller: Caller) -> Option<String> {
        let query = sqlx::query_scalar("select id from octroi_private.stripe_customer where account_id = $1");
        query.bind(caller.account_id).fetch_optional(&self.stage.pool).await.unwrap()
    }

    /// Every invoice Stripe has of a customer, oldest first.
    pub async fn invoices_of(&self, caller: Caller) -> Vec<InvoiceBooks> {
        let customer = self.customer_of(caller).await;
        let invoices = self.stripe.books().invoices;
        invoices.into_iter().filter(|invoice| Some(&invoice.customer) == customer.as_ref()).collect()
    }

    /// What was charged to a customer, less what was given or taken back.
    pub async fn paid_by(&self, caller: Caller) -> i64 {
        let customer = self.customer_of(caller).await;
        let books = self.stripe.books();
        let theirs = books.customers.iter().find(|theirs| Some(&theirs.customer) == customer.as_ref());
        theirs.map_or(0, |theirs| theirs.charged - theirs.refunded - theirs.disputed)
    }

    /// Units of overage in the ledger.
    pub async fn overage_of(&self, caller: Caller) -> i64 {
        let query = sqlx::query_scalar(
            "select coalesce(sum(amount), 0)::bigint from octroi_private.overage_use where account_id = $1",
        );
        query.bind(caller.account_id).fetch_one(&self.stage.pool).await.unwrap()
    }

    /// Units that Stripe has counted for a customer.
    pub async fn counted_for(&self, caller: Caller) -> i64 {
        let customer = self.customer_of(caller).await;
        let meters = self.stripe.books().meters;
        let theirs = meters.iter().filter(|meter| Some(&meter.customer) == customer.as_ref());
        theirs.map(|meter| meter.total).sum()
    }

    /// How often an endpoint of Stripe was called.
    pub fn calls(&self, endpoint: &str) -> u64 {
        self.stripe.books().calls.get(endpoint).copied().unwrap_or_default()
    }

    /// Asks Stripe for something, as its dashboard would.
    pub async fn read_at_stripe(&self, path: &str) -> Value {
        let request = self.dashboard.get(format!("{}/v1/{path}", self.stripe.url));
        request.bearer_auth(STRIPE_KEY).send().await.unwrap().json().await.unwrap()
    }

    /// Changes something at Stripe, as its dashboard would.
    pub async fn change_at_stripe(&self, path: &str, form: &[(&str, &str)]) -> Value {
        let body: Vec<String> = form.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.dashboard.post(format!("{}/v1/{path}", self.stripe.url));
        let request =
            request.bearer_auth(STRIPE_KEY).header("content-type", "application/x-www-form-urlencoded");
        let response = request.body(body.join("&")).send().await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.text().await.unwrap());
        response.json().await.unwrap()
    }

    /// Ends a subscription at once, as its dashboard would, with an invoice for what was used.
    pub async fn end_at_stripe(&self, subscription: &str) {
        let request = self.dashboard.delete(format!(
            "{}/v1/subscriptions/{subscription}?invoice_now=true&prorate=false",
            self.stripe.url
        ));
        let response = request.bearer_auth(STRIPE_KEY).send().await.unwrap();
        assert!(response.status().is_success(), "{subscription}: {}", response.text().await.unwrap());
    }

    /// The newest charge of a customer.
    pub async fn charge_of(&self, caller: Caller) -> String {
        let customer = self.customer_of(caller).await.expect("a customer");
        let charges = self.read_at_stripe(&format!("charges?customer={customer}&limit=1")).await;
        charges["data"][0]["id"].as_str().expect("a charge").to_owned()
    }
}
