//! `octroi doctor`: one line per check, and what to do about each fault.

mod models;
mod people;
mod privacy;
mod provider;
mod security;
mod stripe;

use std::io::Write;

use time::OffsetDateTime;

use crate::config::{
    AuthConfig, ConfigError, DatabaseConfig, GatewayConfig, JobsConfig, LogConfig, MailConfig, OpenAiConfig,
    StripeConfig, Variables,
};
use crate::database::{Database, DatabaseError};
use crate::mail::Post;
use crate::startup::{self, MIGRATION_MIN, StartupError};

/// Difference between the two clocks that is worth a word, in seconds.
const SKEW_SECONDS_WARN: i64 = 5;
/// Difference at which tokens are believed that should not be, in seconds.
const SKEW_SECONDS_MAX: i64 = 60;

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// As it should be.
    Good(String),
    /// Works, but should be changed.
    Warning(String),
    /// Does not work; says what to do.
    Fault(String),
}

impl Finding {
    /// A check that the database refused to answer; none when it does not answer at all, which is said elsewhere.
    fn unchecked(what: &str, error: &DatabaseError) -> Option<Self> {
        let state = error.sqlstate()?;
        Some(Self::Warning(format!(
            "{what} could not be checked (SQLSTATE {state}): see that all migrations are applied, and try again"
        )))
    }
}

/// Runs every check and writes the findings to `out`. True when there is no fault.
///
/// # Errors
/// [`std::io::Error`] when `out` cannot be written to.
pub async fn examine(variables: &Variables, out: &mut impl Write) -> std::io::Result<bool> {
    let mut findings = configuration(variables);
    match DatabaseConfig::read(variables).map(|config| Database::new(&config)) {
        Ok(Ok(database)) => {
            findings.extend(database_findings(&database).await);
            findings.extend(people::findings(&database).await);
            findings.extend(stripe::findings(variables, &database).await);
            findings.extend(security::of_database(&database).await);
            findings.extend(privacy::findings(&database).await);
            findings.extend(models::findings(&database).await);
        }
        Ok(Err(error)) => {
            findings.push(Finding::Fault(format!("OCTROI_DATABASE_URL cannot be used: {error}")))
        }
        Err(_) => {
            findings.push(Finding::Fault("the database was not looked at: it is not configured".to_owned()))
        }
    }
    findings.extend(provider::finding(variables).await);
    findings.extend(mail_finding(variables).await);
    findings.extend(security::of_configuration(variables));
    let mut healthy = true;
    for finding in &findings {
        match finding {
            Finding::Good(text) => writeln!(out, "ok     {text}")?,
            Finding::Warning(text) => writeln!(out, "warn   {text}")?,
            Finding::Fault(text) => {
                healthy = false;
                writeln!(out, "FAULT  {text}")?;
            }
        }
    }
    Ok(healthy)
}

/// Every concern is read by itself, so that all faults show at once.
fn configuration(variables: &Variables) -> Vec<Finding> {
    let judged = |concern: &str, result: Result<(), ConfigError>| match result {
        Ok(()) => Finding::Good(format!("configuration of {concern}")),
        Err(error) => Finding::Fault(error.to_string()),
    };
    vec![
        judged("logging", LogConfig::read(variables).map(drop)),
        judged("the database", DatabaseConfig::read(variables).map(drop)),
        judged("the gateway", GatewayConfig::read(variables).map(drop)),
        judged("OpenAI", OpenAiConfig::read(variables).map(drop)),
        judged("authentication", AuthConfig::read(variables).map(drop)),
        judged("jobs", JobsConfig::read(variables).map(drop)),
        judged("Stripe", StripeConfig::read(variables).map(drop)),
        judged("mail", MailConfig::read(variables).map(drop)),
    ]
}

