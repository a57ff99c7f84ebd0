//! How Stripe, or what stands in for it, is reached.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::{ConfigError, Variables};
use crate::stripe::StripeSettings;

const SECRET_KEY: &str = "STRIPE_SECRET_KEY";
const API_BASE: &str = "OCTROI_STRIPE_API_BASE";
const API_BASE_DEFAULT: &str = "https://api.stripe.com";
const TIMEOUT_SECONDS_DEFAULT: u64 = 30;
const CONCURRENCY_DEFAULT: usize = 8;

/// How Stripe is reached. Without a key nothing is billed.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// Settings of the client; none without a key.
    pub settings: Option<StripeSettings>,
}

impl StripeConfig {
    /// Reads `STRIPE_SECRET_KEY` and `OCTROI_STRIPE_*`.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let timeout_seconds =
            variables.number("OCTROI_STRIPE_TIMEOUT_SECONDS", TIMEOUT_SECONDS_DEFAULT, 1..=300)?;
        let concurrency = variables.number("OCTROI_STRIPE_CONCURRENCY", CONCURRENCY_DEFAULT, 1..=100)?;
        let api_base = api_base(variables)?;
        let Some(secret_key) = variables.optional_secret(SECRET_KEY) else {
            return Ok(Self { settings: None });
        };
        let key = secret_key.expose_secret();
        if !(key.starts_with("sk_") || key.starts_with("rk_"))
            || !key.bytes().all(|byte| byte.is_ascii_graphic())
        {
            return Err(ConfigError::Invalid {
                variable: SECRET_KEY,
                problem: "must be a secret key (sk_…) or, better, a restricted one (rk_…)".to_owned(),
            });
        }
        let timeout = Duration::from_secs(timeout_seconds);
        Ok(Self { settings: Some(StripeSettings { api_base, secret_key, timeout, concurrency }) })
    }
}

/// The key must not cross a network in the clear.
fn api_base(variables: &Variables) -> Result<String, ConfigError> {
    let Some(base) = variables.http_url(API_BASE)? else { return Ok(API_BASE_DEFAULT.to_owned()) };
    let invalid = |problem: &str| ConfigError::Invalid { variable: API_BASE, problem: problem.to_owned() };
    let url = reqwest::Url::parse(&base).map_err(|_| invalid("must be a URL"))?;
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let is_loopback =
        host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback());
    if url.scheme() != "https" && !is_loopback {
        return Err(invalid("must start with https:// unless it is on this machine"));
    }
    if url.path() != "/" || url.query().is_some() {
        return Err(invalid("must be a host and a port alone, such as http://127.0.0.1:12111"));
    }
    Ok(base)
}
