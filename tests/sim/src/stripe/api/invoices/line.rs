//! The lines of an invoice.

use serde_json::{Value, json};

use crate::stripe::api::prices::Price;
use crate::stripe::params::Metadata;
use crate::stripe::world::{World, fresh_id};

/// Where a line comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A quantity of a subscription item, billed in advance.
    Licensed {
        /// The subscription item.
        item: String,
    },
    /// The usage of a subscription item, billed in arrears. It is counted anew until the invoice is final.
    Metered {
        /// The subscription item.
        item: String,
    },
    /// An invoice item.
    InvoiceItem {
        /// The invoice item.
        id: String,
        /// The subscription item it is a proration of.
        proration_of: Option<String>,
    },
}

/// One line.
#[derive(Clone, Debug)]
pub struct Line {
    pub id: String,
    pub source: Source,
    pub price: Option<String>,
    pub quantity: i64,
    pub amount: i64,
    pub description: String,
    pub period: (i64, i64),
    pub metadata: Metadata,
}

impl Line {
    /// A quantity for a period in advance.
    pub fn licensed(world: &World, item: &str, price: &Price, quantity: i64, period: (i64, i64)) -> Self {
        Self::of_price(world, Source::Licensed { item: item.to_owned() }, price, quantity, period)
    }

    /// The usage of a period that is over, as the meter has it now.
    pub fn metered(world: &World, customer: &str, item: &str, price: &Price, period: (i64, i64)) -> Self {
        let quantity = usage(world, customer, price, period);
        Self::of_price(world, Source::Metered { item: item.to_owned() }, price, quantity, period)
    }

    fn of_price(world: &World, source: Source, price: &Price, quantity: i64, period: (i64, i64)) -> Self {
        let product = world.products.get(&price.product).map_or("", |product| product.name.as_str());
        Self {
            id: fresh_id("il_"),
            source,
            price: Some(price.id.clone()),
            quantity,
            amount: price.amount(quantity),
            description: format!("{quantity} × {product}"),
            period,
            metadata: Metadata::new(),
        }
    }

    /// Counts a metered line again.
    pub fn recount(&mut self, world: &World, customer: &str) {
        let price = self.price.as_deref().and_then(|id| world.prices.get(id));
        if let (Source::Metered { item }, Some(price)) = (&self.source, price) {
            let counted = Self::metered(world, customer, item, price, self.period);
            *self = Self { id: self.id.clone(), ..counted };
        }
    }

    fn parent(&self, subscription: Option<&str>) -> Value {
        let (item, proration) = match &self.source {
            Source::Licensed { item } | Source::Metered { item } => (item, false),
            Source::InvoiceItem { id, proration_of } => {
                let details = json!({
                    "invoice_item": id,
                    "proration": proration_of.is_some(),
                    "proration_details": { "credited_items": null },
                    "subscription": subscription,
                });
                return json!({ "type": "invoice_item_details", "invoice_item_details": details,
                    "subscription_item_details": null });
            }
        };
        json!({
            "type": "subscription_item_details",
            "invoice_item_details": null,
            "subscription_item_details": {
                "invoice_item": null,
                "proration": proration,
                "proration_details": { "credited_items": null },
                "subscription": subscription,
                "subscription_item": item,
            },
        })
    }

    /// As Stripe answers it.
    pub fn render(&self, world: &World, invoice: &str, subscription: Option<&str>, currency: &str) -> Value {
        let price = self.price.as_deref().and_then(|id| world.prices.get(id));
        json!({
            "id": self.id,
            "object": "line_item",
            "amount": self.amount,
            "currency": currency,
            "description": self.description,
            "discount_amounts": [],
            "discountable": true,
            "discounts": [],
            "invoice": invoice,
            "livemode": false,
            "metadata": self.metadata,
            "parent": self.parent(subscription),
            "period": { "start": self.period.0, "end": self.period.1 },
            "pretax_credit_amounts": [],
            "pricing": price.map(Price::render_pricing),
            "quantity": self.quantity,
            "quantity_decimal": self.quantity.to_string(),
            "subscription": subscription,
            "subtotal": self.amount,
            "taxes": [],
        })
    }
}

/// What the meter of `price` has counted of the customer's usage in a period. Less than nothing is nothing.
pub fn usage(world: &World, customer: &str, price: &Price, (from, until): (i64, i64)) -> i64 {
    let meter = price.meter().and_then(|id| world.meters.get(id));
    let counted = meter.and_then(|meter| world.meter_events.aggregate(meter, customer, from, until));
    counted.unwrap_or(0).max(0)
}
