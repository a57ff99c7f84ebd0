//! What `octroi doctor` says of Stripe: whether the key will do, and whether events will come.

use super::Finding;
use crate::config::{StripeConfig, Variables};
use crate::database::Database;
use crate::stripe::{API_VERSION, Endpoint, Stripe, StripeError};

/// What thin events' types begin with: webhook endpoints do not list them.
const THIN: [&str; 2] = ["v1.", "v2."];

/// Everything there is to say; nothing when Stripe is configured wrongly, which is said elsewhere.
pub(super) async fn findings(variables: &Variables, database: &Database) -> Vec<Finding> {
    let Ok(config) = StripeConfig::read(variables) else { return Vec::new() };
    let Some(config) = config else {
        return vec![Finding::Warning("STRIPE_SECRET_KEY is not set: nothing is billed".to_owned())];
    };
    let stripe = match Stripe::new(&config) {
        Ok(stripe) => stripe,
        Err(error) => return vec![Finding::Fault(format!("STRIPE_SECRET_KEY: {error}"))],
    };
    let mut findings = rights(&stripe).await;
    findings.push(match stripe.webhook_endpoints().await {
        Ok(endpoints) => endpoint_finding(&endpoints, database).await,
        Err(StripeError::Denied { .. }) => {
            Finding::Warning("the key may not read webhook endpoints, so they were not looked at".to_owned())
        }
        Err(error) => Finding::Fault(format!("Stripe's webhook endpoints: {error}")),
    });
    findings.extend(troubles(database).await);
    findings
}

/// Reading is tried; writing cannot be tried without doing it.
async fn rights(stripe: &Stripe) -> Vec<Finding> {
    let mut denied = Vec::new();
    for resource in Stripe::READ_RESOURCES {
        match stripe.may_read(resource).await {
            Ok(true) => {}
            Ok(false) => denied.push(resource.trim_start_matches('/')),
            Err(error) => return vec![Finding::Fault(format!("Stripe: {error}"))],
        }
    }
    let mode = if stripe.is_live() { "live" } else { "test" };
    if denied.is_empty() {
        return vec![Finding::Good(format!("Stripe answers in {mode} mode, version {API_VERSION}"))];
    }
    vec![Finding::Fault(format!(
        "the key at Stripe may not read {}: docs/operations.md lists the rights it needs",
        denied.join(", ")
    ))]
}

async fn endpoint_finding(endpoints: &[Endpoint], database: &Database) -> Finding {
    let version = API_VERSION.to_string();
    let enabled = || endpoints.iter().filter(|endpoint| endpoint.status == "enabled");
    let Some(endpoint) = enabled().find(|endpoint| endpoint.api_version.as_ref() == Some(&version)) else {
        return Finding::Warning(format!(
            "Stripe has no webhook endpoint of version {version}: run `octroi stripe endpoint URL`; until then events \
             are only asked for every hour"
        ));
    };
    let wanted = database.subscribed_event_types().await.unwrap_or_default();
    let missing: Vec<&str> = wanted
        .iter()
        .filter(|kind| !THIN.iter().any(|prefix| kind.starts_with(prefix)))
        .filter(|kind| !endpoint.events.iter().any(|event| event == "*" || event == *kind))
        .map(String::as_str)
        .collect();
    if missing.is_empty() {
        return Finding::Good(format!("Stripe's webhook endpoint {} sends what is needed", endpoint.id));
    }
    Finding::Fault(format!(
        "Stripe's webhook endpoint {} does not send {}: run `octroi stripe endpoint {}`",
        endpoint.id,
        missing.join(", "),
        endpoint.url
    ))
}

async fn troubles(database: &Database) -> Vec<Finding> {
    match database.billing_troubles().await {
        Ok(troubles) => troubles
            .into_iter()
            .map(|trouble| {
                let detail = trouble.detail.unwrap_or_default();
                Finding::Warning(format!("billing: {} {} {detail}", trouble.kind, trouble.subject))
            })
            .collect(),
        Err(error) => vec![Finding::Fault(format!("billing's troubles cannot be listed: {error}"))],
    }
}
