//! Payment methods. There is no number on them: what a card will do is said by which test method it was made of.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::stripe::api::customers::Customer;
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// What happens when a method is charged.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Behaviour {
    /// It pays.
    #[default]
    Pays,
    /// The issuer declines it.
    Declines,
    /// The issuer declines it for want of money.
    InsufficientFunds,
    /// The customer must confirm, and is not there.
    RequiresAction,
    /// A bank debit: days pass until it has paid or failed. A control call decides.
    Delayed,
}

/// A payment method.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct PaymentMethod {
    pub id: String,
    pub created: i64,
    pub customer: Option<String>,
    pub behaviour: Behaviour,
    pub metadata: Metadata,
    /// Taken off its customer: it pays for nothing any more, and for nobody else.
    #[serde(default)]
    pub detached: bool,
}

impl PaymentMethod {
    /// A new method, attached to nobody.
    pub fn new(now: i64, behaviour: Behaviour) -> Self {
        Self {
            id: fresh_id(Self::PREFIX),
            created: now,
            customer: None,
            behaviour,
            metadata: Metadata::new(),
            detached: false,
        }
    }

    /// `card`, or `sepa_debit` for the one that takes days.
    pub fn kind(&self) -> &'static str {
        if self.behaviour == Behaviour::Delayed { "sepa_debit" } else { "card" }
    }

    /// The details of its kind.
    pub fn details(&self) -> Value {
        if self.behaviour == Behaviour::Delayed {
            return json!({ "bank_code": "37040044", "branch_code": "", "country": "DE",
                "fingerprint": "8MZUqOu3vqeP6zfa", "generated_from": { "charge": null, "setup_attempt": null },
                "last4": "3000" });
        }
        let last4 = match self.behaviour {
            Behaviour::Declines => "0341",
            Behaviour::InsufficientFunds => "9995",
            Behaviour::RequiresAction => "3184",
            Behaviour::Pays | Behaviour::Delayed => "4242",
        };
        json!({
            "brand": "visa",
            "checks": { "address_line1_check": null, "address_postal_code_check": null, "cvc_check": "pass" },
            "country": "US",
            "display_brand": "visa",
            "exp_month": 12,
            "exp_year": 2034,
            "fingerprint": "Xt5EWLLDS7FJjR1c",
            "funding": "credit",
            "generated_from": null,
            "last4": last4,
            "networks": { "available": ["visa"], "preferred": null },
            "three_d_secure_usage": { "supported": true },
            "wallet": null,
        })
    }
}

impl Resource for PaymentMethod {
    const PREFIX: &'static str = "pm_";
    const KIND: &'static str = "PaymentMethod";

    fn render(&self, _world: &World) -> Value {
        let mut method = json!({
            "id": self.id,
            "object": "payment_method",
            "allow_redisplay": "unspecified",
            "billing_details": billing_details(),
            "created": self.created,
            "customer": self.customer,
            "livemode": false,
            "metadata": self.metadata,
            "type": self.kind(),
        });
        method[self.kind()] = self.details();
        method
    }
}

/// Nothing is known of who pays.
pub fn billing_details() -> Value {
    let address = json!({ "city": null, "country": null, "line1": null, "line2": null, "postal_code": null, "state": null });
    json!({ "address": address, "email": null, "name": null, "phone": null, "tax_id": null })
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("GET", []) => Endpoint::all("paymentMethods.list", list),
        ("GET", [id]) => Endpoint::one("paymentMethods.retrieve", id, retrieve::<PaymentMethod>),
        ("POST", [id, "attach"]) => Endpoint::one("paymentMethods.attach", id, attach),
        ("POST", [id, "detach"]) => Endpoint::one("paymentMethods.detach", id, detach),
        _ => return None,
    })
}

