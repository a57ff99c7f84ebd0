//! Invoices, from draft to paid.

mod act;
mod collect;
mod create;
mod draft;
mod line;
mod list;
mod payment;
mod preview;
mod render;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use collect::{
    collect, created_was_delivered, delayed_payment_settled, finalize_when_due, retry_when_due,
    stop_collecting, void,
};
pub use draft::{Content, draft, finalize_now, refresh_drafts_of, settle_receipt, takes_automatic_tax};
pub use line::{Line, Source, usage};
pub use list::endpoint;
pub use payment::{InvoicePayment, endpoint as payment_endpoint};

use crate::stripe::api::checkout::Amounts;
use crate::stripe::params::Metadata;
use crate::stripe::world::{Resource, World};

/// How far an invoice has come.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Status {
    Draft,
    Open,
    Paid,
    Uncollectible,
    Void,
}

impl Status {
    /// Its name in Stripe's objects.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Uncollectible => "uncollectible",
            Self::Void => "void",
        }
    }
}

/// Why an invoice was made.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Reason {
    Manual,
    SubscriptionCreate,
    SubscriptionCycle,
    SubscriptionUpdate,
}

impl Reason {
    /// Its name in Stripe's objects.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::SubscriptionCreate => "subscription_create",
            Self::SubscriptionCycle => "subscription_cycle",
            Self::SubscriptionUpdate => "subscription_update",
        }
    }
}

/// What happens to an invoice instead of its collection, while the subscription's collection is paused.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Instead {
    /// It stays a draft.
    KeepAsDraft,
    /// It is written off.
    MarkUncollectible,
    /// It is voided.
    Void,
}

/// An invoice.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Invoice {
    pub id: String,
    pub created: i64,
    pub customer: String,
    pub subscription: Option<String>,
    /// The subscription's metadata when the invoice was made.
    pub subscription_metadata: Metadata,
    pub status: Status,
    pub reason: Reason,
    pub currency: String,
    pub period: (i64, i64),
    pub lines: Vec<Line>,
    pub auto_advance: bool,
    pub finalizes_at: Option<i64>,
    pub instead: Option<Instead>,
    pub number: Option<String>,
    pub attempt_count: u32,
    pub next_attempt: Option<i64>,
    pub send_invoice: bool,
    pub days_until_due: Option<i64>,
    pub due_date: Option<i64>,
    pub default_payment_method: Option<String>,
    pub payment_intent: Option<String>,
    /// Credit of the customer's that it used when it became final, in the currency's smallest unit.
    pub credit_used: i64,
    pub amount_paid: i64,
    pub paid_off_stripe: bool,
    pub finalized_at: Option<i64>,
    pub paid_at: Option<i64>,
    pub voided_at: Option<i64>,
    pub uncollectible_at: Option<i64>,
    /// When every webhook endpoint had taken `invoice.created`.
    pub webhooks_delivered_at: Option<i64>,
    pub checkout_session: Option<String>,
    pub metadata: Metadata,
    pub description: Option<String>,
    pub deleted: bool,
    pub automatic_tax: bool,
    pub tax_basis_points: i64,
    pub percent_off: i64,
}

impl Invoice {
    /// The sum of its lines, with what is taken off and put on it.
    pub fn amounts(&self) -> Amounts {
        let subtotal = self.lines.iter().map(|line| line.amount).sum();
        Amounts::of(subtotal, self.percent_off, self.tax_basis_points)
    }

    /// What it comes to.
    pub fn total(&self) -> i64 {
        self.amounts().total()
    }

    /// What is to be paid: never less than nothing.
    pub fn amount_due(&self) -> i64 {
        (self.total() - self.credit_used).max(0)
    }

    /// What is still to be paid.
    pub fn remaining(&self) -> i64 {
        self.amount_due() - self.amount_paid
    }
}

impl Resource for Invoice {
    const PREFIX: &'static str = "in_";
    const KIND: &'static str = "invoice";

    fn render(&self, world: &World) -> Value {
        render::invoice(self, world)
    }
}
