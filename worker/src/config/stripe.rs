//! How Stripe, or what stands in for it, is reached.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{ConfigError, Variables};
use crate::outbound::Outbound;

const SECRET_KEY: &str = "STRIPE_SECRET_KEY";
const API_BASE: &str = "OCTROI_STRIPE_API_BASE";
const API_BASE_DEFAULT: &str = "https://api.stripe.com";
const TIMEOUT_SECONDS_DEFAULT: u64 = 30;
const CONCURRENCY_DEFAULT: usize = 8;

/// How Stripe is reached.
#[derive(Debug, Clone)]
pub struct StripeConfig {
    /// Without a version and without a trailing slash, as `https://api.stripe.com`.
    pub api_base: String,
    /// A secret or restricted key.
    pub secret_key: SecretString,
    /// Longest wait for one answer.
    pub timeout: Duration,
    /// Most calls under way at once.
    pub concurrency: usize,
    /// Which addresses may be dialled.
    pub outbound: Outbound,
}

impl StripeConfig {
    /// Reads `STRIPE_SECRET_KEY` and `OCTROI_STRIPE_*`; none without a key, when nothing is billed.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Option<Self>, ConfigError> {
        let timeout_seconds =
            variables.number("OCTROI_STRIPE_TIMEOUT_SECONDS", TIMEOUT_SECONDS_DEFAULT, 1..=300)?;
        let concurrency = variables.number("OCTROI_STRIPE_CONCURRENCY", CONCURRENCY_DEFAULT, 1..=100)?;
        let outbound = Outbound::read(variables)?;
        let api_base = api_base(variables, &outbound)?;
        let Some(secret_key) = variables.optional_secret(SECRET_KEY) else { return Ok(None) };
        let key = secret_key.expose_secret();
        let is_secret = key.starts_with("sk_") || key.starts_with("rk_");
        if !is_secret || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::Invalid {
                variable: SECRET_KEY,
                problem: "must be a restricted key (rk_…) or a secret key (sk_…)".to_owned(),
            });
        }
        let timeout = Duration::from_secs(timeout_seconds);
        Ok(Some(Self { api_base, secret_key, timeout, concurrency, outbound }))
    }
}

/// The key must not cross a network in the clear.
fn api_base(variables: &Variables, outbound: &Outbound) -> Result<String, ConfigError> {
    let Some(base) = variables.http_url(API_BASE)? else { return Ok(API_BASE_DEFAULT.to_owned()) };
    let invalid = |problem: &str| ConfigError::Invalid { variable: API_BASE, problem: problem.to_owned() };
    let url = reqwest::Url::parse(&base).map_err(|_| invalid("must be a URL"))?;
    outbound.judge_url(API_BASE, &base)?;
    if url.path() != "/" || url.query().is_some() {
        return Err(invalid("must be a host and a port alone, such as http://127.0.0.1:12111"));
    }
    Ok(base)
}
