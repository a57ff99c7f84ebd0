//! The resources, each with its endpoints.

pub mod checkout;
pub mod customers;
pub mod disputes;
pub mod events;
pub mod invoice_items;
pub mod invoices;
pub mod meter_events;
pub mod meters;
pub mod payment_methods;
pub mod payments;
pub mod portal;
pub mod prices;
pub mod products;
pub mod refunds;
pub mod schedules;
pub mod subscriptions;
pub mod tax_ids;
pub mod thin_events;
pub mod webhook_endpoints;

use super::endpoint::Endpoint;

/// The endpoint of a method and a path.
pub fn endpoint(method: &str, path: &[&str]) -> Option<Endpoint> {
    match path {
        ["v1", "billing", "meters", rest @ ..] => meters::endpoint(method, rest),
        ["v1", "billing", "meter_events", rest @ ..] => meter_events::endpoint(method, rest),
        ["v1", "billing", "meter_event_adjustments", rest @ ..] => {
            meter_events::adjustment_endpoint(method, rest)
        }
        ["v1", "billing_portal", rest @ ..] => portal::endpoint(method, rest),
        ["v1", "charges", rest @ ..] => payments::charge_endpoint(method, rest),
        ["v1", "checkout", "sessions", rest @ ..] => checkout::endpoint(method, rest),
        ["v1", "customers", rest @ ..] => customers::endpoint(method, rest),
        ["v1", "disputes", rest @ ..] => disputes::endpoint(method, rest),
        ["v1", "events", rest @ ..] => events::endpoint(method, rest),
        ["v1", "invoice_payments", rest @ ..] => invoices::payment_endpoint(method, rest),
        ["v1", "invoiceitems", rest @ ..] => invoice_items::endpoint(method, rest),
        ["v1", "invoices", rest @ ..] => invoices::endpoint(method, rest),
        ["v1", "payment_intents", rest @ ..] => payments::intent_endpoint(method, rest),
        ["v1", "payment_methods", rest @ ..] => payment_methods::endpoint(method, rest),
        ["v1", "prices", rest @ ..] => prices::endpoint(method, rest),
        ["v1", "products", rest @ ..] => products::endpoint(method, rest),
        ["v1", "refunds", rest @ ..] => refunds::endpoint(method, rest),
        ["v1", "subscription_items", rest @ ..] => subscriptions::items_endpoint(method, rest),
        ["v1", "subscription_schedules", rest @ ..] => schedules::endpoint(method, rest),
        ["v1", "subscriptions", rest @ ..] => subscriptions::endpoint(method, rest),
        ["v1", "webhook_endpoints", rest @ ..] => webhook_endpoints::endpoint(method, rest),
        ["v2", "core", "events", rest @ ..] => thin_events::endpoint(method, rest),
        _ => None,
    }
}
