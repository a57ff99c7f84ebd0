//! Invoice items: what a customer owes besides, until an invoice takes it.

use serde_json::{Value, json};

use crate::stripe::api::invoices::{self, Invoice, Line, Source};
use crate::stripe::api::prices::{Exact, Price};
use crate::stripe::api::subscriptions::Subscription;
use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, Table, World, fresh_id};

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

    fn id(&self) -> &str {
        &self.id
    }

    fn created(&self) -> i64 {
        self.created
    }

    fn render(&self, world: &World) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "invoiceitem", "deleted": true });
        }
        let price = self.price.as_deref().and_then(|id| world.prices.get(id));
        let pricing = price.map(|price| {
            json!({
                "type": "price_details",
                "price_details": { "price": price.id, "product": price.product },
                "unit_amount_decimal": price.unit_amount.map(Exact::text),
            })
        });
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
            "pricing": pricing,
            "proration": self.proration_of.is_some(),
            "quantity": self.quantity,
            "quantity_decimal": self.quantity.to_string(),
            "tax_rates": [],
            "test_clock": null,
        })
    }

    fn table(world: &World) -> &Table<Self> {
        &world.invoice_items
    }

    fn table_mut(world: &mut World) -> &mut Table<Self> {
        &mut world.invoice_items
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
    let customer = params.required("customer")?;
    let amount = params.integer("amount")?;
    let quantity = params.integer("quantity")?.unwrap_or(1);
    let currency = params.text("currency")?;
    let description = params.text("description")?;
    let invoice = params.text("invoice")?;
    let subscription = params.text("subscription")?;
    let mut metadata = Metadata::new();
    params.metadata(&mut metadata)?;
    let price = match params.object("pricing")? {
        Some(mut pricing) => {
            let price = pricing.required("price")?;
            pricing.finish()?;
            Some(price)
        }
        None => None,
    };
    let period = match params.object("period")? {
        Some(mut given) => {
            let start = given.integer("start")?.ok_or_else(|| ApiError::missing("period[start]"))?;
            let end = given.integer("end")?.ok_or_else(|| ApiError::missing("period[end]"))?;
            given.finish()?;
            (start, end)
        }
        None => (world.now, world.now),
    };
    params.ignore(&["discountable"]);
    params.finish()?;
    super::customers::living(world, &customer, "customer")?;
    if let Some(id) = &subscription {
        world.named::<Subscription>(id, "subscription")?;
    }
    let of_price = match &price {
        Some(id) => Some(world.named::<Price>(id, "pricing[price]")?.clone()),
        None => None,
    };
    let amount = match (amount, &of_price) {
        (Some(amount), None) => amount,
        (None, Some(price)) if price.recurring.is_none() => price.amount(quantity),
        (None, Some(_)) => return Err(ApiError::impossible("Invoice items need a price of type one_time.")),
        _ => return Err(ApiError::missing("amount")),
    };
    let currency =
        currency.or(of_price.map(|price| price.currency)).ok_or_else(|| ApiError::missing("currency"))?;
    if let Some(id) = &invoice {
        let draft = world.named::<Invoice>(id, "invoice")?;
        if draft.status != invoices::Status::Draft {
            let message = "Only a draft takes further items.";
            return Err(ApiError::impossible_because("invoice_not_editable", message));
        }
    }
    let item = InvoiceItem {
        id: fresh_id(InvoiceItem::PREFIX),
        created: world.now,
        customer,
        subscription,
        proration_of: None,
        invoice: invoice.clone(),
        price,
        quantity,
        amount,
        currency,
        description,
        period,
        metadata,
        deleted: false,
    };
    let (id, line) = (item.id.clone(), item.line());
    world.add(item, "invoiceitem.created");
    if let Some(invoice) = invoice {
        world.update::<Invoice>(&invoice, "invoice.updated", |invoice| invoice.lines.push(line));
    }
    Ok(world.rendered::<InvoiceItem>(&id))
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
