//! Every object the stand-in answers is one that async-stripe can read.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use std::collections::{BTreeMap, BTreeSet};

use octroi_sim::stripe::{Advance, Behaviour, Completion, VERSION};
use serde_json::json;
use stripe_billing::{
    BillingMeter, BillingMeterEvent, BillingMeterEventAdjustment, BillingMeterEventSummary,
    BillingPortalSession, InvoiceItem,
};
use stripe_misc::WebhookEndpoint;
use stripe_shared::{
    Charge, CheckoutSession, CheckoutSessionItem, CheckoutSessionPaymentStatus, Customer, Dispute, Event,
    Invoice, InvoiceLineItem, InvoicePayment, InvoiceStatus, PaymentIntent, PaymentMethod, Price, Product,
    Refund, Subscription, SubscriptionItem,
};
use stripe_support::{DAY, HOUR, JANUARY_31, Shop, customer, delete, get, post};
use stripe_types::List;

#[test]
fn the_pinned_version_is_the_one_async_stripe_is_made_for() {
    assert_eq!(VERSION, stripe_shared::version::VERSION.to_string());
}

#[tokio::test]
async fn the_catalogue_can_be_read() {
    let shop = Shop::open().await;
    let client = &shop.client;
    let _: List<BillingMeter> = get(client, "/billing/meters", json!({ "status": "active" })).ok().await;
    let _: List<Product> = get(client, "/products", json!({})).ok().await;
    let tiered = json!({
        "product": shop.monthly.product.id().as_str(),
        "currency": "eur",
        "billing_scheme": "tiered",
        "tiers_mode": "graduated",
        "tiers": [{ "up_to": 100, "unit_amount": 0 }, { "up_to": "inf", "unit_amount_decimal": "0.05" }],
        "recurring": { "interval": "month" },
        "expand": ["tiers", "product"],
        "lookup_key": "tiers",
    });
    let tiered: Price = post(client, "/prices", tiered).ok().await;
    assert_eq!(tiered.tiers.unwrap()[1].unit_amount_decimal.as_deref(), Some("0.05"));
    let found: List<Price> = get(client, "/prices", json!({ "lookup_keys": ["tiers"] })).ok().await;
    assert_eq!(found.data[0].id, tiered.id);
    let webhook = json!({ "url": "https://a.example/hook", "enabled_events": ["invoice.paid"] });
    let made: WebhookEndpoint = post(client, "/webhook_endpoints", webhook).ok().await;
    assert!(made.secret.unwrap().starts_with("whsec_"));
    assert_eq!(made.api_version.as_deref(), Some(VERSION));
}

