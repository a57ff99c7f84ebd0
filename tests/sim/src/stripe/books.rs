//! What Stripe thinks: money, invoices, subscriptions and usage, for tests that compare it with what Octroi thinks.

use std::collections::BTreeMap;

use serde::Serialize;

use super::api::disputes::DisputeStatus;
use super::api::invoices::{Invoice, Source};
use super::api::meter_events::{MeterEvent, State};
use super::api::payments::ChargeStatus;
use super::state::Sim;
use super::world::World;

/// The books.
#[derive(Clone, Debug, Serialize)]
pub struct Books {
    /// Every customer, oldest first.
    pub customers: Vec<CustomerBooks>,
    /// Every invoice, oldest first.
    pub invoices: Vec<InvoiceBooks>,
    /// Usage by meter and customer.
    pub meters: Vec<MeterBooks>,
    /// Requests that were let in, by endpoint.
    pub calls: BTreeMap<&'static str, u64>,
}

/// A customer's money, in the currency's smallest unit, and subscriptions.
#[derive(Clone, Debug, Serialize)]
pub struct CustomerBooks {
    /// The customer's id.
    pub customer: String,
    /// Taken from cards and banks.
    pub charged: i64,
    /// Given back.
    pub refunded: i64,
    /// Taken back by banks, for now or for good.
    pub disputed: i64,
    /// Credit for the next invoice.
    pub credit: i64,
    /// Status by subscription id.
    pub subscriptions: BTreeMap<String, &'static str>,
}

/// An invoice.
#[derive(Clone, Debug, Serialize)]
pub struct InvoiceBooks {
    /// Its id.
    pub invoice: String,
    /// The customer's id.
    pub customer: String,
    /// The subscription's id.
    pub subscription: Option<String>,
    /// `draft`, `open`, `paid`, `uncollectible` or `void`.
    pub status: &'static str,
    /// Why it was made, in Stripe's words.
    pub billing_reason: &'static str,
    /// Whether it goes on by itself.
    pub auto_advance: bool,
    /// The sum of its lines, in the currency's smallest unit.
    pub total: i64,
    /// What was paid of it.
    pub paid: i64,
    /// Its lines.
    pub lines: Vec<LineBooks>,
}

/// A line of an invoice.
#[derive(Clone, Debug, Serialize)]
pub struct LineBooks {
    /// The price's id.
    pub price: Option<String>,
    /// Whether it bills usage.
    pub metered: bool,
    /// Units.
    pub quantity: i64,
    /// In the currency's smallest unit.
    pub amount: i64,
    /// Its period, in Unix seconds.
    pub start: i64,
    /// The end of its period.
    pub end: i64,
}

/// A customer's usage of one meter.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MeterBooks {
    /// The meter's event name.
    pub event_name: String,
    /// The customer's id.
    pub customer: String,
    /// The sum of the values that count.
    pub total: i64,
    /// Events that count.
    pub events: u64,
}

impl Books {
    /// The books as they are.
    pub(super) fn of(sim: &Sim) -> Self {
        let calls = sim.calls();
        let world = sim.world();
        let invoices = world.invoices.iter().filter(|invoice| !invoice.deleted).map(invoice).collect();
        let customers =
            world.customers.iter().map(|customer| money(&world, &customer.id, customer.balance)).collect();
        Self { customers, invoices, meters: meters(world.meter_events.log()), calls }
    }
}

fn money(world: &World, id: &str, balance: i64) -> CustomerBooks {
    let of_customer = |customer: &Option<String>| customer.as_deref() == Some(id);
    let charges = world
        .charges
        .iter()
        .filter(|charge| of_customer(&charge.customer) && charge.status == ChargeStatus::Succeeded);
    let (mut charged, mut refunded, mut disputed) = (0, 0, 0);
    for charge in charges {
        charged += charge.amount;
        refunded += charge.amount_refunded;
        let lost = world
            .disputes
            .iter()
            .filter(|dispute| dispute.charge == charge.id && dispute.status != DisputeStatus::Won);
        disputed += lost.map(|dispute| dispute.amount).sum::<i64>();
    }
    let subscriptions = world.subscriptions.iter().filter(|subscription| subscription.customer == id);
    CustomerBooks {
        customer: id.to_owned(),
        charged,
        refunded,
        disputed,
        credit: -balance,
        subscriptions: subscriptions.map(|of| (of.id.clone(), of.status.name())).collect(),
    }
}

fn invoice(invoice: &Invoice) -> InvoiceBooks {
    let lines = invoice.lines.iter().map(|line| LineBooks {
        price: line.price.clone(),
        metered: matches!(line.source, Source::Metered { .. }),
        quantity: line.quantity,
        amount: line.amount,
        start: line.period.0,
        end: line.period.1,
    });
    InvoiceBooks {
        invoice: invoice.id.clone(),
        customer: invoice.customer.clone(),
        subscription: invoice.subscription.clone(),
        status: invoice.status.name(),
        billing_reason: invoice.reason.name(),
        auto_advance: invoice.auto_advance,
        total: invoice.total(),
        paid: invoice.amount_paid,
        lines: lines.collect(),
    }
}

fn meters(log: &[MeterEvent]) -> Vec<MeterBooks> {
    let mut sums: BTreeMap<(&str, &str), MeterBooks> = BTreeMap::new();
    for event in log.iter().filter(|event| event.state == State::Counted) {
        let books = sums.entry((&event.event_name, &event.customer)).or_insert_with(|| MeterBooks {
            event_name: event.event_name.clone(),
            customer: event.customer.clone(),
            ..MeterBooks::default()
        });
        books.total = books.total.saturating_add(event.value);
        books.events += 1;
    }
    sums.into_values().collect()
}
