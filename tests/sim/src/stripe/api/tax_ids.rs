//! Tax ids of customers. None is looked up anywhere: each stays unverified.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::customers::{Customer, living};
use crate::stripe::endpoint::Answer;
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::Params;
use crate::stripe::world::{World, fresh_id};

/// How many a customer may have.
const TAX_IDS_MAX: usize = 5;

/// A tax id.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct TaxId {
    pub id: String,
    pub created: i64,
    pub kind: String,
    pub value: String,
}

impl TaxId {
    /// One that somebody gave.
    pub fn new(created: i64, kind: &str, value: &str) -> Self {
        Self { id: fresh_id("txi_"), created, kind: kind.to_owned(), value: value.to_owned() }
    }
}

fn render(tax_id: &TaxId, customer: &str) -> Value {
    json!({
        "id": tax_id.id,
        "object": "tax_id",
        "country": tax_id.kind.split('_').next().map(str::to_uppercase),
        "created": tax_id.created,
        "customer": customer,
        "customer_account": null,
        "livemode": false,
        "owner": { "type": "customer", "customer": customer },
        "type": tax_id.kind,
        "value": tax_id.value,
        "verification": { "status": "pending", "verified_address": null, "verified_name": null },
    })
}

/// Adds one.
pub fn create(world: &mut World, customer: &str, params: &mut Params) -> Answer {
    let (kind, value) = (params.required("type")?, params.required("value")?);
    params.finish()?;
    if living(world, customer, "customer")?.tax_ids.len() >= TAX_IDS_MAX {
        return Err(ApiError::parameter(
            "tax_id_limit_exceeded",
            "value",
            "A customer has at most five tax ids.",
        ));
    }
    let tax_id = TaxId { id: fresh_id("txi_"), created: world.now, kind, value };
    let rendered = render(&tax_id, customer);
    world.change::<Customer>(customer, |customer| customer.tax_ids.push(tax_id));
    Ok(rendered)
}

/// All of a customer's; there is never more than a page.
pub fn of_customer(world: &mut World, customer: &str, params: &mut Params) -> Answer {
    params.ignore(&["limit", "starting_after"]);
    params.finish()?;
    let tax_ids = &living(world, customer, "customer")?.tax_ids;
    let data = tax_ids.iter().map(|tax_id| render(tax_id, customer)).collect();
    Ok(list::list(&format!("/v1/customers/{customer}/tax_ids"), data, false))
}

/// Removes one.
pub fn delete(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let has_it = |customer: &&Customer| customer.tax_ids.iter().any(|tax_id| tax_id.id == id);
    let customer = world.customers.iter().find(has_it).map(|customer| customer.id.clone());
    let customer = customer.ok_or_else(|| ApiError::no_such("tax_id", id, None))?;
    world.change::<Customer>(&customer, |customer| customer.tax_ids.retain(|tax_id| tax_id.id != id));
    Ok(json!({ "id": id, "object": "tax_id", "deleted": true }))
}
