//! Customers.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::tax_ids::{self, TaxId};
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// A customer.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Customer {
    pub id: String,
    pub created: i64,
    pub email: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub phone: Option<String>,
    pub metadata: Metadata,
    /// What pays by default.
    pub default_payment_method: Option<String>,
    /// In the currency's smallest unit; negative is credit, used by the next invoice.
    pub balance: i64,
    pub currency: Option<String>,
    pub delinquent: bool,
    pub deleted: bool,
    /// As it was given.
    #[serde(default)]
    pub address: Option<Value>,
    #[serde(default)]
    pub preferred_locales: Vec<String>,
    #[serde(default)]
    pub tax_ids: Vec<TaxId>,
}

impl Customer {
    /// A new customer of whom nothing is known.
    pub fn new(now: i64) -> Self {
        Self {
            id: fresh_id(Self::PREFIX),
            created: now,
            email: None,
            name: None,
            description: None,
            phone: None,
            metadata: Metadata::new(),
            default_payment_method: None,
            balance: 0,
            currency: None,
            delinquent: false,
            deleted: false,
            address: None,
            preferred_locales: Vec::new(),
            tax_ids: Vec::new(),
        }
    }
}

impl Resource for Customer {
    const PREFIX: &'static str = "cus_";
    const KIND: &'static str = "customer";

    fn render(&self, _world: &World) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "customer", "deleted": true });
        }
        json!({
            "id": self.id,
            "object": "customer",
            "address": self.address,
            "balance": self.balance,
            "created": self.created,
            "currency": self.currency,
            "customer_account": null,
            "default_source": null,
            "delinquent": self.delinquent,
            "description": self.description,
            "discount": null,
            "email": self.email,
            "invoice_prefix": self.id[4..12].to_uppercase(),
            "invoice_settings": {
                "custom_fields": null,
                "default_payment_method": self.default_payment_method,
                "footer": null,
                "rendering_options": null,
            },
            "livemode": false,
            "metadata": self.metadata,
            "name": self.name,
            "next_invoice_sequence": 1,
            "phone": self.phone,
            "preferred_locales": self.preferred_locales,
            "shipping": null,
            "tax_exempt": "none",
            "test_clock": null,
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("customers.create", create),
        ("GET", []) => Endpoint::all("customers.list", list),
        ("GET", [id]) => Endpoint::one("customers.retrieve", id, retrieve::<Customer>),
        ("POST", [id]) => Endpoint::one("customers.update", id, update),
        ("DELETE", [id]) => Endpoint::one("customers.delete", id, delete),
        ("POST", [id, "tax_ids"]) => Endpoint::one("customers.createTaxId", id, tax_ids::create),
        ("GET", [id, "tax_ids"]) => Endpoint::one("customers.listTaxIds", id, tax_ids::of_customer),
        ("DELETE", [_, "tax_ids", id]) => Endpoint::one("customers.deleteTaxId", id, tax_ids::delete),
        ("GET", [id, "payment_methods"]) => {
            Endpoint::one("customers.listPaymentMethods", id, super::payment_methods::list_of_customer)
        }
        _ => return None,
    })
}

/// The customer of that id, deleted ones refused: nothing can be bought for them.
pub fn living<'w>(world: &'w World, id: &str, param: &str) -> Result<&'w Customer, ApiError> {
    let customer = world.named::<Customer>(id, param)?;
    if customer.deleted { Err(ApiError::no_such(Customer::KIND, id, Some(param))) } else { Ok(customer) }
}

/// Takes the parameters that creation and update share.
fn fill(world: &World, customer: &mut Customer, params: &mut Params) -> Result<(), ApiError> {
    let fields = [
        ("email", &mut customer.email),
        ("name", &mut customer.name),
        ("description", &mut customer.description),
        ("phone", &mut customer.phone),
    ];
    for (name, field) in fields {
        if let Some(given) = params.clearable(name)? {
            *field = given;
        }
    }
    if params.clears("address") {
        customer.address = None;
    }
    if let Some(mut address) = params.object("address")? {
        let known = ["city", "country", "line1", "line2", "postal_code", "state"];
        let given = known.map(|name| Ok((name.to_owned(), address.text(name)?.into())));
        customer.address = Some(Value::Object(given.into_iter().collect::<Result<_, ApiError>>()?));
        address.finish()?;
    }
    if params.clears("preferred_locales") {
        params.ignore(&["preferred_locales"]);
        customer.preferred_locales.clear();
    } else if params.has("preferred_locales") {
        customer.preferred_locales = params.texts("preferred_locales")?;
    }
    params.metadata(&mut customer.metadata)?;
    if let Some(balance) = params.integer("balance")? {
        customer.balance = balance;
    }
    if let Some(mut settings) = params.object("invoice_settings")? {
        if let Some(method) = settings.clearable("default_payment_method")? {
            let name = settings.name("default_payment_method");
            if let Some(id) = &method {
                super::payment_methods::attached_to(world, id, &customer.id, &name)?;
            }
            customer.default_payment_method = method;
        }
        settings.ignore(&["custom_fields", "footer", "rendering_options"]);
        settings.finish()?;
    }
    params.ignore(&["shipping", "tax", "tax_exempt", "tax_id_data", "validate"]);
    Ok(())
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let mut customer = Customer::new(world.now);
    fill(world, &mut customer, params)?;
    let method = params.text("payment_method")?;
    params.finish()?;
    let id = customer.id.clone();
    world.add(customer, "customer.created");
    if let Some(method) = method {
        super::payment_methods::attach_to(world, &method, &id)?;
    }
    Ok(world.rendered::<Customer>(&id))
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let email = params.text("email")?;
    let wanted = |customer: &Customer| !customer.deleted && (email.is_none() || customer.email == email);
    list::page(world, params, "/v1/customers", wanted)
}

fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let customer = world.find::<Customer>(id)?;
    if customer.deleted {
        return Err(ApiError::no_such(Customer::KIND, id, None));
    }
    let mut changed = customer.clone();
    fill(world, &mut changed, params)?;
    params.finish()?;
    world.update::<Customer>(id, "customer.updated", |customer| *customer = changed);
    Ok(world.rendered::<Customer>(id))
}

/// Deletes the customer, which also cancels what they subscribed to, at once and for good.
fn delete(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    if world.find::<Customer>(id)?.deleted {
        return Err(ApiError::no_such(Customer::KIND, id, None));
    }
    super::subscriptions::cancel_all_of(world, id);
    // The event still shows the customer; only who retrieves it afterwards gets the stub.
    world.emit::<Customer>("customer.deleted", id);
    world.change::<Customer>(id, |customer| customer.deleted = true);
    Ok(world.rendered::<Customer>(id))
}
