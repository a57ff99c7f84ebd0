//! Payment intents: an amount that is to be collected, for an invoice or a checkout session.

use serde_json::{Value, json};

use crate::stripe::api::payment_methods::PaymentMethod;
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// How far a payment has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IntentStatus {
    RequiresPaymentMethod,
    RequiresAction,
    Processing,
    Succeeded,
    Canceled,
}

impl IntentStatus {
    const fn name(self) -> &'static str {
        match self {
            Self::RequiresPaymentMethod => "requires_payment_method",
            Self::RequiresAction => "requires_action",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

/// A payment intent.
#[derive(Clone, Debug)]
pub struct PaymentIntent {
    pub id: String,
    pub created: i64,
    pub amount: i64,
    pub currency: String,
    pub customer: Option<String>,
    pub status: IntentStatus,
    pub payment_method: Option<String>,
    pub latest_charge: Option<String>,
    /// The invoice it pays. Stripe no longer shows it here: invoice payments lead back.
    pub invoice: Option<String>,
    pub decline_code: Option<&'static str>,
    pub canceled_at: Option<i64>,
    pub metadata: Metadata,
    pub description: Option<String>,
}

/// What a new payment intent is for.
#[derive(Clone, Debug, Default)]
pub struct Needed {
    pub amount: i64,
    pub currency: String,
    pub customer: Option<String>,
    pub invoice: Option<String>,
    pub metadata: Metadata,
    pub description: Option<String>,
}

/// Opens a payment intent, and returns its id.
pub fn open(world: &mut World, needed: Needed) -> String {
    let Needed { amount, currency, customer, invoice, metadata, description } = needed;
    let intent = PaymentIntent {
        id: fresh_id(PaymentIntent::PREFIX),
        created: world.now,
        amount,
        currency,
        customer,
        status: IntentStatus::RequiresPaymentMethod,
        payment_method: None,
        latest_charge: None,
        invoice,
        decline_code: None,
        canceled_at: None,
        metadata,
        description,
    };
    let id = intent.id.clone();
    world.add(intent, "payment_intent.created");
    id
}

impl PaymentIntent {
    fn last_payment_error(&self, world: &World) -> Value {
        let Some(decline_code) = self.decline_code else { return Value::Null };
        let mut error = ApiError::declined(decline_code, None).body("")["error"].take();
        if let Some(members) = error.as_object_mut() {
            members.remove("request_log_url");
            if let Some(charge) = &self.latest_charge {
                members.insert("charge".to_owned(), json!(charge));
            }
            if let Some(method) = self.payment_method.as_deref().and_then(|id| world.payment_methods.get(id))
            {
                members.insert("payment_method".to_owned(), method.render(world));
            }
        }
        error
    }
}

impl Resource for PaymentIntent {
    const PREFIX: &'static str = "pi_";
    const KIND: &'static str = "payment_intent";

    fn render(&self, world: &World) -> Value {
        let method = self.payment_method.as_deref().and_then(|id| world.payment_methods.get(id));
        let received = if self.status == IntentStatus::Succeeded { self.amount } else { 0 };
        json!({
            "id": self.id,
            "object": "payment_intent",
            "amount": self.amount,
            "amount_capturable": 0,
            "amount_details": { "tip": {} },
            "amount_received": received,
            "application": null,
            "application_fee_amount": null,
            "automatic_payment_methods": null,
            "canceled_at": self.canceled_at,
            "cancellation_reason": self.canceled_at.map(|_| "void_invoice"),
            "capture_method": "automatic",
            "client_secret": format!("{}_secret_{}", self.id, self.id[3..].chars().rev().collect::<String>()),
            "confirmation_method": "automatic",
            "created": self.created,
            "currency": self.currency,
            "customer": self.customer,
            "description": self.description,
            "last_payment_error": self.last_payment_error(world),
            "latest_charge": self.latest_charge,
            "livemode": false,
            "metadata": self.metadata,
            "next_action": null,
            "on_behalf_of": null,
            "payment_method": self.payment_method,
            "payment_method_options": {},
            "payment_method_types": [method.map_or("card", PaymentMethod::kind)],
            "processing": null,
            "receipt_email": null,
            "review": null,
            "setup_future_usage": self.invoice.as_ref().map(|_| "off_session"),
            "shipping": null,
            "source": null,
            "statement_descriptor": null,
            "statement_descriptor_suffix": null,
            "status": self.status.name(),
            "transfer_data": null,
            "transfer_group": null,
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("GET", []) => Endpoint::all("paymentIntents.list", list),
        ("GET", [id]) => Endpoint::one("paymentIntents.retrieve", id, retrieve::<PaymentIntent>),
        _ => return None,
    })
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let wanted = |intent: &PaymentIntent| customer.is_none() || intent.customer == customer;
    list::page(world, params, "/v1/payment_intents", wanted)
}