#[tokio::test]
async fn a_subscriber_s_first_month_can_be_read() {
    let shop = Shop::open().await;
    let client = &shop.client;
    let (customer, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
    let _: BillingMeterEvent = shop.usage(&customer, "u-1", 1_500, JANUARY_31 + 60).ok().await;
    let _: List<BillingMeterEventSummary> = get(
        client,
        &format!("/billing/meters/{}/event_summaries", shop.meter.id),
        json!({ "customer": customer.id.as_str(), "start_time": JANUARY_31, "end_time": JANUARY_31 + DAY,
            "value_grouping_window": "hour" }),
    )
    .ok()
    .await;
    let _: BillingMeterEvent = shop.usage(&customer, "u-2", 10, JANUARY_31 + 60).ok().await;
    let adjustment = json!({ "type": "cancel", "event_name": "tokens", "cancel": { "identifier": "u-2" } });
    let _: BillingMeterEventAdjustment =
        post(client, "/billing/meter_event_adjustments", adjustment).ok().await;
    let items = json!({ "subscription": subscription.id.as_str() });
    let _: List<SubscriptionItem> = get(client, "/subscription_items", items).ok().await;
    let preview = json!({ "subscription": subscription.id.as_str() });
    let preview: Invoice = post(client, "/invoices/create_preview", preview).ok().await;
    assert_eq!(preview.total, 904);
    shop.go_to(subscription.items.data[0].current_period_end).await;
    let of_subscription = json!({ "subscription": subscription.id.as_str(), "status": "draft" });
    let drafts: List<Invoice> = get(client, "/invoices", of_subscription).ok().await;
    let draft = drafts.data[0].id.clone().unwrap();
    let lines: List<InvoiceLineItem> = get(client, &format!("/invoices/{draft}/lines"), json!({})).ok().await;
    assert_eq!(lines.data.len(), 2);
    let expand = json!({ "auto_advance": true, "expand": ["payments", "customer", "parent.subscription_details.subscription"] });
    let paid: Invoice = post(client, &format!("/invoices/{draft}/finalize"), expand).ok().await;
    assert_eq!((paid.status, paid.total), (Some(InvoiceStatus::Paid), 904));
    let payments: List<InvoicePayment> =
        get(client, "/invoice_payments", json!({ "invoice": draft.as_str() })).ok().await;
    assert_eq!(payments.data.len(), 1);
    let expanded: Subscription = get(
        client,
        &format!("/subscriptions/{}", subscription.id),
        json!({ "expand": ["latest_invoice.payments", "default_payment_method", "customer"] }),
    )
    .ok()
    .await;
    assert!(expanded.latest_invoice.unwrap().as_object().is_some());
    let methods = json!({ "type": "card" });
    let _: List<PaymentMethod> =
        get(client, &format!("/customers/{}/payment_methods", customer.id), methods).ok().await;
    let portal = json!({ "customer": customer.id.as_str(), "return_url": "https://app.example" });
    let _: BillingPortalSession = post(client, "/billing_portal/sessions", portal).ok().await;
    let _: Subscription =
        delete(client, &format!("/subscriptions/{}", subscription.id), json!({ "prorate": true })).ok().await;
    let _: Customer =
        get(client, &format!("/customers/{}", customer.id), json!({ "expand": ["subscriptions"] }))
            .ok()
            .await;
}

#[tokio::test]
async fn a_top_up_its_refunds_and_its_dispute_can_be_read() {
    let shop = Shop::open().await;
    let client = &shop.client;
    let buyer = customer(client).await;
    let form = json!({
        "mode": "payment",
        "customer": buyer.id.as_str(),
        "success_url": "https://app.example/done",
        "line_items": [{ "price": shop.pack.id.as_str(), "quantity": 2 }],
        "payment_intent_data": { "metadata": { "octroi": "top-up" } },
        "invoice_creation": { "enabled": true },
        "expand": ["line_items"],
    });
    let session: CheckoutSession = post(client, "/checkout/sessions", form).ok().await;
    let id = session.id.as_str();
    shop.sim.complete(id, &Completion::default()).unwrap();
    let expand = json!({ "expand": ["line_items", "payment_intent.latest_charge", "customer", "invoice"] });
    let session: CheckoutSession = get(client, &format!("/checkout/sessions/{id}"), expand).ok().await;
    assert_eq!(session.payment_status, CheckoutSessionPaymentStatus::Paid);
    let _: List<CheckoutSessionItem> =
        get(client, &format!("/checkout/sessions/{id}/line_items"), json!({})).ok().await;
    let intent = session.payment_intent.unwrap();
    let intent: PaymentIntent =
        get(client, &format!("/payment_intents/{}", intent.id()), json!({})).ok().await;
    let charge = intent.latest_charge.unwrap().id().to_string();
    let refund = json!({ "charge": charge, "amount": 300, "reason": "requested_by_customer" });
    let _: Refund = post(client, "/refunds", refund).ok().await;
    let _: List<Refund> = get(client, "/refunds", json!({ "charge": charge })).ok().await;
    let charge: Charge =
        get(client, &format!("/charges/{charge}"), json!({ "expand": ["refunds"] })).ok().await;
    assert_eq!((charge.amount, charge.amount_refunded), (1_000, 300));
    let dispute = shop.sim.dispute(charge.id.as_str(), None).unwrap();
    let _: Dispute = get(client, &format!("/disputes/{dispute}"), json!({ "expand": ["charge"] })).ok().await;
    shop.sim.close_dispute(&dispute, false).unwrap();
    let _: List<Dispute> = get(client, "/disputes", json!({ "charge": charge.id.as_str() })).ok().await;
}

#[tokio::test]
async fn an_invoice_of_one_s_own_can_be_read() {
    let shop = Shop::open().await;
    let client = &shop.client;
    let buyer = customer(client).await;
    let id = buyer.id.as_str();
    let invoice: Invoice =
        post(client, "/invoices", json!({ "customer": id, "auto_advance": false, "currency": "usd" }))
            .ok()
            .await;
    let invoice = invoice.id.unwrap();
    let item =
        json!({ "customer": id, "invoice": invoice.as_str(), "pricing": { "price": shop.pack.id.as_str() } });
    let _: InvoiceItem = post(client, "/invoiceitems", item).ok().await;
    let _: List<InvoiceItem> = get(client, "/invoiceitems", json!({ "customer": id })).ok().await;
    let open: Invoice = post(client, &format!("/invoices/{invoice}/finalize"), json!({})).ok().await;
    assert_eq!((open.status, open.total), (Some(InvoiceStatus::Open), 500));
    shop.sim.set_payment_method(id, Behaviour::Declines).unwrap();
    let (status, code, _) = post(client, &format!("/invoices/{invoice}/pay"), json!({})).refusal().await;
    assert_eq!((status, code.as_str()), (402, "card_declined"));
    shop.sim.set_payment_method(id, Behaviour::Pays).unwrap();
    let paid: Invoice =
        post(client, &format!("/invoices/{invoice}/pay"), json!({ "off_session": true })).ok().await;
    assert_eq!(paid.status, Some(InvoiceStatus::Paid));
}

#[tokio::test]
async fn every_event_can_be_read_from_the_list_and_as_a_webhook() {
    let shop = Shop::open().await;
    let (customer, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
    shop.usage(&customer, "u-1", 1_500, JANUARY_31).ok::<BillingMeterEvent>().await;
    shop.sim.set_payment_method(customer.id.as_str(), Behaviour::Declines).unwrap();
    let without = json!({ "default_payment_method": "" });
    let _: Subscription =
        post(&shop.client, &format!("/subscriptions/{}", subscription.id), without).ok().await;
    let mut events: BTreeMap<String, Event> = BTreeMap::new();
    // Twice, because Stripe forgets its events after 30 days.
    for days in [29, 20] {
        shop.sim.advance(Advance { seconds: Some(days * DAY + HOUR), ..Advance::default() }).await.unwrap();
        let listed: List<Event> = get(&shop.client, "/events", json!({ "limit": 100 })).ok().await;
        events.extend(listed.data.into_iter().map(|event| (event.id.to_string(), event)));
    }
    let kinds: BTreeSet<String> = events.values().map(|event| event.type_.to_string()).collect();
    for kind in ["invoice.payment_failed", "customer.subscription.deleted", "charge.failed", "invoice.paid"] {
        assert!(kinds.contains(kind), "{kind} is not among {kinds:?}");
    }
    for event in events.values() {
        let (signature, body) = shop.sim.signed(event.id.as_str()).unwrap();
        assert!(!signature.is_empty());
        stripe_webhook::Webhook::insecure(&body)
            .unwrap_or_else(|error| unreachable!("{}: {error}\n{body}", event.type_));
    }
}