/// Stripe's own test methods, as far as the stand-in knows them.
const TEST_METHODS: &[(&str, Behaviour)] = &[
    ("pm_card_visa", Behaviour::Pays),
    ("pm_card_mastercard", Behaviour::Pays),
    ("pm_card_chargeCustomerFail", Behaviour::Declines),
    ("pm_card_visa_chargeDeclinedInsufficientFunds", Behaviour::InsufficientFunds),
    ("pm_card_authenticationRequired", Behaviour::RequiresAction),
    ("pm_sepaDebit", Behaviour::Delayed),
];

/// Attaches a method, or one made of Stripe's test method of that name, and returns its id.
pub fn attach_to(world: &mut World, id: &str, customer: &str) -> Result<String, ApiError> {
    let id = match TEST_METHODS.iter().find(|(name, _)| *name == id) {
        Some((_, behaviour)) => {
            let method = PaymentMethod::new(world.now, *behaviour);
            let id = method.id.clone();
            world.payment_methods.insert(id.clone(), method);
            id
        }
        None => id.to_owned(),
    };
    let method = world.find::<PaymentMethod>(&id)?;
    if method.detached {
        return Err(ApiError::impossible(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, and may not be used again.",
        ));
    }
    if method.customer.as_deref().is_some_and(|other| other != customer) {
        return Err(ApiError::impossible(
            "The payment method you provided has already been attached to a customer.",
        ));
    }
    world.change::<PaymentMethod>(&id, |method| method.customer = Some(customer.to_owned()));
    world.emit::<PaymentMethod>("payment_method.attached", &id);
    Ok(id)
}

/// A new method of a customer, which pays for everything from now on unless told otherwise.
pub fn set_default(world: &mut World, customer: &str, behaviour: Behaviour) -> Result<String, ApiError> {
    let method = PaymentMethod::new(world.now, behaviour);
    let id = method.id.clone();
    world.payment_methods.insert(id.clone(), method);
    attach_to(world, &id, customer)?;
    world.update::<Customer>(customer, "customer.updated", |customer| {
        customer.default_payment_method = Some(id.clone());
    });
    Ok(id)
}

/// Checks that a customer has that method.
pub fn attached_to(world: &World, id: &str, customer: &str, param: &str) -> Result<(), ApiError> {
    let method = world.named::<PaymentMethod>(id, param)?;
    if method.customer.as_deref() == Some(customer) {
        return Ok(());
    }
    let message = format!("The customer does not have a payment method with the ID {id}.");
    Err(ApiError::parameter("resource_missing", param, message))
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let kind = params.text("type")?;
    let wanted = |method: &PaymentMethod| {
        method.customer.is_some()
            && method.customer == customer
            && kind.as_deref().is_none_or(|kind| method.kind() == kind)
    };
    list::page(world, params, "/v1/payment_methods", wanted)
}

/// `GET /v1/customers/{id}/payment_methods`
pub fn list_of_customer(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let kind = params.text("type")?;
    let wanted = |method: &PaymentMethod| {
        method.customer.as_deref() == Some(id) && kind.as_deref().is_none_or(|kind| method.kind() == kind)
    };
    list::page(world, params, &format!("/v1/customers/{id}/payment_methods"), wanted)
}

fn attach(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let customer = params.required("customer")?;
    params.finish()?;
    super::customers::living(world, &customer, "customer")?;
    let id = attach_to(world, id, &customer)?;
    Ok(world.rendered::<PaymentMethod>(&id))
}

fn detach(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let Some(customer) = world.find::<PaymentMethod>(id)?.customer.clone() else {
        return Err(ApiError::impossible("The payment method you provided is not attached to a customer."));
    };
    world.change::<PaymentMethod>(id, |method| {
        method.customer = None;
        method.detached = true;
    });
    world.change::<Customer>(&customer, |customer| {
        customer.default_payment_method.take_if(|default| default == id);
    });
    world.emit::<PaymentMethod>("payment_method.detached", id);
    Ok(world.rendered::<PaymentMethod>(id))
}
