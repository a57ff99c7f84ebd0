//! Payment intents and the charges they make.

mod attempt;
mod charge;
mod intent;

pub use attempt::{Attempt, attempt, settle_delayed};
pub use charge::{Charge, ChargeStatus, endpoint as charge_endpoint};
pub use intent::{IntentStatus, Needed, PaymentIntent, endpoint as intent_endpoint, open};
