//! An invoice is made, stays a draft for a while, and becomes final.

use super::{Instead, Invoice, InvoicePayment, Line, Reason, Source, Status, collect};
use crate::stripe::api::checkout::has_country;
use crate::stripe::api::customers::Customer;
use crate::stripe::api::invoice_items::InvoiceItem;
use crate::stripe::api::payments::{self, Needed};
use crate::stripe::errors::ApiError;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Due, Resource, World, fresh_id};

/// What a new invoice is made of.
#[derive(Clone, Debug)]
pub struct Content {
    pub customer: String,
    pub subscription: Option<String>,
    pub subscription_metadata: Metadata,
    pub reason: Reason,
    pub currency: String,
    pub period: (i64, i64),
    pub lines: Vec<Line>,
    /// Whether it becomes final and is collected by itself.
    pub auto_advance: bool,
    pub instead: Option<Instead>,
    pub send_invoice: bool,
    pub days_until_due: Option<i64>,
    pub default_payment_method: Option<String>,
    pub metadata: Metadata,
    pub description: Option<String>,
    /// Whether what the customer owes besides is put on it.
    pub with_pending_items: bool,
    pub automatic_tax: bool,
    /// Off all of it.
    pub percent_off: i64,
}

impl Invoice {
    /// A draft with nothing but its content.
    pub(super) fn draft(id: String, created: i64, content: Content) -> Self {
        Self {
            id,
            created,
            customer: content.customer,
            subscription: content.subscription,
            subscription_metadata: content.subscription_metadata,
            status: Status::Draft,
            reason: content.reason,
            currency: content.currency,
            period: content.period,
            lines: content.lines,
            auto_advance: content.auto_advance,
            finalizes_at: None,
            instead: content.instead,
            number: None,
            attempt_count: 0,
            next_attempt: None,
            send_invoice: content.send_invoice,
            days_until_due: content.days_until_due,
            due_date: None,
            default_payment_method: content.default_payment_method,
            payment_intent: None,
            credit_used: 0,
            amount_paid: 0,
            paid_off_stripe: false,
            finalized_at: None,
            paid_at: None,
            voided_at: None,
            uncollectible_at: None,
            webhooks_delivered_at: None,
            checkout_session: None,
            metadata: content.metadata,
            description: content.description,
            deleted: false,
            automatic_tax: content.automatic_tax,
            tax_basis_points: 0,
            percent_off: content.percent_off,
        }
    }
}

/// The longest that a draft waits for its webhook to be taken, in seconds: 72 hours (Stripe's documentation).
pub const LONGEST_GRACE: i64 = 72 * 3600;

/// Makes a draft, and returns its id.
pub fn draft(world: &mut World, mut content: Content) -> String {
    let id = fresh_id(Invoice::PREFIX);
    let mut lines = std::mem::take(&mut content.lines);
    if content.with_pending_items {
        lines.extend(take_pending(
            world,
            &content.customer,
            content.subscription.as_deref(),
            &content.currency,
            &id,
        ));
    }
    let finalizes_at = content.auto_advance.then(|| world.now + world.settings.draft_grace_seconds);
    let mut invoice = Invoice::draft(id.clone(), world.now, content);
    invoice.tax_basis_points = taxes_on(world, &invoice);
    invoice.lines = lines;
    invoice.finalizes_at = finalizes_at;
    invoice.next_attempt = finalizes_at;
    world.add(invoice, "invoice.created");
    if let Some(at) = finalizes_at {
        world.plan(at, Due::Finalize(id.clone()));
    }
    id
}

/// What is added to an invoice, in hundredths of a percent: nothing where taxes are not automatic.
pub fn taxes_on(world: &World, invoice: &Invoice) -> i64 {
    world.settings.tax_basis_points.filter(|_| invoice.automatic_tax).unwrap_or(0)
}

/// Takes `automatic_tax[enabled]`. Stripe wants to know where the customer is.
pub fn takes_automatic_tax(world: &World, customer: &str, params: &mut Params) -> Result<bool, ApiError> {
    let Some(mut given) = params.object("automatic_tax")? else { return Ok(false) };
    let is_enabled = given.boolean("enabled")?.unwrap_or(false);
    given.ignore(&["liability"]);
    given.finish()?;
    let is_located = world.customers.get(customer).is_some_and(has_country);
    if is_enabled && !is_located {
        let message = "The customer's location isn't recognized. Set a valid customer address in order to \
                       automatically calculate tax.";
        return Err(ApiError::impossible_because("customer_tax_location_invalid", message));
    }
    Ok(is_enabled)
}

