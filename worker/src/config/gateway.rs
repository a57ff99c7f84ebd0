//! How the gateway serves.

use std::net::SocketAddr;
use std::time::Duration;

use super::allowed_origins::{self, AllowedOrigins};
use super::{ConfigError, Variables};

const LISTEN: &str = "OCTROI_LISTEN";
const METRICS_LISTEN: &str = "OCTROI_METRICS_LISTEN";
const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8787);
/// A photograph of 20 MB in base64 fits.
const MAX_BODY_BYTES_DEFAULT: usize = 32 * 1024 * 1024;
const MAX_CONNECTIONS_DEFAULT: usize = 4096;
const DRAIN_SECONDS_DEFAULT: u64 = 30;

/// How the gateway serves.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// A listener for `/metrics` alone. Without one they are served beside the API if that listens on loopback only.
    pub metrics_listen: Option<SocketAddr>,
    /// Largest request body, in bytes.
    pub max_body_bytes: usize,
    /// Most client connections at once.
    pub max_connections: usize,
    /// How long calls under way may take after SIGTERM.
    pub drain: Duration,
    /// Pages of which sites may call from a browser.
    pub allowed_origins: AllowedOrigins,
}

impl GatewayConfig {
    /// Reads `OCTROI_LISTEN`, `OCTROI_METRICS_LISTEN`, `OCTROI_MAX_*`, `OCTROI_DRAIN_SECONDS` and
    /// `OCTROI_ALLOWED_ORIGINS`.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let drain_seconds = variables.number("OCTROI_DRAIN_SECONDS", DRAIN_SECONDS_DEFAULT, 0..=3600)?;
        Ok(Self {
            listen: address(variables, LISTEN)?.unwrap_or(LISTEN_DEFAULT),
            metrics_listen: address(variables, METRICS_LISTEN)?,
            max_body_bytes: variables.number(
                "OCTROI_MAX_BODY_BYTES",
                MAX_BODY_BYTES_DEFAULT,
                1024..=512 * 1024 * 1024,
            )?,
            max_connections: variables.number(
                "OCTROI_MAX_CONNECTIONS",
                MAX_CONNECTIONS_DEFAULT,
                1..=100_000,
            )?,
            drain: Duration::from_secs(drain_seconds),
            allowed_origins: allowed_origins::read(variables)?,
        })
    }
}

fn address(variables: &Variables, variable: &'static str) -> Result<Option<SocketAddr>, ConfigError> {
    let Some(text) = variables.optional(variable) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| ConfigError::Invalid {
        variable,
        problem: "must be an IP address and a port such as 127.0.0.1:8787 or [::]:8787".to_owned(),
    })
}
