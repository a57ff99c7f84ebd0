//! The stand-in with async-stripe as its client, which refuses whatever Stripe's types do not allow.

#![allow(dead_code, reason = "each test binary uses its own part of it")]

use std::time::Duration;

use octroi_sim::stripe::{Handle, Options, spawn};
use stripe::{Client, ClientBuilder, IdempotencyKey, RequestStrategy};
use stripe_billing::billing_meter::CreateBillingMeter;
use stripe_billing::{BillingMeter, BillingMeterResourceAggregationSettingsFormula as Formula};
use stripe_core::customer::CreateCustomer;
use stripe_product::price::{
    CreatePrice, CreatePriceRecurring, CreatePriceRecurringInterval as Every, CreatePriceRecurringUsageType as Usage,
};
use stripe_product::product::CreateProduct;
use stripe_shared::{Customer, Price};
use stripe_types::Currency;

pub const KEY: &str = "sk_test_stand_in";

/// A stand-in on a free port that tells nobody anything.
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

/// A strategy with this idempotency key.
pub fn keyed(key: &str) -> RequestStrategy {
    RequestStrategy::Idempotent(IdempotencyKey::new(key).unwrap())
}

pub async fn customer(client: &Client) -> Customer {
    CreateCustomer::new().email("ada@example.com").send(client).await.unwrap()
}
