//! Invoice payments: which payment intent pays which invoice. Since 2025-03-31.basil this is the only way back from
//! a payment to its invoice.

use serde_json::{Value, json};

use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::list;
use crate::stripe::params::Params;
use crate::stripe::world::{Resource, World, fresh_id};

/// An invoice payment.
#[derive(Clone, Debug)]
pub struct InvoicePayment {
    pub id: String,
    pub created: i64,
    pub invoice: String,
    pub payment_intent: String,
    pub amount: i64,
    pub currency: String,
    pub paid_at: Option<i64>,
    pub canceled_at: Option<i64>,
}

impl InvoicePayment {
    const fn status(&self) -> &'static str {
        match (self.paid_at, self.canceled_at) {
            (Some(_), _) => "paid",
            (None, Some(_)) => "canceled",
            (None, None) => "open",
        }
    }

    /// Says that `intent` is to pay the invoice.
    pub fn open(world: &mut World, invoice: &str, intent: &str, amount: i64, currency: &str) {
        let payment = Self {
            id: fresh_id(Self::PREFIX),
            created: world.now,
            invoice: invoice.to_owned(),
            payment_intent: intent.to_owned(),
            amount,
            currency: currency.to_owned(),
            paid_at: None,
            canceled_at: None,
        };
        world.invoice_payments.insert(payment.id.clone(), payment);
    }

    /// The invoice is paid.
    pub fn settle(world: &mut World, invoice: &str) {
        let now = world.now;
        if let Some(id) = Self::open_one(world, invoice) {
            world.change::<Self>(&id, |payment| payment.paid_at = Some(now));
            world.emit::<Self>("invoice_payment.paid", &id);
        }
    }

    /// The invoice is void.
    pub fn cancel(world: &mut World, invoice: &str) {
        let now = world.now;
        if let Some(id) = Self::open_one(world, invoice) {
            world.change::<Self>(&id, |payment| payment.canceled_at = Some(now));
        }
    }

    fn open_one(world: &World, invoice: &str) -> Option<String> {
        let open = |payment: &&Self| payment.invoice == invoice && payment.status() == "open";
        world.invoice_payments.iter().rev().find(open).map(|payment| payment.id.clone())
    }
}

impl Resource for InvoicePayment {
    const PREFIX: &'static str = "inpay_";
    const KIND: &'static str = "invoice_payment";

    fn render(&self, _world: &World) -> Value {
        json!({
            "id": self.id,
            "object": "invoice_payment",
            "amount_paid": self.paid_at.map(|_| self.amount),
            "amount_requested": self.amount,
            "created": self.created,
            "currency": self.currency,
            "invoice": self.invoice,
            "is_default": true,
            "livemode": false,
            "payment": { "payment_intent": self.payment_intent, "type": "payment_intent" },
            "status": self.status(),
            "status_transitions": { "canceled_at": self.canceled_at, "paid_at": self.paid_at },
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("GET", []) => Endpoint::all("invoicePayments.list", list),
        ("GET", [id]) => Endpoint::one("invoicePayments.retrieve", id, retrieve::<InvoicePayment>),
        _ => return None,
    })
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let invoice = params.text("invoice")?;
    let status = params.one_of("status", &["canceled", "open", "paid"])?;
    let mut payment = params.object("payment")?.unwrap_or_default();
    let intent = payment.text("payment_intent")?;
    payment.one_of("type", &["payment_intent"])?;
    payment.finish()?;
    let wanted = |payment: &InvoicePayment| {
        invoice.as_ref().is_none_or(|invoice| payment.invoice == *invoice)
            && intent.as_ref().is_none_or(|intent| payment.payment_intent == *intent)
            && status.is_none_or(|status| payment.status() == status)
    };
    list::page(world, params, "/v1/invoice_payments", wanted)
}
