//! An invoice as Stripe answers it.

use serde_json::{Value, json};

use super::{Invoice, Status};
use crate::stripe::list::{joined, list};
use crate::stripe::world::{Resource, World};

/// Lines that an invoice shows itself; the rest is behind its `lines` URL.
const SHOWN_LINES: usize = 10;

pub(super) fn invoice(invoice: &Invoice, world: &World) -> Value {
    if invoice.deleted {
        return json!({ "id": invoice.id, "object": "invoice", "deleted": true });
    }
    joined(head(invoice, world), rest(invoice, world))
}

fn head(invoice: &Invoice, world: &World) -> Value {
    let customer = world.customers.get(&invoice.customer);
    let email = customer.and_then(|customer| customer.email.clone());
    let name = customer.and_then(|customer| customer.name.clone());
    json!({
        "id": invoice.id,
        "object": "invoice",
        "account_country": "US",
        "account_name": "Octroi stand-in",
        "account_tax_ids": null,
        "amount_due": invoice.amount_due(),
        "amount_overpaid": 0,
        "amount_paid": invoice.amount_paid,
        "amount_paid_off_stripe": if invoice.paid_off_stripe { invoice.amount_paid } else { 0 },
        "amount_remaining": invoice.remaining(),
        "amount_shipping": 0,
        "application": null,
        "attempt_count": invoice.attempt_count,
        "attempted": invoice.attempt_count > 0,
        "auto_advance": invoice.auto_advance,
        "automatic_tax": { "disabled_reason": null, "enabled": invoice.automatic_tax, "liability": null,
            "provider": invoice.automatic_tax.then_some("stripe"),
            "status": invoice.automatic_tax.then_some("complete") },
        "automatically_finalizes_at": invoice.finalizes_at,
        "billing_reason": invoice.reason.name(),
        "collection_method": if invoice.send_invoice { "send_invoice" } else { "charge_automatically" },
        "created": invoice.created,
        "currency": invoice.currency,
        "custom_fields": null,
        "customer": invoice.customer,
        "customer_account": null,
        "customer_address": null,
        "customer_email": email,
        "customer_name": name,
        "customer_phone": null,
        "customer_shipping": null,
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_payment_method": invoice.default_payment_method,
        "default_source": null,
        "default_tax_rates": [],
        "description": invoice.description,
        "discounts": [],
    })
}

fn rest(invoice: &Invoice, world: &World) -> Value {
    let is_final = invoice.status != Status::Draft;
    let hosted = is_final.then(|| format!("{}/invoices/{}", world.base_url, invoice.id));
    let customer = world.customers.get(&invoice.customer);
    let amounts = invoice.amounts();
    let (total, untaxed) = (amounts.total(), amounts.subtotal - amounts.discount);
    json!({
        "due_date": invoice.due_date,
        "effective_at": invoice.finalized_at,
        "ending_balance": is_final.then_some(customer.map_or(0, |customer| customer.balance)),
        "footer": null,
        "from_invoice": null,
        "hosted_invoice_url": hosted,
        "invoice_pdf": hosted.map(|url| format!("{url}/pdf")),
        "issuer": { "type": "self" },
        "last_finalization_error": null,
        "latest_revision": null,
        "lines": lines(invoice, world),
        "livemode": false,
        "metadata": invoice.metadata,
        "next_payment_attempt": invoice.next_attempt,
        "number": invoice.number,
        "on_behalf_of": null,
        "parent": parent(invoice),
        "payment_settings": { "default_mandate": null, "payment_method_options": null,
            "payment_method_types": null },
        "period_end": invoice.period.1,
        "period_start": invoice.period.0,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "receipt_number": null,
        "rendering": null,
        "shipping_cost": null,
        "shipping_details": null,
        "starting_balance": -invoice.credit_used,
        "statement_descriptor": null,
        "status": invoice.status.name(),
        "status_transitions": {
            "finalized_at": invoice.finalized_at,
            "marked_uncollectible_at": invoice.uncollectible_at,
            "paid_at": invoice.paid_at,
            "voided_at": invoice.voided_at,
        },
        "subtotal": amounts.subtotal,
        "subtotal_excluding_tax": amounts.subtotal,
        "test_clock": null,
        "total": total,
        "total_discount_amounts": discounts(amounts.discount),
        "total_excluding_tax": untaxed,
        "total_pretax_credit_amounts": [],
        "total_taxes": taxes(amounts.tax, untaxed),
        "webhooks_delivered_at": invoice.webhooks_delivered_at,
    })
}

fn discounts(amount: i64) -> Vec<Value> {
    let discount = (amount != 0).then(|| json!({ "amount": amount, "discount": "di_standin" }));
    discount.into_iter().collect()
}

fn taxes(amount: i64, taxable: i64) -> Vec<Value> {
    let tax = (amount != 0).then(|| {
        json!({ "amount": amount, "tax_behavior": "exclusive", "tax_rate_details": null,
            "taxability_reason": "standard_rated", "taxable_amount": taxable, "type": "tax_rate_details" })
    });
    tax.into_iter().collect()
}

/// The first page of the lines.
fn lines(invoice: &Invoice, world: &World) -> Value {
    let shown = invoice.lines.iter().take(SHOWN_LINES);
    let data =
        shown.map(|line| line.render(world, &invoice.id, invoice.subscription.as_deref(), &invoice.currency));
    let mut lines = list(
        &format!("/v1/invoices/{}/lines", invoice.id),
        data.collect(),
        invoice.lines.len() > SHOWN_LINES,
    );
    lines["total_count"] = json!(invoice.lines.len());
    lines
}

/// Since 2025-03-31.basil the subscription is here and nowhere else.
fn parent(invoice: &Invoice) -> Value {
    let Some(subscription) = &invoice.subscription else { return Value::Null };
    json!({
        "quote_details": null,
        "subscription_details": { "metadata": invoice.subscription_metadata, "subscription": subscription },
        "type": "subscription_details",
    })
}

impl Invoice {
    /// Its payments, which are only shown when they are expanded.
    pub fn render_payments(&self, world: &World) -> Value {
        let of_this = world.invoice_payments.iter().filter(|payment| payment.invoice == self.id);
        let data = of_this.map(|payment| payment.render(world)).collect();
        list(&format!("/v1/invoice_payments?invoice={}", self.id), data, false)
    }
}
