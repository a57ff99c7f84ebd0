//! Subscriptions, from the first invoice to the last.

pub mod act;
mod cancel;
mod change;
mod create;
mod cycle;
mod item;
mod items_api;
mod pending;
mod prorate;
mod render;
mod schedule;
mod status;
mod update;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use act::endpoint;
pub use cancel::cancel_all_of;
pub use change::try_change;
pub use create::{NewItem, NewSubscription, check_price, content_of, subscribe};
pub use cycle::{cycle_lines, trial_will_end, turn};
pub use item::Item;
pub use items_api::endpoint as items_endpoint;
pub use pending::{Pending, expire_pending};
pub use prorate::part;
pub use schedule::{leave_schedule, replan};
pub use status::{
    Status, expire_incomplete, invoice_resolved, payment_failed, payment_processing, resume_collection,
};

use crate::stripe::api::invoices::Instead;
use crate::stripe::api::schedules;
use crate::stripe::params::Metadata;
use crate::stripe::world::{Due, Resource, World};

/// What happens at the end of a trial if there is nothing to charge.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
pub enum MissingMethod {
    /// An invoice is made, and its payment fails.
    #[default]
    CreateInvoice,
    /// The subscription ends.
    Cancel,
    /// The subscription is paused.
    Pause,
}

/// Why and how a subscription ends or ended.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Cancellation {
    pub reason: Option<Cow<'static, str>>,
    pub comment: Option<String>,
    pub feedback: Option<String>,
}

/// A subscription.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Subscription {
    pub id: String,
    pub created: i64,
    pub customer: String,
    pub status: Status,
    pub items: Vec<Item>,
    /// What all periods are counted from.
    pub anchor: i64,
    pub currency: String,
    pub trial: Option<(i64, i64)>,
    pub missing_method: MissingMethod,
    pub cancel_at_period_end: bool,
    pub cancel_at: Option<i64>,
    pub canceled_at: Option<i64>,
    pub ended_at: Option<i64>,
    pub cancellation: Cancellation,
    /// What happens to invoices instead of their collection, and until when.
    pub pause: Option<(Instead, Option<i64>)>,
    pub send_invoice: bool,
    pub days_until_due: Option<i64>,
    pub default_payment_method: Option<String>,
    pub latest_invoice: Option<String>,
    pub metadata: Metadata,
    pub description: Option<String>,
    /// What it is to become later.
    pub schedule: Option<String>,
    /// A change that is made once it is paid.
    pub pending: Option<Pending>,
    /// The billing mode; several intervals in one subscription need the flexible one.
    pub flexible: bool,
    /// Whether taxes are put on its invoices.
    pub automatic_tax: bool,
}

impl Subscription {
    /// The end of the item period that ends first.
    pub fn first_period_end(&self) -> Option<i64> {
        self.items.iter().map(|item| item.period.1).min()
    }

    /// When it is to end. At "period end" is the first end of any item's period (Stripe's changelog, 2025-07-30).
    pub fn ends_at(&self) -> Option<i64> {
        if self.cancel_at_period_end { self.first_period_end() } else { self.cancel_at }
    }

    /// Whether it goes on by itself.
    pub fn is_live(&self) -> bool {
        matches!(self.status, Status::Trialing | Status::Active | Status::PastDue | Status::Unpaid)
    }

    /// What pays for it.
    pub fn payment_method(&self, world: &World) -> Option<String> {
        let customer = world.customers.get(&self.customer);
        let of_customer = || customer.and_then(|customer| customer.default_payment_method.clone());
        self.default_payment_method.clone().or_else(of_customer)
    }

    /// Enters in the agenda when something happens to it next.
    pub fn plan(&self, world: &mut World) {
        if !self.is_live() {
            return;
        }
        let trial_end = self.trial.map(|(_, end)| end).filter(|_| self.status == Status::Trialing);
        let phase_end = schedules::next_phase_at(world, self);
        let ends = self.first_period_end().into_iter().chain(self.ends_at());
        let next = ends.chain(trial_end).chain(phase_end).min();
        if let Some(at) = next {
            world.plan(at, Due::Turn(self.id.clone()));
        }
    }
}

impl Resource for Subscription {
    const PREFIX: &'static str = "sub_";
    const KIND: &'static str = "subscription";

    fn render(&self, world: &World) -> Value {
        render::subscription(self, world)
    }
}
