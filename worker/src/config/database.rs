//! Where Postgres is.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::PgConnectOptions;

use super::{ConfigError, Variables};

const URL: &str = "OCTROI_DATABASE_URL";

/// Where Postgres is and how many connections the pool may open.
#[derive(Debug, Clone)]
pub struct DatabaseConfig {
    /// `postgresql://octroi_worker:…@host:5432/database`.
    pub url: SecretString,
    /// Pool size; the lanes and LISTEN have their own connections besides.
    pub connections: u32,
}

impl DatabaseConfig {
    /// Reads `OCTROI_DATABASE_*`.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read(variables: &Variables) -> Result<Self, ConfigError> {
        let url = variables.required_secret(
            URL,
            "set it to a direct connection as octroi_worker, such as postgresql://octroi_worker:PASSWORD@HOST:5432/postgres",
        )?;
        let text = url.expose_secret();
        if !(text.starts_with("postgres://") || text.starts_with("postgresql://"))
            || PgConnectOptions::from_str(text).is_err()
        {
            return Err(ConfigError::Invalid {
                variable: URL,
                problem: "must be a URL such as postgresql://octroi_worker:PASSWORD@HOST:5432/postgres"
                    .to_owned(),
            });
        }
        Ok(Self { url, connections: variables.number("OCTROI_DATABASE_CONNECTIONS", 8, 2..=500)? })
    }
}
