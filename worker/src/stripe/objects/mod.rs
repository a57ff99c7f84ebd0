//! Stripe's objects, reduced to the members that SQL wants to know: ids as plain text, times as Unix seconds, amounts in
//! the currency's minor unit. The names are those of `apply_stripe_object`. Nothing personal is among them, and nothing
//! of a card.

mod charge;
mod checkout_session;
mod customer;
mod dispute;
mod invoice;
mod subscription;

pub use charge::{Charge, Refund};
pub use checkout_session::{CheckoutSession, SessionItem};
pub use customer::Customer;
pub use dispute::Dispute;
pub use invoice::{Invoice, InvoiceLine};
pub use subscription::{Subscription, SubscriptionItem};

use serde::Serialize;
use stripe_types::AsCursorOpt;

/// An object as it was fetched.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Synced {
    /// It is not there, or not any more.
    Deleted {
        /// Always true.
        deleted: bool,
    },
    /// A customer.
    Customer(Customer),
    /// A subscription.
    Subscription(Subscription),
    /// An invoice.
    Invoice(Invoice),
    /// A checkout session.
    CheckoutSession(CheckoutSession),
    /// A charge.
    Charge(Charge),
    /// A dispute.
    Dispute(Dispute),
}

/// The id behind a member that Stripe could have expanded.
pub(super) fn id_of<T: stripe_types::Object>(expandable: &stripe_types::Expandable<T>) -> String
where
    T::Id: std::fmt::Display,
{
    expandable.id().to_string()
}

/// The same for a member that may be missing, or an object that may have no id yet.
pub(super) fn optional_id_of<T: stripe_types::Object>(
    expandable: Option<&stripe_types::Expandable<T>>,
) -> Option<String>
where
    T::Id: AsCursorOpt,
{
    expandable?.id().as_cursor_opt().map(str::to_owned)
}
