//! What a checkout page does beside taking the money: which combinations Stripe allows, and what they come to.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod stripe_support;

use octroi_sim::stripe::{Completion, Settings};
use serde_json::{Value, json};
use stripe_shared::{CheckoutSession, Customer, Invoice, Subscription};
use stripe_support::{Shop, customer, get, post};

/// A page for what `prices` says, with whatever `more` asks for.
fn page(customer: Option<&Customer>, mode: &str, price: &str, more: Value) -> Value {
    let mut form = json!({
        "mode": mode, "success_url": "https://app.example/done", "line_items": [{ "price": price, "quantity": 1 }],
    });
    let members = form.as_object_mut().unwrap();
    if let Some(customer) = customer {
        members.insert("customer".to_owned(), json!(customer.id.as_str()));
    }
    members.extend(more.as_object().unwrap().clone());
    form
}

#[tokio::test]
async fn combinations_that_stripe_refuses_are_refused_in_its_words() {
    let shop = Shop::open().await;
    let customer = customer(&shop.client).await;
    let refused = async |of: Option<&Customer>, mode: &str, more: Value| {
        let price = if mode == "payment" { &shop.pack } else { &shop.monthly };
        post(&shop.client, "/checkout/sessions", page(of, mode, price.id.as_str(), more)).refusal().await
    };
    let taxes = json!({ "automatic_tax": { "enabled": true }, "customer_update": { "address": "auto" } });
    let (status, _, message) = refused(Some(&customer), "subscription", taxes).await;
    assert_eq!(status, 400, "taxes are not set up");
    assert!(message.contains("valid head office address"), "{message}");

    shop.sim.set(Settings { tax_basis_points: Some(1_900), ..shop.sim.settings() });
    let taxes = json!({ "automatic_tax": { "enabled": true } });
    let (_, code, message) = refused(Some(&customer), "subscription", taxes).await;
    assert_eq!(code, "customer_tax_location_invalid");
    assert!(
        message.contains("`customer_update[address]`") || message.contains("customer_update[address]"),
        "{message}"
    );

    let ids = json!({ "tax_id_collection": { "enabled": true }, "customer_update": { "address": "auto" } });
    let (_, _, message) = refused(Some(&customer), "payment", ids).await;
    assert!(message.starts_with("Tax ID collection requires updating business name"), "{message}");

    let update = json!({ "customer_update": { "name": "auto" } });
    let (_, _, message) = refused(None, "payment", update).await;
    assert_eq!(message, "`customer_update` can only be used with `customer`.");

    let terms = json!({ "consent_collection": { "terms_of_service": "required" } });
    let (_, _, message) = refused(Some(&customer), "payment", terms).await;
    assert!(message.starts_with("You cannot collect consent to your terms of service"), "{message}");

    let invoice = json!({ "invoice_creation": { "enabled": true } });
    let (_, _, message) = refused(Some(&customer), "subscription", invoice).await;
    assert!(message.contains("only enable invoice creation when `mode` is set to `payment`"), "{message}");

    let (_, _, message) = refused(Some(&customer), "payment", json!({ "locale": "tlh" })).await;
    assert!(message.starts_with("Invalid locale: must be one of auto, bg"), "{message}");
    let (_, _, message) =
        refused(Some(&customer), "payment", json!({ "billing_address_collection": "never" })).await;
    assert!(message.starts_with("Invalid billing_address_collection"), "{message}");
}

