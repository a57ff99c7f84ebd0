//! Products: one for each plan and each pack, under ids of ours.

use stripe_product::product::{CreateProduct, RetrieveProduct, UpdateProduct};

use super::{Stripe, StripeError, fresh_key};

/// A product as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedProduct {
    /// Its name on invoices.
    pub name: String,
    /// Whether it is for sale.
    pub is_active: bool,
}

impl Stripe {
    /// The product with an id of ours.
    ///
    /// # Errors
    /// Any [`StripeError`] but a missing product.
    pub async fn product(&self, id: &str) -> Result<Option<ListedProduct>, StripeError> {
        match self.get(&RetrieveProduct::new(id)).await {
            Ok(product) => Ok(Some(ListedProduct { name: product.name, is_active: product.active })),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes a product under an id of ours.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn create_product(&self, id: &str, name: &str) -> Result<(), StripeError> {
        let request = CreateProduct::new(name).id(id);
        self.change(&request, &fresh_key(id)).await.map(drop)
    }

    /// Gives a product another name, puts it on sale or takes it off.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn update_product(&self, id: &str, name: &str, is_active: bool) -> Result<(), StripeError> {
        let request = UpdateProduct::new(id).name(name).active(is_active);
        self.change(&request, &fresh_key(id)).await.map(drop)
    }
}
