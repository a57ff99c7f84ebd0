//! What Stripe knows: every object, the clock and the events, changed by one request at a time.

mod clock;
mod pairs;
mod periods;
mod stored;
mod table;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use clock::{Clock, ClockReport, Due};
pub use periods::{Interval, Unit};
pub use stored::Stored;
pub use table::Table;

use super::api::checkout::Session;
use super::api::customers::Customer;
use super::api::disputes::Dispute;
use super::api::events::{Event, Origin};
use super::api::invoice_items::InvoiceItem;
use super::api::invoices::{Invoice, InvoicePayment};
use super::api::meter_events::MeterEvents;
use super::api::meters::Meter;
use super::api::payment_methods::PaymentMethod;
use super::api::payments::{Charge, PaymentIntent};
use super::api::portal::PortalSession;
use super::api::prices::Price;
use super::api::products::Product;
use super::api::refunds::Refund;
use super::api::schedules::Schedule;
use super::api::subscriptions::Subscription;
use super::api::thin_events::ThinEvent;
use super::api::webhook_endpoints::WebhookEndpoint;
use super::errors::ApiError;
use super::settings::Settings;
use super::webhooks::Outbox;

/// An object of Stripe's.
pub trait Resource: Stored {
    /// How its ids begin, underscore included.
    const PREFIX: &'static str;
    /// What errors call it.
    const KIND: &'static str;

    /// As Stripe answers it.
    fn render(&self, world: &World) -> Value;
}

/// Everything.
#[derive(Debug, Default, Deserialize, Serialize)]
pub struct World {
    /// The time and the agenda.
    pub clock: Clock,
    /// Now in Unix seconds, the same for all that one request or one due action does.
    pub now: i64,
    /// How the stand-in behaves.
    pub settings: Settings,
    /// Where hosted pages are: `http://127.0.0.1:PORT`.
    #[serde(skip)]
    pub base_url: String,
    /// The request that is being answered; none while the clock acts.
    #[serde(skip)]
    pub origin: Origin,
    /// Webhooks to be sent.
    pub outbox: Outbox,
    /// Changes of what counts none itself: the settings, and the idempotency keys.
    #[serde(skip)]
    pub other_changes: u64,
    /// Numbers given to invoices.
    pub invoice_numbers: u64,
    pub customers: Table<Customer>,
    pub products: Table<Product>,
    pub prices: Table<Price>,
    pub meters: Table<Meter>,
    pub meter_events: MeterEvents,
    pub sessions: Table<Session>,
    pub portal_sessions: Table<PortalSession>,
    pub subscriptions: Table<Subscription>,
    pub schedules: Table<Schedule>,
    pub invoices: Table<Invoice>,
    pub invoice_payments: Table<InvoicePayment>,
    pub invoice_items: Table<InvoiceItem>,
    pub payment_methods: Table<PaymentMethod>,
    pub payment_intents: Table<PaymentIntent>,
    pub charges: Table<Charge>,
    pub refunds: Table<Refund>,
    pub disputes: Table<Dispute>,
    pub events: Table<Event>,
    pub thin_events: Table<ThinEvent>,
    pub webhook_endpoints: Table<WebhookEndpoint>,
}

/// A new id with `prefix`, as random and as long as Stripe's.
pub fn fresh_id(prefix: &str) -> String {
    format!("{prefix}{}", &Uuid::new_v4().simple().to_string()[..24])
}

impl World {
    /// The object of that id, or Stripe's error for the request's own id.
    pub fn find<T: Resource>(&self, id: &str) -> Result<&T, ApiError> {
        T::table(self).get(id).ok_or_else(|| ApiError::no_such(T::KIND, id, None))
    }

    /// The object that parameter `param` names.
    pub fn named<T: Resource>(&self, id: &str, param: &str) -> Result<&T, ApiError> {
        T::table(self).get(id).ok_or_else(|| ApiError::no_such(T::KIND, id, Some(param)))
    }

