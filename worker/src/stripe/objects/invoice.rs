//! An invoice with all its lines and the payments made for it.

use serde::Serialize;

use super::{id_of, optional_id_of};
use crate::stripe::checkout::REQUEST;

/// An invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(missing_docs, reason = "Stripe's names, documented at https://docs.stripe.com/api/invoices/object")]
pub struct Invoice {
    pub id: Option<String>,
    pub customer: Option<String>,
    pub subscription: Option<String>,
    pub status: Option<String>,
    pub billing_reason: Option<String>,
    pub currency: String,
    pub total: i64,
    pub amount_due: i64,
    pub amount_paid: i64,
    pub created: i64,
    pub period_start: i64,
    pub period_end: i64,
    pub auto_advance: Option<bool>,
    pub attempt_count: u64,
    pub next_payment_attempt: Option<i64>,
    pub finalized_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub payment_intents: Vec<String>,
    pub lines: Vec<InvoiceLine>,
    pub number: Option<String>,
    pub subtotal: i64,
    pub tax: i64,
    pub hosted_invoice_url: Option<String>,
    pub invoice_pdf: Option<String>,
    /// The billing request that it was made for.
    pub reference: Option<String>,
}

/// One line of an invoice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[allow(
    missing_docs,
    reason = "Stripe's names, documented at https://docs.stripe.com/api/invoice-line-item/object"
)]
pub struct InvoiceLine {
    pub id: String,
    pub price: Option<String>,
    pub quantity: Option<u64>,
    pub amount: i64,
    pub is_proration: bool,
    pub subscription_item: Option<String>,
    pub period_start: i64,
    pub period_end: i64,
    pub description: Option<String>,
}

impl Invoice {
    /// The invoice with the lines that were listed for it. Payments must have been asked for with it.
    pub(in crate::stripe) fn new(
        invoice: &stripe_shared::Invoice,
        lines: &[stripe_shared::InvoiceLineItem],
    ) -> Self {
        let times = &invoice.status_transitions;
        Self {
            id: invoice.id.as_ref().map(ToString::to_string),
            customer: optional_id_of(invoice.customer.as_ref()),
            subscription: subscription_of(invoice),
            status: invoice.status.as_ref().map(ToString::to_string),
            billing_reason: invoice.billing_reason.as_ref().map(ToString::to_string),
            currency: invoice.currency.to_string(),
            total: invoice.total,
            amount_due: invoice.amount_due,
            amount_paid: invoice.amount_paid,
            created: invoice.created,
            period_start: invoice.period_start,
            period_end: invoice.period_end,
            auto_advance: invoice.auto_advance,
            attempt_count: invoice.attempt_count,
            next_payment_attempt: invoice.next_payment_attempt,
            finalized_at: times.finalized_at,
            paid_at: times.paid_at,
            payment_intents: payment_intents_of(invoice),
            lines: lines.iter().map(InvoiceLine::from).collect(),
            number: invoice.number.clone(),
            subtotal: invoice.subtotal,
            tax: invoice.total_taxes.iter().flatten().map(|tax| tax.amount).sum(),
            hosted_invoice_url: invoice.hosted_invoice_url.clone(),
            invoice_pdf: invoice.invoice_pdf.clone(),
            reference: invoice.metadata.as_ref().and_then(|metadata| metadata.get(REQUEST)).cloned(),
        }
    }
}

/// Since basil the subscription is told by the parent alone; the member of old is always empty.
fn subscription_of(invoice: &stripe_shared::Invoice) -> Option<String> {
    let details = invoice.parent.as_ref()?.subscription_details.as_ref()?;
    Some(id_of(&details.subscription))
}

fn payment_intents_of(invoice: &stripe_shared::Invoice) -> Vec<String> {
    let payments = invoice.payments.iter().flat_map(|payments| &payments.data);
    payments.filter_map(|payment| optional_id_of(payment.payment.payment_intent.as_ref())).collect()
}

impl From<&stripe_shared::InvoiceLineItem> for InvoiceLine {
    fn from(line: &stripe_shared::InvoiceLineItem) -> Self {
        let parent = line.parent.as_ref();
        let of_subscription = parent.and_then(|parent| parent.subscription_item_details.as_ref());
        let of_item = parent.and_then(|parent| parent.invoice_item_details.as_ref());
        let price = line.pricing.as_ref().and_then(|pricing| pricing.price_details.as_ref());
        Self {
            id: line.id.to_string(),
            price: price.map(|details| id_of(&details.price)),
            quantity: line.quantity,
            amount: line.amount,
            is_proration: of_subscription.is_some_and(|details| details.proration)
                || of_item.is_some_and(|details| details.proration),
            subscription_item: of_subscription.map(|details| details.subscription_item.clone()),
            period_start: line.period.start,
            period_end: line.period.end,
            description: line.description.clone(),
        }
    }
}
