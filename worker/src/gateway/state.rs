//! What every handler shares.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::Semaphore;

use super::admission::Admission;
use super::auth::Authenticator;
use super::cors::CallingSites;
use super::known_pages::KnownPages;
use super::privacy_export::EXPORTS_MAX;
use crate::config::{AuthConfig, GatewayConfig};
use crate::database::Database;
use crate::mail::Phrasebook;
use crate::metered_call::MeteredCalls;
use crate::refused_calls::RefusedCalls;

/// The gateway's parts.
pub struct GatewayState {
    /// Who calls.
    pub authenticator: Authenticator,
    /// How many may.
    pub admission: Admission,
    /// Makes the calls.
    pub calls: MeteredCalls,
    /// For what has no reservation: models and readiness.
    pub database: Database,
    /// Renders `/metrics`.
    pub prometheus: PrometheusHandle,
    /// Where a refused caller gets more.
    pub pages: KnownPages,
    /// Whose pages may call from a browser.
    pub calling_sites: CallingSites,
    /// What was refused, for whoever helps the caller.
    pub refused_calls: RefusedCalls,
    /// Largest request body, bytes.
    pub max_body_bytes: usize,
    /// What pages say.
    pub phrases: Phrasebook,
    /// How many more bundles may be handed out at once.
    pub exports: Arc<Semaphore>,
    /// Whether `/metrics` is served beside the API.
    pub metrics_on_public_listener: bool,
    draining: AtomicBool,
}

impl GatewayState {
    /// The state of a gateway that serves.
    ///
    /// # Errors
    /// When the client for the JWKS endpoint cannot be built.
    pub fn new(
        config: &GatewayConfig,
        auth: &AuthConfig,
        database: Database,
        calls: MeteredCalls,
        prometheus: PrometheusHandle,
        refused_calls: RefusedCalls,
        phrases: Phrasebook,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            authenticator: Authenticator::new(database.clone(), auth)?,
            admission: Admission::new(config.max_body_bytes),
            calls,
            pages: KnownPages::new(database.clone()),
            calling_sites: CallingSites::new(config.allowed_origins.clone(), database.clone()),
            refused_calls,
            database,
            prometheus,
            max_body_bytes: config.max_body_bytes,
            phrases,
            exports: Arc::new(Semaphore::new(EXPORTS_MAX)),
            metrics_on_public_listener: config.metrics_listen.is_none() && config.listen.ip().is_loopback(),
            draining: AtomicBool::new(false),
        })
    }

    /// From now on no new call is taken.
    pub fn start_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Whether new calls are refused.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }
}
