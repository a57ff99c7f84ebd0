//! The webhook endpoints that Stripe sends our events to.

use secrecy::SecretString;
use stripe_misc::webhook_endpoint::{
    CreateWebhookEndpoint, CreateWebhookEndpointEnabledEvents, ListWebhookEndpoint, UpdateWebhookEndpoint,
    UpdateWebhookEndpointEnabledEvents,
};

use super::pages::{PAGE_OBJECTS, all};
use super::{API_VERSION, Stripe, StripeError, fresh_key};

/// An endpoint as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its id.
    pub id: String,
    /// Where events are sent to.
    pub url: String,
    /// The version events are made for; none is that of the Stripe account.
    pub api_version: Option<String>,
    /// The types sent; `*` is all.
    pub events: Vec<String>,
    /// `enabled` or `disabled`.
    pub status: String,
}

/// An endpoint that was made, with the secret that Stripe tells only now.
#[derive(Debug)]
pub struct NewEndpoint {
    /// Its id.
    pub id: String,
    /// What it signs with.
    pub secret: SecretString,
}

impl Stripe {
    /// Every endpoint.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn webhook_endpoints(&self) -> Result<Vec<Endpoint>, StripeError> {
        let endpoints = all(|after| async {
            let mut request = ListWebhookEndpoint::new().limit(PAGE_OBJECTS);
            if let Some(after) = after {
                request = request.starting_after(after);
            }
            self.get(&request).await
        })
        .await?;
        Ok(endpoints
            .into_iter()
            .map(|endpoint| Endpoint {
                id: endpoint.id.to_string(),
                url: endpoint.url,
                api_version: endpoint.api_version,
                events: endpoint.enabled_events,
                status: endpoint.status,
            })
            .collect())
    }

    /// Makes an endpoint for these types of events, with the version this worker reads.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn create_webhook_endpoint(
        &self,
        url: &str,
        events: &[String],
    ) -> Result<NewEndpoint, StripeError> {
        let events: Vec<_> = events.iter().map(|event| new_event(event)).collect();
        let request = CreateWebhookEndpoint::new(events, url).api_version(API_VERSION).description("Octroi");
        let endpoint = self.change(&request, &fresh_key("endpoint")).await?;
        let secret = endpoint.secret.map(SecretString::from);
        let secret =
            secret.ok_or_else(|| StripeError::Unreadable("an endpoint without a secret".to_owned()))?;
        Ok(NewEndpoint { id: endpoint.id.to_string(), secret })
    }

    /// Gives an endpoint other types of events.
    ///
    /// # Errors
    /// Any [`StripeError`].
    pub async fn set_webhook_events(&self, id: &str, events: &[String]) -> Result<(), StripeError> {
        let events: Vec<_> = events.iter().map(|event| changed_event(event)).collect();
        let request = UpdateWebhookEndpoint::new(id).enabled_events(events);
        self.change(&request, &fresh_key(id)).await.map(drop)
    }
}

fn new_event(event: &str) -> CreateWebhookEndpointEnabledEvents {
    // Infallible: what async-stripe does not know is passed on as it is.
    event.parse().unwrap_or_else(|_| CreateWebhookEndpointEnabledEvents::Unknown(event.to_owned()))
}

fn changed_event(event: &str) -> UpdateWebhookEndpointEnabledEvents {
    event.parse().unwrap_or_else(|_| UpdateWebhookEndpointEnabledEvents::Unknown(event.to_owned()))
}
