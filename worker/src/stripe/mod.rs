//! Stripe, and everything Octroi asks of it.
//!
//! Requests and answers are async-stripe's, made for the API version in [`API_VERSION`]. The transport is [`Stripe`],
//! which implements async-stripe's own `StripeClient`: the client it comes with has no time-out, keeps no connection,
//! hides `Retry-After`, and cannot tell a call that was never sent from one whose outcome is unknown.
//!
//! Every POST carries an idempotency key made from a row of ours, so that repeating a call after a crash repeats its
//! effect for no one. Stripe keeps keys for a day at least; what must not happen twice after that is looked up first.
//!
//! Nothing here decides about money: SQL says what to do, and is told what Stripe answered.

mod answer;
mod checkout;
mod checkout_options;
mod client;
mod customer_details;
mod customer_objects;
mod customers;
mod error;
mod events;
mod handover;
mod invoices;
mod meter_errors;
mod meters;
mod objects;
mod once;
mod pages;
mod portal;
mod previews;
mod prices;
mod products;
mod retry;
mod rights;
mod schedules;
mod subscriptions;
mod top_up_invoices;
mod webhook_endpoints;

pub use checkout::NewCheckout;
pub use checkout_options::CheckoutOptions;
pub use client::Stripe;
pub use customer_details::{Address, CustomerDetails, TaxId};
pub use error::StripeError;
pub use events::ListedEvent;
pub use meter_errors::RejectedReport;
pub use meters::{MeterEvent, MeterWindow};
pub use objects::{
    Charge, CheckoutSession, Customer, Dispute, Invoice, InvoiceLine, Refund, SessionItem, Subscription,
    SubscriptionItem, Synced,
};
use once::fresh_key;
pub use once::made_once;
pub use previews::{ChangePreview, PreviewLine};
pub use prices::{ListedPrice, NewPrice};
pub use products::ListedProduct;
pub use subscriptions::{ItemChange, NewItem};
pub use top_up_invoices::TopUpInvoice;
pub use webhook_endpoints::{Endpoint, NewEndpoint};

/// The API version that is asked for with every call, and that the webhook endpoint must have: async-stripe's types are
/// made for it.
pub const API_VERSION: stripe_shared::ApiVersion = stripe_shared::version::VERSION;
