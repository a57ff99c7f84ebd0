//! Configuration from the environment, one struct per concern, read once at start.
//!
//! | variable | default | what |
//! |---|---|---|
//! | `OCTROI_DATABASE_URL` | required | Postgres, as the login `octroi_worker`; a direct or session connection, not a transaction pooler |
//! | `OCTROI_DATABASE_CONNECTIONS` | `8` | pool size; four more connections belong to the metering lanes and LISTEN |
//! | `OCTROI_ADMIN_DATABASE_URL` | required by `octroi export` | Postgres, as a login that `octroi_admin` is granted to; `octroi serve` does not read it |
//! | `OCTROI_LISTEN` | `127.0.0.1:8787` | address of the gateway |
//! | `OCTROI_METRICS_LISTEN` | none | address for `/metrics` alone; without it they are beside the API if that is on loopback |
//! | `OCTROI_ALLOWED_ORIGINS` | those of the billing settings | origins whose pages may call from a browser, separated by commas; `*` for every one, `none` for none |
//! | `OCTROI_MAX_BODY_BYTES` | `33554432` | largest request body |
//! | `OCTROI_MAX_CONNECTIONS` | `4096` | clients served at once |
//! | `OCTROI_DRAIN_SECONDS` | `30` | how long calls under way may take after SIGTERM |
//! | `OCTROI_UPSTREAM_URL` | `https://api.openai.com/v1` | the OpenAI-compatible API behind the gateway |
//! | `OPENAI_API_KEY` | required | the operator's key for it |
//! | `OCTROI_UPSTREAM_TIMEOUT_SECONDS` | `600` | longest call upstream |
//! | `OCTROI_SAFETY_KEY` | required | 32 bytes or more; HMAC key behind `safety_identifier` |
//! | `OCTROI_JWT_SECRET` | none | HS256 secret of Supabase Auth |
//! | `OCTROI_JWKS_URL` | none | key set of Supabase Auth (ES256, RS256); with neither, only API keys are taken |
//! | `OCTROI_JWT_ISSUER` | required with either | the `iss` a token must carry |
//! | `OCTROI_JWT_AUDIENCE` | `authenticated` | the `aud` a token must carry |
//! | `OCTROI_PRIVATE_HOSTS` | none | hosts in the operator's own network: private addresses and plaintext are allowed there |
//! | `OCTROI_JOB_CONCURRENCY` | `16` | jobs run at once |
//! | `STRIPE_SECRET_KEY` | none | a secret or restricted key; without one nothing is billed |
//! | `OCTROI_STRIPE_API_BASE` | `https://api.stripe.com` | a stand-in for Stripe; `http` on this machine only |
//! | `OCTROI_STRIPE_TIMEOUT_SECONDS` | `30` | longest wait for one answer of Stripe's |
//! | `OCTROI_STRIPE_CONCURRENCY` | `8` | calls to Stripe at once |
//! | `OCTROI_MAIL_BACKEND` | none | `smtp` or `file`; without it no mail is sent and mails wait |
//! | `OCTROI_MAIL_FROM` | required with it | sender, such as `Acme <no-reply@acme.example>` |
//! | `OCTROI_PUBLIC_URL` | required with it | where the gateway is reached from outside; unsubscribe links begin with it |
//! | `OCTROI_SMTP_URL` | required for `smtp` | `smtps://USER:PASSWORD@HOST:465`, or `smtp://…:587` with STARTTLS, always |
//! | `OCTROI_SMTP_CA_FILE` | none | certificates (PEM) believed besides the system's |
//! | `OCTROI_MAIL_DIRECTORY` | required for `file` | where mails are written, one `.eml` each |
//! | `OCTROI_LOG` | `info` | `tracing` filter |
//! | `OCTROI_LOG_FORMAT` | `json` | `json` or `pretty` |

mod allowed_origins;
mod auth;
mod database;
mod gateway;
mod jobs;
mod log;
mod mail;
mod openai;
mod stripe;
mod variables;

pub use allowed_origins::{AllowedOrigins, Origin};
pub use auth::AuthConfig;
pub use database::DatabaseConfig;
pub use gateway::GatewayConfig;
pub use jobs::JobsConfig;
pub use log::{LogConfig, LogFormat};
pub use mail::{MailBackend, MailConfig, SmtpConfig, SmtpCredentials, SmtpSecurity};
pub use openai::OpenAiConfig;
pub use stripe::StripeConfig;
pub use variables::{ConfigError, Variables};

/// Everything `octroi serve` needs to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where Postgres is.
    pub database: DatabaseConfig,
    /// How the gateway serves.
    pub gateway: GatewayConfig,
    /// How OpenAI is reached.
    pub openai: OpenAiConfig,
    /// Whose tokens are believed.
    pub auth: AuthConfig,
    /// How jobs are run.
    pub jobs: JobsConfig,
    /// How Stripe is reached; none when nothing is billed.
    pub stripe: Option<StripeConfig>,
    /// How mail leaves; none when it does not.
    pub mail: Option<MailConfig>,
}

impl Config {
    /// Reads and checks every variable.
    ///
    /// # Errors
    /// The first [`ConfigError`], naming the variable and what to do.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        Ok(Self {
            database: DatabaseConfig::read(variables)?,
            gateway: GatewayConfig::read(variables)?,
            openai: OpenAiConfig::read(variables)?,
            auth: AuthConfig::read(variables)?,
            jobs: JobsConfig::read(variables)?,
            stripe: StripeConfig::read(variables)?,
            mail: MailConfig::read(variables)?,
        })
    }
}

#[cfg(test)]
mod tests;
