//! Where Postgres is.

use std::str::FromStr;

use secrecy::{ExposeSecret, SecretString};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::{ConfigError, Variables};
use crate::outbound::Outbound;

const URL: &str = "OCTROI_DATABASE_URL";
/// The login that exports; the worker's own may not.
const ADMIN_URL: &str = "OCTROI_ADMIN_DATABASE_URL";
/// An export reads one table after the other.
const ADMIN_CONNECTIONS: u32 = 1;

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
        let url = read_url(
            variables,
            URL,
            "set it to a direct connection as octroi_worker, such as postgresql://octroi_worker:PASSWORD@HOST:5432/postgres",
        )?;
        Ok(Self { url, connections: variables.number("OCTROI_DATABASE_CONNECTIONS", 8, 2..=500)? })
    }

    /// Reads `OCTROI_ADMIN_DATABASE_URL`, for `octroi export`.
    ///
    /// # Errors
    /// A [`ConfigError`] naming the variable.
    pub fn read_admin(variables: &Variables) -> Result<Self, ConfigError> {
        let url = read_url(
            variables,
            ADMIN_URL,
            "set it to a login that octroi_admin is granted to, such as postgresql://ANALYST:PASSWORD@HOST:5432/postgres",
        )?;
        Ok(Self { url, connections: ADMIN_CONNECTIONS })
    }
}

/// A URL of Postgres that is encrypted where it leads off this machine.
fn read_url(
    variables: &Variables,
    variable: &'static str,
    advice: &'static str,
) -> Result<SecretString, ConfigError> {
    let url = variables.required_secret(variable, advice)?;
    let text = url.expose_secret();
    let is_url = text.starts_with("postgres://") || text.starts_with("postgresql://");
    let Some(options) = PgConnectOptions::from_str(text).ok().filter(|_| is_url) else {
        return Err(ConfigError::Invalid {
            variable,
            problem: "must be a URL such as postgresql://LOGIN:PASSWORD@HOST:5432/postgres".to_owned(),
        });
    };
    if !is_encrypted(&options) && !stays_inside(&options, &Outbound::read(variables)?) {
        return Err(ConfigError::Invalid {
            variable,
            problem: "must end in ?sslmode=verify-full (or require), since it leads off this machine"
                .to_owned(),
        });
    }
    Ok(url)
}

/// Whether the session is encrypted or does not come about. `prefer`, the default, goes on in the clear when somebody on the
/// way says that there is no TLS.
fn is_encrypted(options: &PgConnectOptions) -> bool {
    matches!(options.get_ssl_mode(), PgSslMode::Require | PgSslMode::VerifyCa | PgSslMode::VerifyFull)
}

fn stays_inside(options: &PgConnectOptions, outbound: &Outbound) -> bool {
    let host = options.get_host();
    options.get_socket().is_some() || host.starts_with('/') || outbound.vouches_for(host)
}
