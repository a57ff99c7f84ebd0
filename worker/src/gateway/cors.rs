//! Calls from pages of other sites: what browsers ask before they let one through, and what they let it read.
//!
//! A call is judged by its bearer, never by a cookie, so credentials in a browser's sense are not allowed, a page gains
//! nothing that its user's token does not give it, and every request header may be sent and every response header read.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use http::request::Parts;
use moka::future::Cache;
use tower_http::cors::{AllowHeaders, AllowOrigin, CorsLayer, ExposeHeaders};

use super::state::GatewayState;
use crate::config::{AllowedOrigins, Origin};
use crate::database::{Database, DatabaseError};

/// What is open to pages of other sites: the API, and no page of the gateway's own, probe or download.
const OPEN_PATHS: &str = "/v1/";
/// How long the billing settings' sites are believed, seconds.
const SITES_TTL_SECONDS: u64 = 30;
/// How long a browser may remember what it was told, seconds.
const PREFLIGHT_TTL_SECONDS: u64 = 600;

/// Whose pages may call.
pub struct CallingSites {
    allowed: AllowedOrigins,
    database: Database,
    of_billing_settings: Cache<(), Arc<HashSet<Origin>>>,
}

impl CallingSites {
    /// Nothing is asked of the database yet.
    pub fn new(allowed: AllowedOrigins, database: Database) -> Self {
        let of_billing_settings =
            Cache::builder().time_to_live(Duration::from_secs(SITES_TTL_SECONDS)).build();
        Self { allowed, database, of_billing_settings }
    }

    /// Whether pages of `origin`, as a browser names it, may call.
    async fn include(&self, origin: &str) -> bool {
        match &self.allowed {
            AllowedOrigins::Every => true,
            AllowedOrigins::Listed(origins) => origins.contains(origin),
            AllowedOrigins::OfBillingSettings => {
                match self.of_billing_settings.try_get_with((), self.ask()).await {
                    Ok(origins) => origins.contains(origin),
                    Err(error) => {
                        tracing::warn!(%error, "whose pages may call is unknown, so none may");
                        false
                    }
                }
            }
        }
    }

    async fn ask(&self) -> Result<Arc<HashSet<Origin>>, DatabaseError> {
        let pages = self.database.page_origins().await?;
        Ok(Arc::new(pages.iter().filter_map(|page| Origin::of_url(page)).collect()))
    }
}

/// Answers what browsers ask before a call, without credentials, and marks answers that a page may read.
pub fn layer(state: &Arc<GatewayState>) -> CorsLayer {
    let state = Arc::clone(state);
    let calling_sites = AllowOrigin::async_predicate(move |origin, request: &Parts| {
        let is_open = request.uri.path().starts_with(OPEN_PATHS);
        async move {
            match origin.to_str() {
                Ok(origin) if is_open => state.calling_sites.include(origin).await,
                _ => false,
            }
        }
    });
    CorsLayer::new()
        .allow_origin(calling_sites)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers(AllowHeaders::mirror_request())
        .expose_headers(ExposeHeaders::any())
        .max_age(Duration::from_secs(PREFLIGHT_TTL_SECONDS))
}
