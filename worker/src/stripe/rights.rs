//! What the key may read, found out by reading.

use serde::{Deserialize, Serialize};

use super::{Stripe, StripeError};

#[derive(Serialize)]
struct One {
    limit: u8,
}

#[derive(Deserialize)]
struct Anything {}

impl Stripe {
    /// Everything this worker reads.
    pub const READ_RESOURCES: [&'static str; 10] = [
        "/billing/meters",
        "/charges",
        "/checkout/sessions",
        "/customers",
        "/disputes",
        "/events",
        "/invoices",
        "/prices",
        "/refunds",
        "/subscriptions",
    ];

    /// Whether the key may list a resource.
    ///
    /// # Errors
    /// Any [`StripeError`] but a denial of this resource.
    pub async fn may_read(&self, resource: &str) -> Result<bool, StripeError> {
        match self.read::<Anything>(resource, &One { limit: 1 }).await {
            Ok(Anything {}) => Ok(true),
            Err(StripeError::Denied { status: 403, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
