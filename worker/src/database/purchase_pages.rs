//! Where customers can get more.

use std::sync::Arc;

use sqlx::Row;

use super::{Database, DatabaseError};

/// The operator's pages, as refusals and mails name them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PurchasePages {
    /// Where a bigger plan can be chosen.
    pub upgrade_url: Option<Arc<str>>,
    /// Where a pack can be bought.
    pub top_up_url: Option<Arc<str>>,
}

impl Database {
    /// The pages that are set now (`set_billing_settings`).
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn purchase_pages(&self) -> Result<PurchasePages, DatabaseError> {
        let query = sqlx::query("select upgrade_url, top_up_url from octroi_private.purchase_pages()");
        let row = self.answer(query.fetch_one(self.pool())).await?;
        let page = |column: usize| -> Result<Option<Arc<str>>, DatabaseError> {
            Ok(row.try_get::<Option<&str>, _>(column)?.map(Arc::from))
        };
        Ok(PurchasePages { upgrade_url: page(0)?, top_up_url: page(1)? })
    }

    /// URLs of the sites that the billing settings name: where checkout returns to, and the operator's pages.
    ///
    /// # Errors
    /// Any [`DatabaseError`].
    pub async fn page_origins(&self) -> Result<Vec<String>, DatabaseError> {
        let query = sqlx::query_scalar("select octroi_private.page_origins()");
        self.answer(query.fetch_all(self.pool())).await
    }
}
