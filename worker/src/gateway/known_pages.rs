//! Where a refused caller gets more, remembered for a moment: refusals come by the thousand.

use std::time::Duration;

use moka::future::Cache;

use crate::database::{Database, PurchasePages};

/// How long the operator's pages are believed, seconds.
const PAGES_TTL_SECONDS: u64 = 30;

/// The operator's pages.
#[derive(Clone)]
pub struct KnownPages {
    database: Database,
    pages: Cache<(), PurchasePages>,
}

impl KnownPages {
    /// Nothing is known yet.
    pub fn new(database: Database) -> Self {
        let pages = Cache::builder().time_to_live(Duration::from_secs(PAGES_TTL_SECONDS)).build();
        Self { database, pages }
    }

    /// The pages; none while the database cannot say, because a refusal is told all the same.
    pub async fn get(&self) -> PurchasePages {
        match self.pages.try_get_with((), self.database.purchase_pages()).await {
            Ok(pages) => pages,
            Err(error) => {
                tracing::warn!(%error, "a refusal could not say where to get more");
                PurchasePages::default()
            }
        }
    }
}
