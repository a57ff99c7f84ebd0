//! `octroi stripe endpoint`: makes the webhook endpoint, or gives it the right events.

use secrecy::ExposeSecret;

use super::{Command, CommandError};
use crate::stripe::API_VERSION;

/// What thin events' types begin with: they are sent by an event destination of API v2, made in the dashboard.
const THIN: [&str; 2] = ["v1.", "v2."];

pub(super) async fn run(command: &mut Command<'_>, url: &str) -> Result<(), CommandError> {
    let stripe = command.stripe()?;
    let mut events = command.database.subscribed_event_types().await?;
    events.retain(|event| !THIN.iter().any(|prefix| event.starts_with(prefix)));
    let version = API_VERSION.to_string();
    let endpoints = stripe.webhook_endpoints().await?;
    // The version of an endpoint cannot be changed; one of another version is left for the operator to take away.
    let ours = endpoints
        .iter()
        .find(|endpoint| endpoint.url == url && endpoint.api_version.as_ref() == Some(&version));
    if let Some(endpoint) = ours {
        stripe.set_webhook_events(&endpoint.id, &events).await?;
        writeln!(command.out, "{} sends {} types of events to {url}", endpoint.id, events.len())?;
        writeln!(command.out, "it was there already: its secret stands in Stripe's dashboard")?;
        return Ok(());
    }
    let endpoint = stripe.create_webhook_endpoint(url, &events).await?;
    writeln!(command.out, "{} sends {} types of events to {url}", endpoint.id, events.len())?;
    writeln!(command.out, "Stripe tells its secret only now; keep it for the webhook function:")?;
    writeln!(command.out, "STRIPE_WEBHOOK_SECRETS={}", endpoint.secret.expose_secret())?;
    Ok(())
}
