//! Where the objects of each kind are.

use super::{Table, World};
use crate::stripe::api::checkout::Session;
use crate::stripe::api::customers::Customer;
use crate::stripe::api::disputes::Dispute;
use crate::stripe::api::events::Event;
use crate::stripe::api::invoice_items::InvoiceItem;
use crate::stripe::api::invoices::{Invoice, InvoicePayment};
use crate::stripe::api::meters::Meter;
use crate::stripe::api::payment_methods::PaymentMethod;
use crate::stripe::api::payments::{Charge, PaymentIntent};
use crate::stripe::api::portal::PortalSession;
use crate::stripe::api::prices::Price;
use crate::stripe::api::products::Product;
use crate::stripe::api::refunds::Refund;
use crate::stripe::api::schedules::Schedule;
use crate::stripe::api::subscriptions::Subscription;
use crate::stripe::api::thin_events::ThinEvent;
use crate::stripe::api::webhook_endpoints::WebhookEndpoint;

/// Something with an id and a time, in a table of its own.
pub trait Stored: Sized {
    /// Its id.
    fn id(&self) -> &str;
    /// When it was made, in Unix seconds.
    fn created(&self) -> i64;
    /// Where objects of its kind are.
    fn table(world: &World) -> &Table<Self>;
    /// The same, to be changed.
    fn table_mut(world: &mut World) -> &mut Table<Self>;
}

macro_rules! stored {
    ($($kind:ty => $table:ident),* $(,)?) => {
        $(impl Stored for $kind {
            fn id(&self) -> &str {
                &self.id
            }

            fn created(&self) -> i64 {
                self.created
            }

            fn table(world: &World) -> &Table<Self> {
                &world.$table
            }

            fn table_mut(world: &mut World) -> &mut Table<Self> {
                &mut world.$table
            }
        })*
    };
}

stored! {
    Charge => charges,
    Customer => customers,
    Dispute => disputes,
    Event => events,
    Invoice => invoices,
    InvoiceItem => invoice_items,
    InvoicePayment => invoice_payments,
    Meter => meters,
    PaymentIntent => payment_intents,
    PaymentMethod => payment_methods,
    PortalSession => portal_sessions,
    Price => prices,
    Product => products,
    Refund => refunds,
    Schedule => schedules,
    Session => sessions,
    Subscription => subscriptions,
    ThinEvent => thin_events,
    WebhookEndpoint => webhook_endpoints,
}