    /// As Stripe answers it; null when there is none.
    pub fn rendered<T: Resource>(&self, id: &str) -> Value {
        T::table(self).get(id).map_or(Value::Null, |object| object.render(self))
    }

    /// Adds an object, with its event.
    pub fn add<T: Resource>(&mut self, object: T, event: &str) {
        let id = object.id().to_owned();
        T::table_mut(self).insert(id.clone(), object);
        self.emit::<T>(event, &id);
    }

    /// Changes an object, without an event.
    pub fn change<T: Resource>(&mut self, id: &str, change: impl FnOnce(&mut T)) {
        if let Some(object) = T::table_mut(self).get_mut(id) {
            change(object);
        }
    }

    /// Changes an object, with an event that says what was before, if anything is different now.
    pub fn update<T: Resource>(&mut self, id: &str, event: &str, change: impl FnOnce(&mut T)) {
        let before = self.rendered::<T>(id);
        self.change(id, change);
        self.record_change::<T>(id, event, &before);
    }

    /// Records that an object, which was `before`, has changed, if it has.
    pub fn record_change<T: Resource>(&mut self, id: &str, event: &str, before: &Value) {
        let after = self.rendered::<T>(id);
        let previous = differences(before, &after);
        if !previous.as_object().is_none_or(serde_json::Map::is_empty) {
            self.record(event, after, Some(previous));
        }
    }

    /// Records that something happened to an object.
    pub fn emit<T: Resource>(&mut self, event: &str, id: &str) {
        let object = self.rendered::<T>(id);
        self.record(event, object, None);
    }

    /// Everything again, for looking at what would happen. Nothing in it reaches anybody.
    pub fn copy(&self) -> Result<Self, ApiError> {
        let copied = serde_json::to_value(self).and_then(serde_json::from_value::<Self>);
        let mut copy =
            copied.map_err(|error| ApiError::impossible(format!("No copy can be made: {error}")))?;
        copy.base_url.clone_from(&self.base_url);
        Ok(copy)
    }

    /// Does everything that is due by now, each thing at its own time.
    pub fn catch_up(&mut self) {
        let until = self.clock.now();
        self.act_until(until);
        self.now = until;
    }

    /// Does everything due by `until`.
    pub fn act_until(&mut self, until: i64) {
        while let Some((at, due)) = self.clock.take_due(until) {
            self.now = self.now.max(at);
            self.origin = Origin::default();
            self.act(&due);
        }
    }

    fn act(&mut self, due: &Due) {
        use super::api::{checkout, invoices, subscriptions};
        match due {
            Due::Turn(id) => subscriptions::turn(self, id),
            Due::TrialWillEnd(id) => subscriptions::trial_will_end(self, id),
            Due::Resume(id) => subscriptions::resume_collection(self, id),
            Due::Incomplete(id) => subscriptions::expire_incomplete(self, id),
            Due::Finalize(id) => invoices::finalize_when_due(self, id),
            Due::Retry(id) => invoices::retry_when_due(self, id),
            Due::ExpirePending(id) => subscriptions::expire_pending(self, id),
            Due::Expire(id) => checkout::expire_when_due(self, id),
            Due::Redeliver(delivery) => self.outbox.redeliver(*delivery),
        }
    }

    /// How much has changed since the stand-in began. The passing of time is no change.
    pub fn changes(&self) -> u64 {
        let counted = self.clock.changes() + self.outbox.changes() + self.meter_events.changes();
        counted + stored::changes(self) + self.other_changes
    }

    /// Enters something to do at `at`.
    pub fn plan(&mut self, at: i64, due: Due) {
        self.clock.plan(at, due);
    }
}

/// The members of `before` that are different in `after`, as an event's `previous_attributes` has them.
fn differences(before: &Value, after: &Value) -> Value {
    let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else { return Value::Null };
    let different = before.iter().filter(|(name, value)| after.get(*name) != Some(*value));
    Value::Object(different.map(|(name, value)| (name.clone(), value.clone())).collect())
}
