//! A checkout session as Stripe answers it.

use serde_json::{Value, json};

use super::{Amounts, Mode, PaymentStatus, Session, Status};
use crate::stripe::list::{joined, list};
use crate::stripe::world::{Resource, World};

pub(super) fn session(session: &Session, world: &World) -> Value {
    let mut object = joined(head(session, world), rest(session, world));
    if session.creates_invoice {
        let data = json!({ "account_tax_ids": null, "custom_fields": null, "description": null, "footer": null,
            "issuer": null, "metadata": session.invoice_metadata, "rendering_options": null });
        object["invoice_creation"] = json!({ "enabled": true, "invoice_data": data });
    }
    object
}

/// What the page knows of who pays.
fn customer_details(session: &Session, world: &World) -> Value {
    let customer = session.customer.as_deref().and_then(|id| world.customers.get(id));
    let email =
        session.customer_email.clone().or_else(|| customer.and_then(|customer| customer.email.clone()));
    if email.is_none() && session.status != Status::Complete {
        return Value::Null;
    }
    let address = json!({ "city": null, "country": "US", "line1": null, "line2": null, "postal_code": null, "state": null });
    json!({ "address": address, "business_name": null, "email": email, "individual_name": null, "name": null,
        "phone": null, "tax_exempt": "none", "tax_ids": [] })
}

fn head(session: &Session, world: &World) -> Value {
    let asks = &session.asks;
    let (amounts, is_complete) = (session.amounts(), session.status == Status::Complete);
    let tax_status =
        asks.automatic_tax.then_some(if is_complete { "complete" } else { "requires_location_inputs" });
    let consents = |terms: &str| {
        json!({ "payment_method_reuse_agreement": null, "promotions": "none",
        "terms_of_service": terms })
    };
    json!({
        "id": session.id,
        "object": "checkout.session",
        "adaptive_pricing": { "enabled": false },
        "after_expiration": null,
        "allow_promotion_codes": asks.promotion_codes.then_some(true),
        "amount_subtotal": amounts.subtotal,
        "amount_total": amounts.total(),
        "automatic_tax": { "enabled": asks.automatic_tax, "liability": null,
            "provider": asks.automatic_tax.then_some("stripe"), "status": tax_status },
        "billing_address_collection": asks.requires_address.then_some("required"),
        "cancel_url": session.cancel_url,
        "client_reference_id": session.client_reference_id,
        "client_secret": null,
        "collected_information": null,
        "consent": session.accepted_terms
            .then(|| json!({ "promotions": null, "terms_of_service": "accepted" })),
        "consent_collection": asks.requires_terms.then(|| consents("required")),
        "created": session.created,
        "currency": session.currency,
        "currency_conversion": null,
        "custom_fields": [],
        "custom_text": { "after_submit": null, "shipping_address": null, "submit": null,
            "terms_of_service_acceptance": null },
        "customer": session.customer,
        "customer_account": null,
        "customer_creation": match session.mode {
            Mode::Payment if session.creates_customer => Some("always"),
            Mode::Payment => Some("if_required"),
            Mode::Subscription => None,
        },
        "customer_details": customer_details(session, world),
        "customer_email": session.customer_email,
        "discounts": [],
        "expires_at": session.expires_at,
        "invoice": session.invoice,
        "livemode": false,
    })
}

fn rest(session: &Session, world: &World) -> Value {
    let payment_status = match session.payment_status {
        PaymentStatus::Unpaid => "unpaid",
        PaymentStatus::Paid => "paid",
        PaymentStatus::NoPaymentRequired => "no_payment_required",
    };
    let url = (session.status == Status::Open).then(|| format!("{}/pay/{}", world.base_url, session.id));
    json!({
        "locale": session.asks.locale,
        "metadata": session.metadata,
        "mode": if session.mode == Mode::Payment { "payment" } else { "subscription" },
        "origin_context": null,
        "payment_intent": session.payment_intent,
        "payment_link": null,
        "payment_method_collection": if session.mode == Mode::Payment { "if_required" } else { "always" },
        "payment_method_configuration_details": null,
        "payment_method_options": { "card": { "request_three_d_secure": "automatic" } },
        "payment_method_types": ["card", "sepa_debit"],
        "payment_status": payment_status,
        "permissions": null,
        "phone_number_collection": { "enabled": false },
        "recovered_from": null,
        "saved_payment_method_options": null,
        "setup_intent": null,
        "shipping_address_collection": null,
        "shipping_cost": null,
        "shipping_options": [],
        "status": session.status.name(),
        "submit_type": null,
        "subscription": session.subscription,
        "success_url": session.success_url,
        "tax_id_collection": { "enabled": session.asks.tax_ids, "required": "never" },
        "total_details": { "amount_discount": session.amounts().discount, "amount_shipping": 0,
            "amount_tax": session.amounts().tax },
        "ui_mode": "hosted_page",
        "url": url,
        "wallet_options": null,
    })
}

impl Session {
    /// What is bought, which is only shown when it is expanded or listed.
    pub fn render_line_items(&self, world: &World) -> Value {
        let items = self.bought.iter().map(|bought| {
            let price = world.prices.get(&bought.price);
            let amount = price
                .filter(|price| price.meter().is_none())
                .map_or(0, |price| price.amount(bought.quantity));
            let amounts = Amounts::of(amount, self.percent_off, self.tax_basis_points);
            let metered = price.is_some_and(|price| price.meter().is_some());
            let product = price.and_then(|price| world.products.get(&price.product));
            json!({
                "id": bought.id,
                "object": "item",
                "adjustable_quantity": null,
                "amount_discount": amounts.discount,
                "amount_subtotal": amounts.subtotal,
                "amount_tax": amounts.tax,
                "amount_total": amounts.total(),
                "currency": self.currency,
                "description": product.map(|product| product.name.clone()),
                "metadata": bought.metadata,
                "price": price.map(|price| price.render(world)),
                "quantity": if metered { None } else { Some(bought.quantity) },
            })
        });
        list(&format!("/v1/checkout/sessions/{}/line_items", self.id), items.collect(), false)
    }
}
