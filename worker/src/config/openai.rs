//! How OpenAI, or what stands in for it, is reached.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::{ConfigError, Variables};
use crate::outbound::Outbound;

const SAFETY_KEY: &str = "OCTROI_SAFETY_KEY";
const SAFETY_KEY_BYTES_MIN: usize = 32;
const UPSTREAM_URL_DEFAULT: &str = "https://api.openai.com/v1";
const TIMEOUT_SECONDS_DEFAULT: u64 = 600;

/// How OpenAI, or what stands in for it, is reached.
#[derive(Debug, Clone)]
pub struct OpenAiConfig {
    /// Base URL without a trailing slash.
    pub upstream_url: String,
    /// The operator's key.
    pub api_key: SecretString,
    /// Longest call.
    pub timeout: Duration,
    /// HMAC key that turns a user id into a `safety_identifier`.
    pub safety_key: SecretString,
    /// Which addresses may be dialled.
    pub outbound: Outbound,
}

impl OpenAiConfig {
    /// Reads `OCTROI_UPSTREAM_*`, `OPENAI_API_KEY` and `OCTROI_SAFETY_KEY`.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let api_key =
            variables.required_secret("OPENAI_API_KEY", "set it to a key of your OpenAI project")?;
        if !api_key.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(ConfigError::Invalid {
                variable: "OPENAI_API_KEY",
                problem: "must be printable ASCII without spaces; check for a stray quote or line break"
                    .to_owned(),
            });
        }
        let safety_key = variables.required_secret(
            SAFETY_KEY,
            "set it to 32 random bytes or more, such as the output of `openssl rand -hex 32`, and keep it",
        )?;
        if safety_key.expose_secret().len() < SAFETY_KEY_BYTES_MIN {
            return Err(ConfigError::Invalid {
                variable: SAFETY_KEY,
                problem: format!("must have at least {SAFETY_KEY_BYTES_MIN} bytes"),
            });
        }
        let timeout_seconds =
            variables.number("OCTROI_UPSTREAM_TIMEOUT_SECONDS", TIMEOUT_SECONDS_DEFAULT, 1..=3600)?;
        let outbound = Outbound::read(variables)?;
        let upstream_url =
            variables.http_url("OCTROI_UPSTREAM_URL")?.unwrap_or_else(|| UPSTREAM_URL_DEFAULT.to_owned());
        outbound.judge_url("OCTROI_UPSTREAM_URL", &upstream_url)?;
        Ok(Self {
            upstream_url,
            api_key,
            timeout: Duration::from_secs(timeout_seconds),
            safety_key,
            outbound,
        })
    }
}
