//! Products.

use serde_json::{Value, json};

use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// A product.
#[derive(Clone, Debug)]
pub struct Product {
    pub id: String,
    pub created: i64,
    pub updated: i64,
    pub name: String,
    pub active: bool,
    pub description: Option<String>,
    pub unit_label: Option<String>,
    pub default_price: Option<String>,
    pub metadata: Metadata,
    pub deleted: bool,
}

impl Resource for Product {
    const PREFIX: &'static str = "prod_";
    const KIND: &'static str = "product";

    fn render(&self, _world: &World) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "product", "deleted": true });
        }
        json!({
            "id": self.id,
            "object": "product",
            "active": self.active,
            "created": self.created,
            "default_price": self.default_price,
            "description": self.description,
            "images": [],
            "livemode": false,
            "marketing_features": [],
            "metadata": self.metadata,
            "name": self.name,
            "package_dimensions": null,
            "shippable": null,
            "statement_descriptor": null,
            "tax_code": null,
            "type": "service",
            "unit_label": self.unit_label,
            "updated": self.updated,
            "url": null,
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("products.create", create),
        ("GET", []) => Endpoint::all("products.list", list),
        ("GET", [id]) => Endpoint::one("products.retrieve", id, retrieve),
        ("POST", [id]) => Endpoint::one("products.update", id, update),
        ("DELETE", [id]) => Endpoint::one("products.delete", id, delete),
        _ => return None,
    })
}

/// Parameters of Stripe's that the stand-in takes and forgets.
const IGNORED: &[&str] = &[
    "images",
    "marketing_features",
    "package_dimensions",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "type",
    "url",
];

fn fill(product: &mut Product, params: &mut Params) -> Result<(), ApiError> {
    if let Some(active) = params.boolean("active")? {
        product.active = active;
    }
    for (name, field) in [("description", &mut product.description), ("unit_label", &mut product.unit_label)]
    {
        if let Some(given) = params.clearable(name)? {
            *field = given;
        }
    }
    params.metadata(&mut product.metadata)?;
    params.ignore(IGNORED);
    Ok(())
}

/// A product of that name and no more.
pub fn named(now: i64, name: String) -> Product {
    Product {
        id: fresh_id(Product::PREFIX),
        created: now,
        updated: now,
        name,
        active: true,
        description: None,
        unit_label: None,
        default_price: None,
        metadata: Metadata::new(),
        deleted: false,
    }
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let mut product = named(world.now, params.required("name")?);
    if let Some(id) = params.text("id")? {
        if world.products.get(&id).is_some() {
            let message = format!("Product already exists: {id}");
            return Err(ApiError::impossible_because("resource_already_exists", message));
        }
        product.id = id;
    }
    fill(&mut product, params)?;
    params.finish()?;
    let id = product.id.clone();
    world.add(product, "product.created");
    Ok(world.rendered::<Product>(&id))
}

fn retrieve(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    let product = world.find::<Product>(id)?;
    if product.deleted { Err(ApiError::no_such(Product::KIND, id, None)) } else { Ok(product.render(world)) }
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let active = params.boolean("active")?;
    let ids = params.texts("ids")?;
    let wanted = |product: &Product| {
        !product.deleted
            && active.is_none_or(|active| product.active == active)
            && (ids.is_empty() || ids.contains(&product.id))
    };
    list::page(world, params, "/v1/products", wanted)
}

fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let mut changed = world.find::<Product>(id)?.clone();
    if changed.deleted {
        return Err(ApiError::no_such(Product::KIND, id, None));
    }
    if let Some(name) = params.text("name")? {
        changed.name = name;
    }
    if let Some(price) = params.clearable("default_price")? {
        changed.default_price = price;
    }
    fill(&mut changed, params)?;
    params.finish()?;
    changed.updated = world.now;
    world.update::<Product>(id, "product.updated", |product| *product = changed);
    Ok(world.rendered::<Product>(id))
}

fn delete(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    world.find::<Product>(id)?;
    if world.prices.iter().any(|price| price.product == id) {
        let message = "This product cannot be deleted because it has one or more user-created prices.";
        return Err(ApiError::impossible(message));
    }
    world.emit::<Product>("product.deleted", id);
    world.change::<Product>(id, |product| product.deleted = true);
    Ok(world.rendered::<Product>(id))
}
