//! Invoice items: what a customer owes besides, until an invoice takes it.

use serde_json::{Value, json};

use crate::stripe::api::invoices::{self, Invoice, Line, Source};
use crate::stripe::api::prices::Price;
use crate::stripe::api::subscriptions::Subscription;
use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// An invoice item.
#[derive(Clone, Debug)]
pub struct InvoiceItem {
    pub id: String,
    pub created: i64,
    pub customer: String,
    pub subscription: Option<String>,
    /// The subscription item it is a proration of.
    pub proration_of: Option<String>,
    pub invoice: Option<String>,
    pub price: Option<String>,
    pub quantity: i64,
    pub amount: i64,
    pub currency: String,
    pub description: Option<String>,
    pub period: (i64, i64),
    pub metadata: Metadata,
    pub deleted: bool,
}

impl InvoiceItem {
    /// As a line of an invoice.
    pub fn line(&self) -> Line {
        Line {
            id: fresh_id("il_"),
            source: Source::InvoiceItem { id: self.id.clone(), proration_of: self.proration_of.clone() },
            price: self.price.clone(),
            quantity: self.quantity,
            amount: self.amount,
            description: self.description.clone().unwrap_or_default(),
            period: self.period,
            metadata: self.metadata.clone(),
        }
    }
}

impl Resource for InvoiceItem {
    const PREFIX: &'static str = "ii_";
    const KIND: &'static str = "invoiceitem";

    fn render(&self, world: &World) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "invoiceitem", "deleted": true });
        }
        let price = self.price.as_deref().and_then(|id| world.prices.get(id));
        let parent = self.subscription.as_ref().map(|subscription| {
            json!({
                "type": "subscription_details",
                "subscription_details": { "subscription": subscription, "subscription_item": self.proration_of },
            })
        });
        json!({
            "id": self.id,
            "object": "invoiceitem",
            "amount": self.amount,
            "currency": self.currency,
            "customer": self.customer,
            "customer_account": null,
            "date": self.created,
            "description": self.description,
            "discountable": self.proration_of.is_none(),
            "discounts": [],
            "invoice": self.invoice,
            "livemode": false,
            "metadata": self.metadata,
            "net_amount": self.amount,
            "parent": parent,
            "period": { "start": self.period.0, "end": self.period.1 },
            "pricing": price.map(Price::render_pricing),
            "proration": self.proration_of.is_some(),
            "quantity": self.quantity,
            "quantity_decimal": self.quantity.to_string(),
            "tax_rates": [],
            "test_clock": null,
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("invoiceItems.create", create),
        ("GET", []) => Endpoint::all("invoiceItems.list", list),
        ("GET", [id]) => Endpoint::one("invoiceItems.retrieve", id, retrieve),
        ("DELETE", [id]) => Endpoint::one("invoiceItems.del", id, delete),
        _ => return None,
    })
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let given = read(world, params)?;
    let of_price = match &given.price {
        Some(id) => Some(world.named::<Price>(id, "pricing[price]")?),
        None => None,
    };
    let amount = match (given.amount, of_price) {
        (Some(amount), None) => amount,
        (None, Some(price)) if price.recurring.is_none() => price.amount(given.quantity),
        (None, Some(_)) => return Err(ApiError::impossible("Invoice items need a price of type one_time.")),
        _ => return Err(ApiError::missing("amount")),
    };
    let currency = given.currency.or_else(|| of_price.map(|price| price.currency.clone()));
    let item = InvoiceItem {
        id: fresh_id(InvoiceItem::PREFIX),
        created: world.now,
        customer: given.customer,
        subscription: given.subscription,
        proration_of: None,
        invoice: given.invoice.clone(),
        price: given.price,
        quantity: given.quantity,
        amount,
        currency: currency.ok_or_else(|| ApiError::missing("currency"))?,
        description: given.description,
        period: given.period,
        metadata: given.metadata,
        deleted: false,
    };
    let (id, line) = (item.id.clone(), item.line());
    world.add(item, "invoiceitem.created");
    if let Some(invoice) = given.invoice {
        world.update::<Invoice>(&invoice, "invoice.updated", |invoice| invoice.lines.push(line));
    }
    Ok(world.rendered::<InvoiceItem>(&id))
}

/// What a request says of a new item.
struct Given {
    customer: String,
    subscription: Option<String>,
    invoice: Option<String>,
    price: Option<String>,
    quantity: i64,
    amount: Option<i64>,
    currency: Option<String>,
    description: Option<String>,
    period: (i64, i64),
    metadata: Metadata,
}

fn read(world: &World, params: &mut Params) -> Result<Given, ApiError> {
    let mut pricing = params.object("pricing")?.unwrap_or_default();
    let mut metadata = Metadata::new();
    params.metadata(&mut metadata)?;
    let given = Given {
        customer: params.required("customer")?,
        subscription: params.text("subscription")?,
        invoice: params.text("invoice")?,
        price: pricing.text("price")?,
        quantity: params.integer("quantity")?.unwrap_or(1),
        amount: params.integer("amount")?,
        currency: params.text("currency")?,
        description: params.text("description")?,
        period: take_period(world, params)?,
        metadata,
    };
    pricing.finish()?;
    params.ignore(&["discountable"]);
    params.finish()?;
    super::customers::living(world, &given.customer, "customer")?;
    if let Some(id) = &given.subscription {
        world.named::<Subscription>(id, "subscription")?;
    }
    if let Some(id) = &given.invoice
        && world.named::<Invoice>(id, "invoice")?.status != invoices::Status::Draft
    {
        let message = "Only a draft takes further items.";
        return Err(ApiError::impossible_because("invoice_not_editable", message));
    }
    Ok(given)
}

fn take_period(world: &World, params: &mut Params) -> Result<(i64, i64), ApiError> {
    let Some(mut given) = params.object("period")? else { return Ok((world.now, world.now)) };
    let start = given.integer("start")?.ok_or_else(|| ApiError::missing("period[start]"))?;
    let end = given.integer("end")?.ok_or_else(|| ApiError::missing("period[end]"))?;
    given.finish()?;
    Ok((start, end))
}

fn existing<'w>(world: &'w World, id: &str) -> Result<&'w InvoiceItem, ApiError> {
    let item = world.find::<InvoiceItem>(id)?;
    if item.deleted { Err(ApiError::no_such(InvoiceItem::KIND, id, None)) } else { Ok(item) }
}

fn retrieve(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    existing(world, id).map(|item| item.render(world))
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let invoice = params.text("invoice")?;
    let pending = params.boolean("pending")?;
    let wanted = |item: &InvoiceItem| {
        !item.deleted
            && customer.as_ref().is_none_or(|customer| item.customer == *customer)
            && (invoice.is_none() || item.invoice == invoice)
            && pending.is_none_or(|pending| pending == item.invoice.is_none())
    };
    list::page(world, params, "/v1/invoiceitems", wanted)
}

fn delete(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    if existing(world, id)?.invoice.is_some() {
        return Err(ApiError::impossible("Only pending invoice items can be deleted."));
    }
    world.emit::<InvoiceItem>("invoiceitem.deleted", id);
    world.change::<InvoiceItem>(id, |item| item.deleted = true);
    Ok(world.rendered::<InvoiceItem>(id))
}
