//! Checkout sessions: the page on which a customer pays, without the page.

mod asks;
mod complete;
mod create;
mod render;

use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use asks::{Asks, has_country};
pub use complete::{Completion, complete, delayed_payment_settled, expire_when_due};

use crate::stripe::api::subscriptions::{NewSubscription, part};
use crate::stripe::endpoint::{Answer, Endpoint, retrieve};
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World};

/// What is bought.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Mode {
    /// Something once.
    Payment,
    /// Something that recurs.
    Subscription,
}

/// How far a session has come.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum Status {
    Open,
    Complete,
    Expired,
}

/// Whether the money is there.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub enum PaymentStatus {
    Unpaid,
    Paid,
    NoPaymentRequired,
}

/// One thing that is bought.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Bought {
    pub id: String,
    pub price: String,
    pub quantity: i64,
    pub metadata: Metadata,
}

/// A checkout session.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Session {
    pub id: String,
    pub created: i64,
    pub mode: Mode,
    pub status: Status,
    pub payment_status: PaymentStatus,
    pub customer: Option<String>,
    pub customer_email: Option<String>,
    pub creates_customer: bool,
    pub client_reference_id: Option<String>,
    pub metadata: Metadata,
    pub success_url: Option<String>,
    pub cancel_url: Option<String>,
    pub expires_at: i64,
    pub bought: Vec<Bought>,
    pub currency: String,
    /// What it costs now before discounts and taxes, in the currency's smallest unit.
    pub amount_total: i64,
    pub asks: Asks,
    pub accepted_terms: bool,
    /// By the code that was entered.
    pub percent_off: i64,
    /// Known once the customer has said where they are.
    pub tax_basis_points: i64,
    /// Of the invoice that a payment makes.
    pub invoice_metadata: Metadata,
    /// The subscription it makes when it is paid.
    pub subscribes: Option<NewSubscription>,
    pub trial_days: Option<i64>,
    /// The metadata and description of the payment it makes.
    pub payment_metadata: Metadata,
    pub payment_description: Option<String>,
    pub saves_method: bool,
    pub creates_invoice: bool,
    pub subscription: Option<String>,
    pub invoice: Option<String>,
    pub payment_intent: Option<String>,
}

/// A sum before and after discount and tax.
#[derive(Clone, Copy, Debug, Default)]
pub struct Amounts {
    pub subtotal: i64,
    pub discount: i64,
    pub tax: i64,
}

impl Amounts {
    /// A discount in percent is taken off, and a tax in hundredths of a percent put on what is left.
    pub fn of(subtotal: i64, percent_off: i64, tax_basis_points: i64) -> Self {
        let discount = part(subtotal, percent_off, 100);
        Self { subtotal, discount, tax: part(subtotal - discount, tax_basis_points, 10_000) }
    }

    /// What is paid.
    pub fn total(self) -> i64 {
        self.subtotal - self.discount + self.tax
    }
}

impl Session {
    /// What it costs as far as is known.
    pub fn amounts(&self) -> Amounts {
        Amounts::of(self.amount_total, self.percent_off, self.tax_basis_points)
    }
}

impl Resource for Session {
    const PREFIX: &'static str = "cs_test_";
    const KIND: &'static str = "checkout.session";

    fn render(&self, world: &World) -> Value {
        render::session(self, world)
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("checkout.sessions.create", create::create),
        ("GET", []) => Endpoint::all("checkout.sessions.list", list),
        ("GET", [id]) => Endpoint::one("checkout.sessions.retrieve", id, retrieve::<Session>),
        ("POST", [id, "expire"]) => Endpoint::one("checkout.sessions.expire", id, complete::expire),
        ("GET", [id, "line_items"]) => Endpoint::one("checkout.sessions.listLineItems", id, line_items),
        _ => return None,
    })
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.text("customer")?;
    let subscription = params.text("subscription")?;
    let intent = params.text("payment_intent")?;
    let status = params.one_of("status", &["complete", "expired", "open"])?;
    let wanted = |session: &Session| {
        (customer.is_none() || session.customer == customer)
            && (subscription.is_none() || session.subscription == subscription)
            && (intent.is_none() || session.payment_intent == intent)
            && status.is_none_or(|status| session.status.name() == status)
    };
    list::page(world, params, "/v1/checkout/sessions", wanted)
}

fn line_items(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.ignore(&["limit"]);
    params.finish()?;
    world.find::<Session>(id).map(|session| session.render_line_items(world))
}

impl Status {
    /// Its name in Stripe's objects.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
            Self::Expired => "expired",
        }
    }
}
