//! What `octroi doctor` says of security: what crosses a network in the clear, what the database allows, and breaches
//! that wait for somebody.

use std::str::FromStr;

use secrecy::ExposeSecret;
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use super::Finding;
use crate::config::{AuthConfig, DatabaseConfig, OpenAiConfig, Variables};
use crate::database::{BreachEntry, Database};
use crate::outbound::{Outbound, is_loopback};

/// What the variables say about the ways this worker takes. What they may not say is a fault of the configuration.
pub(super) fn of_configuration(variables: &Variables) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(config) = DatabaseConfig::read(variables)
        && let Ok(options) = PgConnectOptions::from_str(config.url.expose_secret())
    {
        findings.push(way_to_postgres(&options));
    }
    let urls = [
        ("OCTROI_UPSTREAM_URL", OpenAiConfig::read(variables).ok().map(|config| config.upstream_url)),
        ("OCTROI_JWKS_URL", AuthConfig::read(variables).ok().and_then(|config| config.jwks_url)),
    ];
    for (variable, url) in urls {
        let host = |url: &String| reqwest::Url::parse(url).ok()?.host_str().map(str::to_owned);
        if let Some(url) = url.filter(|url| url.starts_with("http://"))
            && host(&url).is_some_and(|host| !is_loopback(&host))
        {
            findings.push(Finding::Warning(format!(
                "{variable} is not encrypted; OCTROI_PRIVATE_HOSTS vouches for the network"
            )));
        }
    }
    if Outbound::read(variables).is_ok_and(|outbound| outbound == Outbound::default()) {
        findings.push(Finding::Good("nothing but this machine and the internet is dialled".to_owned()));
    }
    findings
}

fn way_to_postgres(options: &PgConnectOptions) -> Finding {
    let stays_here = options.get_socket().is_some()
        || options.get_host().starts_with('/')
        || is_loopback(options.get_host());
    match options.get_ssl_mode() {
        _ if stays_here => Finding::Good("the way to Postgres stays on this machine".to_owned()),
        PgSslMode::VerifyFull => {
            Finding::Good("the way to Postgres is encrypted and its end is known".to_owned())
        }
        PgSslMode::Require | PgSslMode::VerifyCa => Finding::Warning(
            "the way to Postgres is encrypted, but whoever answers is believed: use sslmode=verify-full"
                .to_owned(),
        ),
        _ => Finding::Warning(
            "the way to Postgres is not encrypted; OCTROI_PRIVATE_HOSTS vouches for the network".to_owned(),
        ),
    }
}

/// What the database allows, and what waits in it. Nothing when it does not answer, which is said elsewhere.
pub(super) async fn of_database(database: &Database) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Ok(surroundings) = database.surroundings().await {
        findings.push(match surroundings.public_may_make_temporary {
            false => Finding::Good("PUBLIC makes no temporary objects".to_owned()),
            true => Finding::Warning(
                "PUBLIC may make temporary objects in this database, as after a restore: revoke temporary on database … from public"
                    .to_owned(),
            ),
        });
    }
    if let Ok(breaches) = database.breaches(false).await {
        findings.extend(breaches.iter().filter_map(breach_finding));
    }
    if let Ok(signals) = database.security_signals(false).await {
        findings.push(match signals.len() {
            0 => Finding::Good("no sign of a breach waits to be looked at".to_owned()),
            waiting => Finding::Warning(format!(
                "{waiting} signs of a breach wait to be looked at: octroi breach signals"
            )),
        });
    }
    findings
}

fn breach_finding(entry: &BreachEntry) -> Option<Finding> {
    let left = entry.minutes_left?;
    let told = format!("breach {}, {}", entry.id, entry.title);
    Some(match left < 0 {
        true => Finding::Fault(format!(
            "{told}: the report to the authority is overdue by {} h; docs/incident-response.md",
            -left / 60
        )),
        false => Finding::Warning(format!("{told}: the report to the authority is due in {} h", left / 60)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(url: &str) -> Finding {
        way_to_postgres(&PgConnectOptions::from_str(url).unwrap())
    }

    #[test]
    fn the_way_to_postgres_is_judged_by_where_it_leads() {
        for here in
            ["postgres://w@127.0.0.1/p", "postgres://w@localhost/p?sslmode=disable", "postgres://w@[::1]/p"]
        {
            assert!(matches!(way(here), Finding::Good(_)), "{here}");
        }
        assert!(matches!(way("postgres://w@db.example.com/p?sslmode=verify-full"), Finding::Good(_)));
        for open in ["require", "prefer", "disable"] {
            assert!(matches!(
                way(&format!("postgres://w@db.example.com/p?sslmode={open}")),
                Finding::Warning(_)
            ));
        }
    }
}
