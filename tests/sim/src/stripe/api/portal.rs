//! Billing portal sessions. What a customer does there is done to their subscription, by its own endpoints.

use serde_json::{Value, json};

use crate::stripe::endpoint::{Answer, Endpoint};
use crate::stripe::errors::ApiError;
use crate::stripe::params::Params;
use crate::stripe::world::{Resource, World, fresh_id};

/// The account's only portal configuration.
const CONFIGURATION: &str = "bpc_standin0000000000000000";

/// A portal session.
#[derive(Clone, Debug)]
pub struct PortalSession {
    pub id: String,
    pub created: i64,
    pub customer: String,
    pub return_url: Option<String>,
    pub flow: Value,
}

impl Resource for PortalSession {
    const PREFIX: &'static str = "bps_";
    const KIND: &'static str = "billing_portal.session";

    fn render(&self, world: &World) -> Value {
        json!({
            "id": self.id,
            "object": "billing_portal.session",
            "configuration": CONFIGURATION,
            "created": self.created,
            "customer": self.customer,
            "customer_account": null,
            "flow": self.flow,
            "livemode": false,
            "locale": null,
            "on_behalf_of": null,
            "return_url": self.return_url,
            "url": format!("{}/portal/{}", world.base_url, self.id),
        })
    }
}

/// The endpoints.
pub fn endpoint(method: &str, rest: &[&str]) -> Option<Endpoint> {
    match (method, rest) {
        ("POST", ["sessions"]) => Some(Endpoint::all("billingPortal.sessions.create", create)),
        _ => None,
    }
}

fn create(world: &mut World, params: &mut Params) -> Answer {
    let customer = params.required("customer")?;
    let return_url = params.text("return_url")?;
    let flow = take_flow(params)?;
    params.ignore(&["configuration", "locale"]);
    params.finish()?;
    super::customers::living(world, &customer, "customer")?;
    let session =
        PortalSession { id: fresh_id(PortalSession::PREFIX), created: world.now, customer, return_url, flow };
    let id = session.id.clone();
    world.add(session, "billing_portal.session.created");
    Ok(world.rendered::<PortalSession>(&id))
}

/// Takes `flow_data`, which opens the portal at one thing to do.
fn take_flow(params: &mut Params) -> Result<Value, ApiError> {
    let Some(mut data) = params.object("flow_data")? else { return Ok(Value::Null) };
    let kinds = [
        "payment_method_update",
        "subscription_cancel",
        "subscription_update",
        "subscription_update_confirm",
    ];
    let kind = data.one_of("type", &kinds)?.ok_or_else(|| ApiError::missing("flow_data[type]"))?;
    let of = |data: &mut Params, name: &str| -> Result<Value, ApiError> {
        let Some(mut details) = data.object(name)? else { return Ok(Value::Null) };
        let subscription = details.text("subscription")?;
        details.ignore(&["items", "discounts", "retention"]);
        details.finish()?;
        Ok(json!({ "subscription": subscription, "retention": null, "discounts": null, "items": [] }))
    };
    let flow = json!({
        "after_completion": { "hosted_confirmation": null, "redirect": null, "type": "portal_homepage" },
        "subscription_cancel": of(&mut data, "subscription_cancel")?,
        "subscription_update": of(&mut data, "subscription_update")?,
        "subscription_update_confirm": of(&mut data, "subscription_update_confirm")?,
        "type": kind,
    });
    data.ignore(&["after_completion"]);
    data.finish()?;
    Ok(flow)
}