/// Puts the customer's pending invoice items on the invoice `id`.
fn take_pending(
    world: &mut World,
    customer: &str,
    subscription: Option<&str>,
    currency: &str,
    id: &str,
) -> Vec<Line> {
    let suits = |item: &&InvoiceItem| {
        item.invoice.is_none()
            && !item.deleted
            && item.customer == customer
            && item.currency == currency
            && (item.subscription.is_none() || item.subscription.as_deref() == subscription)
    };
    let pending: Vec<InvoiceItem> = world.invoice_items.iter().filter(suits).cloned().collect();
    pending.iter().for_each(|item| {
        world.change::<InvoiceItem>(&item.id, |item| item.invoice = Some(id.to_owned()));
    });
    pending.iter().map(InvoiceItem::line).collect()
}

/// Counts the usage on the customer's drafts again.
pub fn refresh_drafts_of(world: &mut World, customer: &str) {
    let is_draft = |invoice: &&Invoice| {
        invoice.customer == customer
            && invoice.status == Status::Draft
            && invoice.lines.iter().any(|line| matches!(line.source, Source::Metered { .. }))
    };
    let drafts: Vec<(String, Vec<Line>)> = world
        .invoices
        .iter()
        .filter(is_draft)
        .map(|invoice| {
            let mut lines = invoice.lines.clone();
            lines.iter_mut().for_each(|line| line.recount(world, customer));
            (invoice.id.clone(), lines)
        })
        .collect();
    for (id, lines) in drafts {
        world.change::<Invoice>(&id, |invoice| invoice.lines = lines);
    }
}

/// Makes a draft final: the amount stands, the customer's credit is used, and whatever is left can be paid.
pub fn finalize_now(world: &mut World, id: &str) -> Result<(), ApiError> {
    let invoice = world.find::<Invoice>(id)?.clone();
    if invoice.status != Status::Draft {
        let message =
            format!("This invoice is already finalized, you can't re-finalize a non-draft invoice: {id}");
        return Err(ApiError::impossible_because("invoice_not_editable", message));
    }
    let now = world.now;
    let credit_used = use_credit(world, &invoice);
    world.invoice_numbers += 1;
    let number = format!("{}-{:04}", invoice.customer[4..12].to_uppercase(), world.invoice_numbers);
    let due_date = invoice.send_invoice.then(|| now + invoice.days_until_due.unwrap_or(30) * 24 * 3600);
    world.change::<Invoice>(id, |invoice| {
        invoice.status = Status::Open;
        invoice.finalized_at = Some(now);
        invoice.finalizes_at = None;
        invoice.next_attempt = None;
        invoice.number = Some(number);
        invoice.due_date = due_date;
        invoice.credit_used = credit_used;
    });
    let due = world.find::<Invoice>(id)?.amount_due();
    if due > 0 {
        let intent = payments::open(
            world,
            Needed {
                amount: due,
                currency: invoice.currency.clone(),
                customer: Some(invoice.customer.clone()),
                invoice: Some(id.to_owned()),
                description: invoice.subscription.as_ref().map(|_| "Subscription update".to_owned()),
                ..Needed::default()
            },
        );
        InvoicePayment::open(world, id, &intent, due, &invoice.currency);
        world.change::<Invoice>(id, |invoice| invoice.payment_intent = Some(intent));
    }
    world.emit::<Invoice>("invoice.finalized", id);
    if due == 0 {
        collect::mark_paid(world, id);
    }
    Ok(())
}

/// What of the customer's balance goes into this invoice. A negative total becomes credit.
fn use_credit(world: &mut World, invoice: &Invoice) -> i64 {
    let total = invoice.total();
    let balance = world.customers.get(&invoice.customer).map_or(0, |customer| customer.balance);
    let used = if total < 0 { total } else { total.min(-balance) };
    if used != 0 {
        world.update::<Customer>(&invoice.customer, "customer.updated", |customer| customer.balance += used);
    }
    used
}

/// Makes a draft the receipt of a payment that was made already: final and paid, with no payment of its own.
pub fn settle_receipt(world: &mut World, id: &str) {
    let now = world.now;
    world.invoice_numbers += 1;
    let number = format!("RECEIPT-{:04}", world.invoice_numbers);
    world.change::<Invoice>(id, |invoice| {
        invoice.status = Status::Open;
        invoice.finalized_at = Some(now);
        invoice.number = Some(number);
    });
    world.emit::<Invoice>("invoice.finalized", id);
    collect::mark_paid(world, id);
}
