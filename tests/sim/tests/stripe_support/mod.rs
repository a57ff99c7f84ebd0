//! The stand-in with async-stripe as its client, which refuses whatever Stripe's types do not allow.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

pub mod receiver;

use std::time::Duration;

use octroi_sim::stripe::{Advance, Handle, Options, spawn};
use serde_json::{Value, json};
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy, StripeError};
use stripe_billing::BillingMeter;
use stripe_client_core::{RequestBuilder, StripeMethod};
use stripe_shared::{CheckoutSession, Customer, Price, Product, Subscription};

pub const KEY: &str = "sk_test_stand_in";

/// Noon on 31 January 2028, a leap year: months clamp, and 29 February comes.
pub const JANUARY_31: i64 = 1_832_932_800;
pub const HOUR: i64 = 3600;
pub const DAY: i64 = 24 * HOUR;

/// The stand-in, its clock frozen, with a client and a few things to sell.
pub struct Shop {
    pub sim: Handle,
    pub client: Client,
    pub meter: BillingMeter,
    /// 9.00 a month.
    pub monthly: Price,
    /// 90.00 a year.
    pub yearly: Price,
    /// 49.00 a month.
    pub premium: Price,
    /// 0.02 for each 1,000 units begun, by the month.
    pub overage: Price,
    /// 5.00 once.
    pub pack: Price,
}

pub async fn start() -> (Handle, Client) {
    start_with(Options::default()).await
}

pub async fn start_with(options: Options) -> (Handle, Client) {
    let sim = spawn(Options { secret_key: Some(KEY.to_owned()), ..options }).await.unwrap();
    let client = client_of(&sim);
    (sim, client)
}

pub fn client_of(sim: &Handle) -> Client {
    let builder = ClientBuilder::new(KEY).url(format!("{}/", sim.url)).timeout(Duration::from_secs(10));
    builder.build().unwrap()
}

/// A request as async-stripe makes it, whose answer must be a `T`.
pub struct Ask<'c> {
    client: &'c Client,
    method: StripeMethod,
    path: String,
    form: Value,
    strategy: RequestStrategy,
}

pub fn post<'c>(client: &'c Client, path: &str, form: Value) -> Ask<'c> {
    Ask { client, method: StripeMethod::Post, path: path.to_owned(), form, strategy: RequestStrategy::Once }
}

pub fn get<'c>(client: &'c Client, path: &str, form: Value) -> Ask<'c> {
    Ask { method: StripeMethod::Get, ..post(client, path, form) }
}

pub fn delete<'c>(client: &'c Client, path: &str, form: Value) -> Ask<'c> {
    Ask { method: StripeMethod::Delete, ..post(client, path, form) }
}

impl Ask<'_> {
    /// With this idempotency key.
    pub fn keyed(self, key: &str) -> Self {
        Self { strategy: RequestStrategy::Idempotent(IdempotencyKey::new(key).unwrap()), ..self }
    }

    pub async fn answer<T: miniserde::Deserialize>(self) -> Result<T, StripeError> {
        let builder = RequestBuilder::new(self.method, self.path);
        let empty = self.form.as_object().is_none_or(serde_json::Map::is_empty);
        let builder = match self.method {
            _ if empty => builder,
            StripeMethod::Get => builder.query(&self.form),
            StripeMethod::Post | StripeMethod::Delete => builder.form(&self.form),
        };
        builder.customize().request_strategy(self.strategy).send(self.client).await
    }

    /// The answer, which must be one.
    pub async fn ok<T: miniserde::Deserialize>(self) -> T {
        let what = format!("{:?} {} {}", self.method, self.path, self.form);
        self.answer().await.unwrap_or_else(|error| unreachable!("{what}: {error}"))
    }

    /// The refusal: its HTTP status, code and message.
    pub async fn refusal(self) -> (u16, String, String) {
        match self.answer::<Nothing>().await {
            Err(StripeError::Stripe(error, status)) => {
                let code = error.code.map(|code| code.to_string()).unwrap_or_default();
                (status, code, error.message.unwrap_or_default())
            }
            other => unreachable!("not refused by Stripe: {other:?}"),
        }
    }
}

