//! Webhook endpoints: who is told what.

use serde_json::{Value, json};

use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::list;
use crate::stripe::params::{Metadata, Params};
use crate::stripe::world::{Resource, World, fresh_id};

/// A webhook endpoint.
#[derive(Clone, Debug)]
pub struct WebhookEndpoint {
    pub id: String,
    pub created: i64,
    pub url: String,
    /// Types of events; `*` is all of them.
    pub enabled_events: Vec<String>,
    /// What deliveries are signed with: one secret, or two while it is being rolled.
    pub secrets: Vec<String>,
    pub disabled: bool,
    pub deleted: bool,
    pub description: Option<String>,
    pub metadata: Metadata,
}

impl WebhookEndpoint {
    /// An endpoint that is told everything.
    pub fn new(now: i64, url: String, secret: String) -> Self {
        Self {
            id: fresh_id(Self::PREFIX),
            created: now,
            url,
            enabled_events: vec!["*".to_owned()],
            secrets: vec![secret],
            disabled: false,
            deleted: false,
            description: None,
            metadata: Metadata::new(),
        }
    }

    /// Whether it is told of events of that type.
    pub fn wants(&self, kind: &str) -> bool {
        let enabled = |pattern: &String| pattern == "*" || pattern == kind;
        !self.disabled && !self.deleted && self.enabled_events.iter().any(enabled)
    }
}

impl Resource for WebhookEndpoint {
    const PREFIX: &'static str = "we_";
    const KIND: &'static str = "webhook endpoint";

    fn render(&self, _world: &World) -> Value {
        if self.deleted {
            return json!({ "id": self.id, "object": "webhook_endpoint", "deleted": true });
        }
        json!({
            "id": self.id,
            "object": "webhook_endpoint",
            "api_version": crate::stripe::VERSION,
            "application": null,
            "created": self.created,
            "description": self.description,
            "enabled_events": self.enabled_events,
            "livemode": false,
            "metadata": self.metadata,
            "status": if self.disabled { "disabled" } else { "enabled" },
            "url": self.url,
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    Some(match (method, rest) {
        ("POST", []) => Endpoint::all("webhookEndpoints.create", create),
        ("GET", []) => Endpoint::all("webhookEndpoints.list", list),
        ("GET", [id]) => Endpoint::one("webhookEndpoints.retrieve", id, retrieve),
        ("POST", [id]) => Endpoint::one("webhookEndpoints.update", id, update),
        ("DELETE", [id]) => Endpoint::one("webhookEndpoints.del", id, delete),
        _ => return None,
    })
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let url = params.required("url")?;
    let enabled_events = params.texts("enabled_events")?;
    let version = params.text("api_version")?;
    let description = params.text("description")?;
    let mut metadata = Metadata::new();
    params.metadata(&mut metadata)?;
    params.finish()?;
    if enabled_events.is_empty() {
        return Err(ApiError::missing("enabled_events"));
    }
    check_types(&enabled_events)?;
    if let Some(version) = version.filter(|version| version != crate::stripe::VERSION) {
        return Err(ApiError::wrong_version(&version));
    }
    let secret = fresh_id("whsec_");
    let endpoint = WebhookEndpoint {
        enabled_events,
        description,
        metadata,
        ..WebhookEndpoint::new(world.now, url, secret.clone())
    };
    let mut answer = endpoint.render(world);
    // The secret is shown here, and never again.
    answer["secret"] = json!(secret);
    world.webhook_endpoints.insert(endpoint.id.clone(), endpoint);
    Ok(answer)
}

/// Thin events need an event destination of API v2. The endpoint that the stand-in is started with gets them as well.
fn check_types(types: &[String]) -> Result<(), ApiError> {
    match types.iter().find(|name| name.starts_with("v1.") || name.starts_with("v2.")) {
        None => Ok(()),
        Some(name) => {
            let message = format!("Invalid enabled_events: {name} is not a type of event of API v1.");
            Err(ApiError::parameter("parameter_invalid", "enabled_events", message))
        }
    }
}

fn existing<'w>(world: &'w World, id: &str) -> Result<&'w WebhookEndpoint, ApiError> {
    let endpoint = world.find::<WebhookEndpoint>(id)?;
    if endpoint.deleted { Err(ApiError::no_such(WebhookEndpoint::KIND, id, None)) } else { Ok(endpoint) }
}

fn retrieve(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    existing(world, id).map(|endpoint| endpoint.render(world))
}

fn list(world: &mut World, params: &mut Params) -> Answer {
    list::page(world, params, "/v1/webhook_endpoints", |endpoint: &WebhookEndpoint| !endpoint.deleted)
}

fn update(world: &mut World, id: &str, params: &mut Params) -> Answer {
    let mut changed = existing(world, id)?.clone();
    if let Some(url) = params.text("url")? {
        changed.url = url;
    }
    let events = params.texts("enabled_events")?;
    check_types(&events)?;
    if !events.is_empty() {
        changed.enabled_events = events;
    }
    if let Some(disabled) = params.boolean("disabled")? {
        changed.disabled = disabled;
    }
    if let Some(description) = params.clearable("description")? {
        changed.description = description;
    }
    params.metadata(&mut changed.metadata)?;
    params.finish()?;
    world.change::<WebhookEndpoint>(id, |endpoint| *endpoint = changed);
    Ok(world.rendered::<WebhookEndpoint>(id))
}

fn delete(world: &mut World, id: &str, params: &mut Params) -> Answer {
    params.finish()?;
    existing(world, id)?;
    world.change::<WebhookEndpoint>(id, |endpoint| endpoint.deleted = true);
    Ok(world.rendered::<WebhookEndpoint>(id))
}