#[tokio::test]
async fn taxes_and_a_code_are_in_the_session_the_payment_and_the_invoice() {
    let shop = Shop::open().await;
    shop.sim.set(Settings { tax_basis_points: Some(1_900), has_terms_url: true, ..shop.sim.settings() });
    let customer = customer(&shop.client).await;
    let form = page(
        Some(&customer),
        "payment",
        shop.pack.id.as_str(),
        json!({
            "automatic_tax": { "enabled": true }, "tax_id_collection": { "enabled": true },
            "customer_update": { "address": "auto", "name": "auto" }, "allow_promotion_codes": true,
            "billing_address_collection": "required", "locale": "fr",
            "consent_collection": { "terms_of_service": "required" },
            "invoice_creation": { "enabled": true, "invoice_data": { "metadata": { "for": "request 1" } } },
        }),
    );
    let session: CheckoutSession = post(&shop.client, "/checkout/sessions", form).ok().await;
    let id = session.id.as_str();
    let declined = Completion { refuses_terms: true, ..Completion::default() };
    assert!(shop.sim.complete(id, &declined).is_err(), "nobody pays without accepting the terms");
    let entered = Completion {
        country: Some("DE".to_owned()),
        percent_off: 20,
        tax_id: Some("eu_vat:DE123456789".to_owned()),
        ..Completion::default()
    };
    let paid = shop.sim.complete(id, &entered).unwrap();
    assert_eq!(
        (&paid["amount_subtotal"], &paid["amount_total"]),
        (&json!(500), &json!(476)),
        "(500 - 100) · 1.19"
    );
    assert_eq!(
        paid["total_details"],
        json!({ "amount_discount": 100, "amount_shipping": 0, "amount_tax": 76 })
    );
    assert_eq!(paid["consent"]["terms_of_service"], json!("accepted"));
    let invoice: Invoice =
        get(&shop.client, &format!("/invoices/{}", paid["invoice"].as_str().unwrap()), json!({})).ok().await;
    assert_eq!((invoice.subtotal, invoice.total, invoice.amount_paid), (500, 476, 476));
    assert_eq!(invoice.total_taxes.unwrap().iter().map(|tax| tax.amount).sum::<i64>(), 76);
    assert_eq!(invoice.metadata.unwrap().get("for").map(String::as_str), Some("request 1"));
    assert!(invoice.number.is_some() && invoice.invoice_pdf.is_some());
    let books = shop.sim.books();
    assert_eq!(books.customers[0].charged, 476);
    let known: Customer =
        get(&shop.client, &format!("/customers/{}", customer.id.as_str()), json!({})).ok().await;
    assert_eq!(known.address.and_then(|address| address.country).as_deref(), Some("DE"));
}

#[tokio::test]
async fn a_subscription_bought_with_taxes_is_taxed_in_every_cycle_and_the_code_counts_once() {
    let shop = Shop::open().await;
    shop.sim.set(Settings { tax_basis_points: Some(2_000), ..shop.sim.settings() });
    let customer = customer(&shop.client).await;
    let more = json!({
        "automatic_tax": { "enabled": true }, "customer_update": { "address": "auto" }, "allow_promotion_codes": true,
    });
    let form = page(Some(&customer), "subscription", shop.monthly.id.as_str(), more);
    let session: CheckoutSession = post(&shop.client, "/checkout/sessions", form).ok().await;
    let entered = Completion { percent_off: 50, ..Completion::default() };
    shop.sim.complete(session.id.as_str(), &entered).unwrap();
    assert_eq!(shop.sim.books().customers[0].charged, 540);
    shop.go_to(stripe_support::JANUARY_31 + 31 * stripe_support::DAY).await;
    assert_eq!(shop.sim.books().customers[0].charged, 540 + 1_080);
}

#[tokio::test]
async fn a_preview_says_what_the_change_then_costs_and_changes_nothing() {
    let shop = Shop::open().await;
    let (_, subscription) = shop.subscriber(&[&shop.monthly, &shop.overage]).await;
    shop.go_to(stripe_support::JANUARY_31 + 10 * stripe_support::DAY).await;
    let at = shop.sim.clock().now;
    let item = subscription.items.data[0].id.as_str();
    let items = json!([{ "id": item, "price": shop.premium.id.as_str() }]);
    let details = json!({ "items": items, "proration_behavior": "always_invoice", "proration_date": at });
    let form = json!({ "subscription": subscription.id.as_str(), "subscription_details": details });
    let before = shop.sim.books();
    let preview: Invoice = post(&shop.client, "/invoices/create_preview", form.clone()).ok().await;
    assert!(preview.amount_due > 0 && preview.lines.data.len() == 2, "{preview:?}");
    let after = shop.sim.books();
    assert_eq!(
        (before.invoices.len(), before.customers[0].charged),
        (after.invoices.len(), after.customers[0].charged)
    );

    shop.go_to(at + 600).await;
    let change = json!({ "items": items, "proration_behavior": "always_invoice", "proration_date": at });
    let _: Subscription =
        post(&shop.client, &format!("/subscriptions/{}", subscription.id.as_str()), change).ok().await;
    assert_eq!(
        shop.sim.books().customers[0].charged,
        900 + preview.amount_due,
        "ten minutes later it costs the same"
    );

    let outside = json!({ "items": items, "proration_behavior": "always_invoice", "proration_date": 1 });
    let form = json!({ "subscription": subscription.id.as_str(), "subscription_details": outside });
    let (status, _, message) = post(&shop.client, "/invoices/create_preview", form).refusal().await;
    assert_eq!(
        (status, message.contains("outside of current subscription period")),
        (400, true),
        "{message}"
    );
}