/// What a test does not look at.
#[derive(Debug, miniserde::Deserialize)]
pub struct Nothing {}

pub async fn customer(client: &Client) -> Customer {
    post(client, "/customers", json!({ "email": "ada@example.com" })).ok().await
}

impl Shop {
    pub async fn open() -> Self {
        Self::open_with(Options::default()).await
    }

    pub async fn open_with(options: Options) -> Self {
        let (sim, client) = start_with(options).await;
        sim.advance(Advance { to: Some(JANUARY_31), freeze: Some(true), ..Advance::default() })
            .await
            .unwrap();
        let meter: BillingMeter = post(
            &client,
            "/billing/meters",
            json!({ "display_name": "Tokens", "event_name": "tokens", "default_aggregation": { "formula": "sum" } }),
        )
        .ok()
        .await;
        let product: Product = post(&client, "/products", json!({ "name": "Octroi" })).ok().await;
        let price = async |extra: Value| -> Price {
            let mut form = json!({ "product": product.id.as_str(), "currency": "usd" });
            form.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            post(&client, "/prices", form).ok().await
        };
        let every = |interval: &str, amount: i64| json!({ "unit_amount": amount, "recurring": { "interval": interval } });
        let overage = json!({
            "unit_amount": 2,
            "transform_quantity": { "divide_by": 1000, "round": "up" },
            "recurring": { "interval": "month", "usage_type": "metered", "meter": meter.id.as_str() },
        });
        let monthly = price(every("month", 900)).await;
        let yearly = price(every("year", 9000)).await;
        let premium = price(every("month", 4900)).await;
        let overage = price(overage).await;
        let pack = price(json!({ "unit_amount": 500 })).await;
        Self { sim, client, meter, monthly, yearly, premium, overage, pack }
    }

    /// A session in which the customer could subscribe to these prices, the metered one without a quantity.
    pub async fn checkout(&self, customer: &Customer, prices: &[&Price]) -> CheckoutSession {
        let line_items = prices.iter().map(|price| match price.id == self.overage.id {
            true => json!({ "price": price.id.as_str() }),
            false => json!({ "price": price.id.as_str(), "quantity": 1 }),
        });
        let form = json!({
            "mode": "subscription",
            "customer": customer.id.as_str(),
            "success_url": "https://app.example/done",
            "line_items": line_items.collect::<Vec<Value>>(),
        });
        post(&self.client, "/checkout/sessions", form).ok().await
    }

    /// Somebody who has subscribed to these prices, and paid by card.
    pub async fn subscriber(&self, prices: &[&Price]) -> (Customer, Subscription) {
        let customer = customer(&self.client).await;
        let session = self.checkout(&customer, prices).await;
        let session = self.sim.complete(session.id.as_str(), &Default::default()).unwrap();
        let subscription = self.subscription(session["subscription"].as_str().unwrap()).await;
        (customer, subscription)
    }

    pub async fn subscription(&self, id: &str) -> Subscription {
        get(&self.client, &format!("/subscriptions/{id}"), json!({})).ok().await
    }

    /// Reports usage at a time.
    pub fn usage<'c>(&'c self, customer: &Customer, identifier: &str, value: i64, at: i64) -> Ask<'c> {
        let payload = json!({ "stripe_customer_id": customer.id.as_str(), "value": value.to_string() });
        let form =
            json!({ "event_name": "tokens", "identifier": identifier, "timestamp": at, "payload": payload });
        post(&self.client, "/billing/meter_events", form)
    }

    pub async fn go_to(&self, to: i64) {
        self.sim.advance(Advance { to: Some(to), ..Advance::default() }).await.unwrap();
    }
}
