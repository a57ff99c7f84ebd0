//! Charges an automatic top-up.

use serde::Deserialize;

use super::customer::asked_since_s;
use super::{Made, Work};
use crate::queue::Failure;
use crate::stripe::TopUpInvoice;

#[derive(Deserialize)]
struct Args {
    price: String,
    quantity: u64,
    currency: String,
    #[serde(default)]
    automatic_tax: bool,
    reference: String,
}

/// Charges it. What cannot be paid is given up at once: a customer who did not ask now is not asked again and again.
pub(super) async fn charge(work: &Work<'_>) -> Result<Made, Failure> {
    let args: Args = work.args()?;
    let top_up = TopUpInvoice {
        customer: work.customer,
        price: &args.price,
        quantity: args.quantity,
        currency: &args.currency,
        automatic_tax: args.automatic_tax,
        reference: &args.reference,
        created_after_s: asked_since_s(work.request_id),
    };
    match work.stripe.charge_top_up(top_up, work.key()).await {
        Ok(invoice) => Ok(Made::Object(invoice, None)),
        Err(error) if error.is_refusal() => {
            work.stripe.void_top_up(top_up, work.key()).await?;
            Err(error.into())
        }
        Err(error) => Err(error.into()),
    }
}
