//! What a customer does: asks through the front end's functions, pays on Stripe's page, uses what was bought.

use octroi_sim::stripe::{Behaviour, Completion};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use super::Shop;
use crate::cast::{Caller, act_as};
use crate::deadline::eventually;
use crate::verbs::{Call, Usage, reserve, settle};

/// Where customers come back to; one of the origins allowed at first.
pub const RETURN_URL: &str = "http://localhost:3000/back";

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the columns of octroi.billing_request, documented there")]
pub struct Answer {
    pub state: String,
    pub url: Option<String>,
    pub error: Option<String>,
    pub message: Option<String>,
}

type Row = (String, Option<String>, Option<String>, Option<String>);

impl Shop<'_> {
    /// Calls a front end's function as a signed-in user, such as `cancel_subscription(true)`.
    pub async fn call<T>(&self, caller: Caller, function: &str) -> Result<T, sqlx::Error>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        let mut transaction = self.stage.pool.begin().await?;
        act_as(&mut transaction, caller.user_id).await;
        let statement = AssertSqlSafe(format!("select octroi.{function}"));
        let answer = sqlx::query_scalar(statement).fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(answer)
    }

    /// Asks for something that the worker does, and waits for what becomes of it.
    pub async fn ask(&self, caller: Caller, function: &str) -> Answer {
        let id = self.call::<Uuid>(caller, function).await.unwrap();
        self.answer(caller, id).await
    }

    /// Waits for what becomes of a request.
    pub async fn answer(&self, caller: Caller, id: Uuid) -> Answer {
        eventually("the request is answered", async || {
            let answer = self.look(caller, id).await.expect("the owner sees the request");
            (answer.state != "pending").then_some(answer)
        })
        .await
    }

    /// A request as a user sees it.
    pub async fn look(&self, caller: Caller, id: Uuid) -> Option<Answer> {
        let mut transaction = self.stage.pool.begin().await.unwrap();
        act_as(&mut transaction, caller.user_id).await;
        let query = sqlx::query_as("select state, url, error, message from octroi.billing_request($1)");
        let row: Option<Row> = query.bind(id).fetch_optional(&mut *transaction).await.unwrap();
        row.map(|(state, url, error, message)| Answer { state, url, error, message })
    }

    /// Asks for a checkout; the session's id at Stripe.
    pub async fn check_out(&self, caller: Caller, plan: &str, interval: &str) -> String {
        let function = format!("start_checkout('{plan}', '{interval}', '{RETURN_URL}', '{RETURN_URL}')");
        let answer = self.ask(caller, &function).await;
        assert_eq!(answer.state, "done", "{answer:?}");
        session_of(&answer.url.expect("a page to pay on"))
    }

    /// Subscribes and pays, and waits until it is known.
    pub async fn subscribe(&self, caller: Caller, plan: &str, interval: &str) {
        let session = self.check_out(caller, plan, interval).await;
        self.pay(&session);
        self.quiet().await;
        assert_eq!(self.plan_of(caller).await, plan);
    }

    /// Subscribes without asking for a checkout, as an import of customers would: Stripe has everything, and tells of it.
    pub async fn import(&self, caller: Caller, plan: &str) -> String {
        let customer = self.change_at_stripe("customers", &[("name", "imported")]).await;
        let customer = customer["id"].as_str().expect("an id").to_owned();
        let query = sqlx::query("select octroi_private.link_stripe_customer($1, $2)");
        query.bind(caller.account_id).bind(&customer).execute(&self.stage.pool).await.unwrap();
        self.stripe.set_payment_method(&customer, Behaviour::Pays).unwrap();
        let query = sqlx::query_scalar(
            "select array[octroi_private.stripe_id_of(p.lookup_key), octroi_private.stripe_id_of(o.lookup_key)]
             from octroi_private.plan_version as v
             join octroi_private.plan_price as p on p.plan_version_id = v.id and p.billing_interval = 'month'
             join octroi_private.plan_overage as o on o.plan_version_id = v.id
             where v.plan_code = $1
             order by v.version desc
             limit 1",
        );
        let prices: Vec<String> = query.bind(plan).fetch_one(&self.stage.pool).await.unwrap();
        let form = [
            ("customer", customer.as_str()),
            ("items[0][price]", &prices[0]),
            ("items[1][price]", &prices[1]),
        ];
        self.change_at_stripe("subscriptions", &form).await;
        customer
    }

    /// Buys a pack and pays.
    pub async fn top_up(&self, caller: Caller, pack: &str) {
        let function = format!("buy_top_up('{pack}', '{RETURN_URL}', '{RETURN_URL}')");
        let answer = self.ask(caller, &function).await;
        self.pay(&session_of(&answer.url.expect("a page to pay on")));
        self.quiet().await;
    }

    /// Pays an open session with a card that works.
    pub fn pay(&self, session: &str) {
        self.stripe.complete(session, &Completion::default()).unwrap();
    }

    /// Gives a customer and their subscriptions another card.
    pub async fn change_card(&self, caller: Caller, behaviour: Behaviour) {
        let customer = self.customer_of(caller).await.expect("a customer");
        let card = self.stripe.set_payment_method(&customer, behaviour).unwrap();
        let listed = self.read_at_stripe(&format!("subscriptions?customer={customer}")).await;
        for subscription in listed["data"].as_array().expect("a list") {
            let path = format!("subscriptions/{}", subscription["id"].as_str().expect("an id"));
            self.change_at_stripe(&path, &[("default_payment_method", &card)]).await;
        }
    }

    /// Makes a call of so many tokens; whether it was let through.
    pub async fn use_tokens(&self, caller: Caller, tokens: i64) -> bool {
        let call = Call::new(caller, tokens, 0);
        if !reserve(&self.stage.pool, &call).await.is_granted() {
            return false;
        }
        settle(&self.stage.pool, &Usage::new(call.request_id, tokens, 0)).await;
        true
    }
}

/// The page's address ends with the session's id, or has it before a fragment or query.
pub fn session_of(url: &str) -> String {
    let from = url.find("cs_").expect("a checkout page names its session");
    url[from..].chars().take_while(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect()
}