async fn database_findings(database: &Database) -> Vec<Finding> {
    let surroundings = match database.reach().await {
        Ok(()) => database.surroundings().await,
        Err(error) => Err(error),
    };
    let surroundings = match surroundings {
        Ok(surroundings) => surroundings,
        Err(error) => return vec![Finding::Fault(StartupError::Database(error).to_string())],
    };
    let mut findings = vec![Finding::Good("the database answers".to_owned())];
    findings.push(match surroundings.extension_version {
        Some(version) => Finding::Good(format!("extension octroi {version}")),
        None => {
            Finding::Fault("the extension octroi is not installed in this database: see README.md".to_owned())
        }
    });
    findings.push(clock_finding((OffsetDateTime::now_utc() - surroundings.clock).whole_seconds()));
    match startup::check(database).await {
        Ok(()) => {
            findings.push(Finding::Good(format!("schema at migration {MIGRATION_MIN} or later")));
            findings.push(Finding::Good("synchronous_commit is on".to_owned()));
            findings.push(Finding::Good("the role has no rights to spare".to_owned()));
        }
        Err(error) => findings.push(Finding::Fault(error.to_string())),
    }
    if let Ok(readiness) = database.worker_ready().await {
        findings.push(match startup::missing_fixes(&readiness.server_minor) {
            Some(wanted) => Finding::Warning(format!(
                "Postgres {} lacks security fixes: upgrade to {wanted} or later",
                readiness.server_minor
            )),
            None => Finding::Good(format!("Postgres {}", readiness.server_minor)),
        });
        findings.push(sealing_finding(readiness.operator_key_problem));
    }
    findings
}

/// Without operator keys nobody's address is kept, and who signs up meanwhile cannot be written to.
fn sealing_finding(operator_key_problem: Option<String>) -> Finding {
    match operator_key_problem {
        None => Finding::Good("personal data is sealed by operator keys".to_owned()),
        Some(problem) => Finding::Fault(format!(
            "personal data cannot be sealed, and no address is kept: {problem}; see \"Operator keys\" in \
             docs/operations.md"
        )),
    }
}

/// Connects and signs in as a mail would, and sends none. Nothing when mail is not configured, or not rightly.
async fn mail_finding(variables: &Variables) -> Option<Finding> {
    let Ok(config) = MailConfig::read(variables) else { return None };
    let Some(config) = config else {
        return Some(Finding::Warning("no mail is sent: OCTROI_MAIL_BACKEND is not set".to_owned()));
    };
    Some(match Post::new(&config) {
        Err(error) => Finding::Fault(error.to_string()),
        Ok(post) => match post.mailer.check().await {
            Ok(told) => Finding::Good(told),
            Err(not_sent) => Finding::Fault(format!("mails cannot leave: {not_sent}")),
        },
    })
}

/// Periods and leases follow the database's clock alone; the expiry of tokens follows this machine's.
fn clock_finding(ahead_seconds: i64) -> Finding {
    let told = format!("this machine's clock is {ahead_seconds} s ahead of the database's");
    match ahead_seconds.abs() {
        apart if apart > SKEW_SECONDS_MAX => {
            Finding::Fault(format!("{told}: set up time synchronisation on both"))
        }
        apart if apart > SKEW_SECONDS_WARN => Finding::Warning(told),
        _ => Finding::Good("the clocks agree".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_that_drift_apart_are_told() {
        assert_eq!(clock_finding(1), Finding::Good("the clocks agree".to_owned()));
        assert!(matches!(clock_finding(-10), Finding::Warning(_)));
        assert!(matches!(clock_finding(3600), Finding::Fault(_)));
    }

    #[tokio::test]
    async fn what_would_cross_a_network_in_the_clear_is_a_fault() {
        let variables = [
            ("OCTROI_DATABASE_URL", "postgres://octroi_worker:x@10.0.0.5/postgres"),
            ("OPENAI_API_KEY", "sk-operator"),
            ("OCTROI_SAFETY_KEY", "0123456789abcdef0123456789abcdef"),
            ("OCTROI_UPSTREAM_URL", "http://llm.example/v1"),
        ];
        let variables =
            variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into_iter().collect();
        let mut out = Vec::new();
        assert!(!examine(&variables, &mut out).await.unwrap());
        let text = String::from_utf8(out).unwrap();
        for fault in [
            "OCTROI_DATABASE_URL must end in ?sslmode=verify-full",
            "OCTROI_UPSTREAM_URL must start with https://",
        ] {
            assert!(text.contains(&format!("FAULT  {fault}")), "{text}");
        }
    }

    #[tokio::test]
    async fn every_missing_variable_shows_at_once() {
        let mut out = Vec::new();
        assert!(!examine(&Variables::default(), &mut out).await.unwrap());
        let text = String::from_utf8(out).unwrap();
        for variable in ["OCTROI_DATABASE_URL", "OPENAI_API_KEY"] {
            assert!(text.contains(&format!("FAULT  {variable} is not set")), "{text}");
        }
    }
}
